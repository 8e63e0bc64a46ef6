"""An outbox in memory, a clock that is turned, and a notifier that sends to loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest

from headrace.errors import NotFound
from headrace.notifications.notifier import Notifier
from headrace.notifications.signing import Signer
from headrace.security.egress import Egress
from headrace.security.egress_client import guarded_async_client
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import Delivery, DeliveryEntry
from headrace.testing.conformance.store_values import TurnedClock, commit, delivery, started
from headrace.testing.memory_store import Contents, MemoryStore

DEADLINE = 10.0

OPERATOR = "whsec_b3BlcmF0b3Igc2VjcmV0IG9mIHRoZSB0ZXN0cw=="
OF_RUN = "whsec_c2VjcmV0IG9mIG9uZSBydW4gaW4gdGhlIHRlc3Rz"


class Office:
    """One server's outbox and notifier; a second office on the same contents is a restarted server."""

    operator_secret = OPERATOR
    run_secret = OF_RUN
    run_secret_ref = "run:ex-1#webhook_secret"

    def __init__(
        self, clock: TurnedClock, contents: Contents, allow: tuple[str, ...], **options: Any
    ) -> None:
        self.clock = clock
        self.contents = contents
        self.store = MemoryStore(clock, contents)
        self.secrets_in_use = SecretsInUse()
        given: dict[str, Any] = {"operator": Signer(OPERATOR), "chance": lambda: 0.5}
        self.notifier = Notifier(
            self.store.deliveries,
            partial(guarded_async_client, Egress(allow)),
            reveal=self._reveal,
            secrets_in_use=self.secrets_in_use,
            clock=clock,
            **given | options,
        )

    async def _reveal(self, scope: str, name: str) -> str:
        known = {("run:ex-1", "webhook_secret"): OF_RUN, ("", "broken"): "whsec_!"}
        if (scope, name) not in known:
            raise NotFound(f"There is no secret {name!r}.")
        return known[scope, name]

    async def start(self) -> int:
        """Start an execution and return its number."""
        return (await started(self.store)).number

    async def commit(self, execution: int, *deliveries: Delivery) -> None:
        """Commit deliveries of an execution, and say so."""
        row = await self.store.executions.get(execution)
        await self.store.commit(commit(row, row.seq, deliveries=deliveries))
        self.notifier.wake()

    async def announce(self, *urls: str, **fields: Any) -> int:
        """Commit one delivery to each URL for a new execution; return its number."""
        execution = await self.start()
        await self.commit(
            execution,
            *(self.new(execution, sequence, url, **fields) for sequence, url in enumerate(urls, 1)),
        )
        return execution

    def new(self, execution: int, sequence: int, url: str, **fields: Any) -> Delivery:
        """Make a delivery that is due, in the queue of its run and URL."""
        now = self.clock.now()
        usual = {
            "url": url,
            "queue": f"{execution} {url}",
            "body": b'{"sequence":%d}' % sequence,
            "created_at": now,
            "next_try_at": now,
        }
        return delivery(self.store.numbers.take(), execution, sequence, **(usual | fields))

    async def turn(self, seconds: float) -> None:
        """Let so much time pass, when nothing is in flight any more."""
        await self.until(lambda: not self.notifier._in_flight)
        self.clock.moment += seconds
        self.notifier.wake()

    async def log(self, execution: int) -> list[DeliveryEntry]:
        return (await self.store.deliveries.log(execution)).rows

    async def over(self, execution: int) -> list[DeliveryEntry]:
        """Wait until nothing of the execution is pending, and return its log."""
        return await self.logged(execution, lambda rows: all(row.state != "pending" for row in rows))

    async def tried(self, execution: int, times: int) -> list[DeliveryEntry]:
        """Wait until so many attempts are in the log of the execution, and return it."""
        return await self.logged(execution, lambda rows: sum(len(row.attempts) for row in rows) >= times)

    async def logged(
        self, execution: int, condition: Callable[[list[DeliveryEntry]], bool]
    ) -> list[DeliveryEntry]:
        async with asyncio.timeout(DEADLINE):
            while not condition(rows := await self.log(execution)):  # noqa: ASYNC110 - the log has no event
                await asyncio.sleep(0.005)
        return rows

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.005)


OpenOffice = Callable[..., Office]


@pytest.fixture
async def open_office() -> AsyncIterator[OpenOffice]:
    """Open servers: `open_office()`, and `open_office(former)` after a restart."""
    async with AsyncExitStack() as offices:

        def open(
            former: Office | None = None, allow: tuple[str, ...] = ("127.0.0.0/8",), **options: Any
        ) -> Office:
            # the library that verifies compares with the real time
            clock = TurnedClock(time.time()) if former is None else former.clock
            contents = Contents() if former is None else former.contents
            office = Office(clock, contents, allow, **options)
            office.notifier.open()
            offices.push_async_callback(office.notifier.close)
            return office

        yield open


@pytest.fixture
async def office(open_office: OpenOffice) -> Office:
    return open_office()
