"""Sends what is due in the outbox: woken by commits, by its own answers, and by the clock; it never polls.

Nothing is remembered here that a restart would lose: what was in flight when a server died is due again,
with the same message id, so delivery is at least once.
A receiver that does not answer holds its share of the places and no more (`places`), and a delivery that
waits for its next try holds none.
What is due and must wait says in the outbox for what; what becomes free when a delivery ends is asked for, so
that no look at the outbox passes over what cannot be sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar, assert_never

import httpx2
import structlog

from headrace.clock import Clock
from headrace.errors import HeadraceError, NotFound, StoreError
from headrace.notifications import posting, schedule, signing
from headrace.notifications.places import (
    MOST_IN_FLIGHT,
    PROMPTLY,
    Places,
    Standing,
    Standings,
    endpoint_key,
    freed_by,
    is_place,
)
from headrace.notifications.signing import Signer
from headrace.security.redaction import SecretsInUse
from headrace.store.protocol import Deliveries
from headrace.store.rows import Delivery, DeliveryAttempt, DeliveryHead, DeliveryState

log = structlog.get_logger(__name__)

T = TypeVar("T")

LOOK = 200
"""Deliveries that are looked at in one step: a burst of them to one receiver is put to wait in few steps."""

LOOK_AGAIN = 4
"""Deliveries that are looked at when something was freed, which is mostly room for one or a few."""

LONGEST_SLEEP = timedelta(seconds=30)
"""After it the clock is looked at again while something waits, because somebody may have set it."""

STORE_PATIENCE = timedelta(seconds=1)
"""Between tries while the store cannot answer."""

CLOSING = timedelta(seconds=2)
"""For what is in flight when the server stops; what takes longer is sent again by the next one."""

Reveal = Callable[[str, str], Awaitable[str]]
"""Scope and name of a secret to its value; raises `NotFound` or another `HeadraceError`."""


class Notifier:
    """The sender of all deliveries of this server."""

    def __init__(
        self,
        deliveries: Deliveries,
        client: Callable[[], httpx2.AsyncClient],
        *,
        reveal: Reveal,
        operator: Signer | None,
        secrets_in_use: SecretsInUse,
        clock: Clock,
        patience: timedelta = posting.PATIENCE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take the outbox, what makes a client that passes the egress guard, and who signs by default.

        A delivery without a secret of its own is signed by the operator's signer; without one it is sent
        unsigned, because both specifications make the secret optional.
        """
        self._deliveries = deliveries
        self._make_client = client
        self._reveal = reveal
        self._operator = operator
        self._secrets_in_use = secrets_in_use
        self._clock = clock
        self._patience = patience
        self._chance = chance
        self._awake = asyncio.Event()
        self._in_flight: dict[asyncio.Task[Standing | None], Delivery] = {}
        self._standings = Standings()
        self._over: list[tuple[Delivery, Standing | None]] = []
        """What is in flight no more, and how its receiver stands; it holds its place until the next look."""
        self._freed: set[str] = set()
        """Keys of what was free when a look at the outbox ended early."""
        self._work: asyncio.Task[None] | None = None
        self._client: httpx2.AsyncClient | None = None
        self._is_closing = False

    def open(self) -> None:
        """Begin to send, first of all what an earlier server left."""
        self._client = posting.without_memory(self._make_client())
        self._work = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """Look at the outbox: something was committed, or the clock was turned."""
        self._awake.set()

    async def close(self) -> None:
        """Send nothing more; what is in flight may end for a moment, and is otherwise due again."""
        self._is_closing = True
        self.wake()
        if self._work is not None:
            await self._work
        sending = dict(self._in_flight)
        if sending:
            await asyncio.wait(sending, timeout=CLOSING.total_seconds())
        for task, delivery in sending.items():
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                with suppress(StoreError):
                    await self._deliveries.record(
                        delivery.number, None, state="pending", next_try_at=delivery.next_try_at
                    )
        if self._client is not None:
            await self._client.aclose()

    async def redeliver(self, number: int) -> Delivery:
        """Make a delivery due again, whatever became of it; raises `NotFound`."""
        again = await self._deliveries.redeliver(number, self._clock.now())
        self.wake()
        return again

    async def _run(self) -> None:
        while not self._is_closing:
            self._awake.clear()
            try:
                await self._begin_what_is_due()
                pause = await self._until_next()
            except StoreError as error:
                log.warning("store_unavailable", error=error.message)
                pause = STORE_PATIENCE.total_seconds()
            except Exception:  # a defect must not silence the server for good
                log.exception("notifier_broke")
                pause = LONGEST_SLEEP.total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._awake.wait()

    @property
    def _has_room(self) -> bool:
        return len(self._in_flight) + len(self._over) < MOST_IN_FLIGHT and not self._is_closing

    async def _begin_what_is_due(self) -> None:
        """Send all that has a place: what waits for one first, then what waits for others, then what is due.

        In this order, and because what ends meanwhile makes room for the next look only, nothing overtakes
        what has waited for the same.
        """
        keys = set(self._freed)
        for delivery, standing in self._over:
            keys |= freed_by(delivery)
            if standing is not None:
                self._standings.note(delivery.endpoint, standing)
        self._over.clear()
        try:
            keys = await self._deliveries.awaited(keys) if keys else keys
            while keys and self._has_room:
                asked = {key for key in keys if is_place(key)} or keys
                heads = await self._deliveries.waiting(asked, LOOK_AGAIN)
                keys = await self._begin(heads, keys) if heads else keys - asked
            is_more = True
            while is_more and self._has_room:
                heads = await self._deliveries.due(self._clock.now(), LOOK)
                keys = await self._begin(heads, keys)
                is_more = len(heads) == LOOK
        finally:
            self._freed = keys

    async def _begin(self, heads: Sequence[DeliveryHead], keys: set[str]) -> set[str]:
        """Send what has a place, and let the others wait; return the keys that are still to be asked for."""
        left = set(keys)
        for execution, url in {(each.execution, each.url) for each in heads if each.is_abandoned}:
            await self._deliveries.abandon(execution, url)
        places = Places([*self._in_flight.values(), *(each for each, _ in self._over)], self._standings)
        chosen: dict[int, DeliveryHead] = {}
        waits: dict[int, str] = {}
        for head in heads:
            if head.is_abandoned:
                left |= freed_by(head)
                continue
            if places.are_taken:
                break
            key = places.give(head)
            if key is None:
                chosen[head.number] = head
            elif key == head.waits_for:
                left.discard(key)
                continue
            else:
                waits[head.number] = key
            if is_place(head.waits_for):
                left.add(endpoint_key(head))  # the next one of its endpoint comes forward
        taken = await self._deliveries.take(list(chosen), waits) if chosen or waits else []
        for delivery in taken:
            task = asyncio.get_running_loop().create_task(self._send(delivery))
            self._in_flight[task] = delivery
            task.add_done_callback(self._ended)
            del chosen[delivery.number]
        # Somebody has given up the others meanwhile.
        return left.union(*(freed_by(head) for head in chosen.values()))

    async def _until_next(self) -> float | None:
        """Return the seconds until something is due; None when only a commit or an answer can change that."""
        if not self._has_room:
            return None
        if self._freed:
            return 0.0
        due = await self._deliveries.next_due()
        if due is None:
            return None
        return min(max(0.0, due - self._clock.now()), LONGEST_SLEEP.total_seconds())

    def _ended(self, task: asyncio.Task[Standing | None]) -> None:
        delivery = self._in_flight.pop(task)
        standing = None
        if not task.cancelled():
            if (error := task.exception()) is not None:
                log.error("delivery_broke", delivery=delivery.number, exc_info=error)
            else:
                standing = task.result()
        self._over.append((delivery, standing))
        self.wake()

    async def _send(self, delivery: Delivery) -> Standing | None:
        """Try once, and return how its endpoint stands now; None when that says nothing about it."""
        at, began = self._clock.now(), time.perf_counter()
        try:
            signer = await _patiently(lambda: self._signer(delivery))
        except HeadraceError as error:
            attempt = DeliveryAttempt(at, None, error.message, 0)
            await self._record(delivery, attempt, "not_configured", None)
            return None
        answer = await self._try(delivery, signer, at)
        took = timedelta(seconds=time.perf_counter() - began)
        duration = round(took.total_seconds() * 1000)
        attempt = DeliveryAttempt(at, answer.status_code, answer.error, duration, answer.response)
        match answer.outcome:
            case "arrived":
                await self._record(delivery, attempt, "delivered", None)
                if delivery.catches_up:
                    await _patiently(
                        lambda: self._deliveries.catch_up(delivery.execution, delivery.url, self._clock.now())
                    )
                return Standing.PROMPT if took <= PROMPTLY else Standing.SLOW
            case "gone":
                # In this order: recording makes room for the next delivery to the same URL.
                await _patiently(lambda: self._deliveries.abandon(delivery.execution, delivery.url))
                await self._record(delivery, attempt, "failed", None)
            case "refused":
                await self._record(delivery, attempt, "refused", None)
            case "failed":
                tries = len(delivery.attempts) + 1
                delay = schedule.next_delay(tries, self._chance(), answer.retry_after)
                state: DeliveryState = "failed" if delay is None else "pending"
                await self._record(delivery, attempt, state, delay)
                return Standing.FAILING
            case _ as never:
                assert_never(never)
        return None

    async def _signer(self, delivery: Delivery) -> Signer | None:
        if delivery.secret_ref is None:
            return self._operator
        scope, _, name = delivery.secret_ref.rpartition("#")
        try:
            return Signer(await self._reveal(scope, name))
        except NotFound as error:
            # Sent without it, the receiver would take it for a forgery.
            raise NotFound(f"The signing secret is not there any more: {error.message}") from error

    async def _try(self, delivery: Delivery, signer: Signer | None, at: float) -> posting.Answer:
        assert self._client is not None
        try:
            return await posting.post(
                self._client,
                delivery.url,
                delivery.body,
                signing.headers(delivery, at, signer),
                now=at,
                redactor=self._secrets_in_use.redactor,
                patience=self._patience,
            )
        except Exception:  # a defect must not leave the delivery in flight for ever
            log.exception("delivery_broke", execution=delivery.execution, delivery=delivery.number)
            return posting.Answer(outcome="failed", error="The server could not send it; its log says why.")

    async def _record(
        self, delivery: Delivery, attempt: DeliveryAttempt, state: DeliveryState, delay: timedelta | None
    ) -> None:
        due = None if delay is None else self._clock.now() + delay.total_seconds()
        await _patiently(
            lambda: self._deliveries.record(delivery.number, attempt, state=state, next_try_at=due)
        )
        tell = log.debug if state == "delivered" else log.info
        tell(
            f"delivery_{state}",
            execution=delivery.execution,
            sequence=delivery.sequence,
            host=delivery.host,  # the path may be what only this receiver knows
            tries=len(delivery.attempts) + 1,
            status=attempt.status_code,
            error=attempt.error,
        )


async def _patiently(action: Callable[[], Awaitable[T]]) -> T:
    """Do it as soon as the store can answer."""
    while True:
        try:
            return await action()
        except StoreError as error:
            log.warning("store_unavailable", error=error.message)
            await asyncio.sleep(STORE_PATIENCE.total_seconds())
