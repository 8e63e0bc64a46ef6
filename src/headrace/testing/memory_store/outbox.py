"""Deliveries, answers and files in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec.structs import replace

from headrace.clock import Clock
from headrace.errors import NotFound
from headrace.store import rows
from headrace.store.cursors import page, position
from headrace.store.files import present
from headrace.store.protocol import KeyTaken
from headrace.testing.memory_store.contents import Contents, newest

_ANSWER = "answer"
"""What is waited for by what is in flight."""


class MemoryDeliveries:
    """The `Deliveries` of a store in memory."""

    def __init__(self, contents: Contents) -> None:
        self._deliveries = contents.deliveries
        self._executions = contents.executions
        self._abandoned = contents.abandoned_urls
        self._waits: dict[int, str] = {}
        """What each waits for, in the order in which they began to."""

    async def due(self, now: float, limit: int = 100) -> list[rows.DeliveryHead]:
        """See `Deliveries.due`."""
        return [self._head(each) for moment, each in self._by_time() if moment <= now][:limit]

    async def awaited(self, keys: Collection[str]) -> set[str]:
        """See `Deliveries.awaited`."""
        return set(self._waits.values()) & set(keys)

    async def waiting(self, keys: Collection[str], limit: int = 100) -> list[rows.DeliveryHead]:
        """See `Deliveries.waiting`."""
        found = [self._deliveries[number] for number, key in self._waits.items() if key in keys]
        if not any(key.startswith(rows.PLACE) for key in keys):
            found.sort(key=lambda each: (each.next_try_at or 0.0, each.number))
        return [self._head(each) for each in found[:limit]]

    async def take(
        self, numbers: Collection[int], waits: Mapping[int, str] | None = None
    ) -> list[rows.Delivery]:
        """See `Deliveries.take`."""
        for number, key in {**(waits or {}), **dict.fromkeys(numbers, _ANSWER)}.items():
            if self._deliveries[number].next_try_at is not None:
                self._waits.pop(number, None)
                self._waits[number] = key
        taken = [self._deliveries[number] for number in numbers if number in self._waits]
        return sorted(taken, key=lambda each: (each.next_try_at or 0.0, each.number))

    async def next_due(self) -> float | None:
        """See `Deliveries.next_due`."""
        return next((moment for moment, _ in self._by_time()), None)

    async def record(
        self,
        number: int,
        attempt: rows.DeliveryAttempt | None,
        *,
        state: rows.DeliveryState,
        next_try_at: float | None = None,
    ) -> rows.Delivery:
        """See `Deliveries.record`."""
        former = self._one(number)
        attempts = former.attempts if attempt is None else (*former.attempts, attempt)
        return self._change(
            replace(
                former,
                state=state,
                attempts=attempts,
                next_try_at=next_try_at if state == "pending" else None,
            )
        )

    async def catch_up(self, execution: int, url: str, at: float) -> int:
        """See `Deliveries.catch_up`."""
        waiting = [
            delivery
            for delivery in self._pending_of(execution, url)
            if delivery.catches_up
            and (delivery.next_try_at or at) > at
            and delivery.number not in self._waits
        ]
        for delivery in waiting:
            self._change(replace(delivery, next_try_at=at))
        return len(waiting)

    async def abandon(self, execution: int, url: str) -> list[int]:
        """See `Deliveries.abandon`."""
        self._abandoned.add((execution, url))
        return self._fail_pending(execution, url)

    async def log(
        self, execution: int, *, limit: int = 1000, cursor: str | None = None
    ) -> rows.Page[rows.DeliveryEntry]:
        """See `Deliveries.log`."""
        name = f"deliveries-{execution}"
        last = position(cursor, name)
        rows_of = (each for each in self._deliveries.values() if each.execution == execution)
        found = sorted(rows_of, key=lambda each: (each.sequence, each.number))
        start = next((at for at, each in enumerate(found, 1) if each.number == last), 0)
        entries = [_entry(each) for each in found[start : start + limit + 1]]
        return page(entries, limit, name, lambda entry: entry.number)

    async def bodies(self, numbers: Collection[int]) -> dict[int, bytes]:
        """See `Deliveries.bodies`."""
        return {number: self._deliveries[number].body for number in numbers if number in self._deliveries}

    async def forget_ended(self, before: float, limit: int = 1000) -> int:
        """See `Deliveries.forget_ended`."""
        ended = [
            each.number
            for each in self._deliveries.values()
            if each.next_try_at is None
            and each.created_at < before
            and (row := self._executions.get(each.execution)) is not None
            and row.ended_at is not None
            and row.ended_at < before
        ][:limit]
        for number in ended:
            del self._deliveries[number]
        return len(ended)

    async def signed(self, secret_refs: Collection[str]) -> set[str]:
        """See `Deliveries.signed`."""
        named = {each.secret_ref for each in self._deliveries.values()}
        return {each for each in secret_refs if each in named}

    async def redeliver(self, number: int, at: float) -> rows.Delivery:
        """See `Deliveries.redeliver`."""
        former = self._one(number)
        self._abandoned.discard((former.execution, former.url))
        self._deliveries[number] = replace(former, state="pending", next_try_at=at)
        return self._deliveries[number]

    def _by_time(self) -> list[tuple[float, rows.Delivery]]:
        found = [
            (delivery.next_try_at, delivery)
            for delivery in self._deliveries.values()
            if delivery.next_try_at is not None and delivery.number not in self._waits
        ]
        return sorted(found, key=lambda pair: (pair[0], pair[1].number))

    def _head(self, delivery: rows.Delivery) -> rows.DeliveryHead:
        in_front = {
            number
            for number, key in self._waits.items()
            if key.startswith(rows.PLACE) and self._deliveries[number].endpoint == delivery.endpoint
        }
        return rows.DeliveryHead(
            number=delivery.number,
            execution=delivery.execution,
            url=delivery.url,
            queue=delivery.queue,
            endpoint=delivery.endpoint,
            waits_for=self._waits.get(delivery.number),
            has_earlier=delivery.is_last and self._has_earlier(delivery),
            is_behind=bool(in_front - {delivery.number}),
            is_abandoned=(delivery.execution, delivery.url) in self._abandoned,
        )

    def _pending_of(self, execution: int, url: str) -> list[rows.Delivery]:
        return [
            delivery
            for delivery in self._deliveries.values()
            if (delivery.execution, delivery.url, delivery.state) == (execution, url, "pending")
        ]

    def _has_earlier(self, delivery: rows.Delivery) -> bool:
        others = self._pending_of(delivery.execution, delivery.url)
        return any(other.sequence < delivery.sequence for other in others)

    def _fail_pending(self, execution: int, url: str) -> list[int]:
        pending = self._pending_of(execution, url)
        for delivery in pending:
            self._change(replace(delivery, state="failed", next_try_at=None))
        return sorted(delivery.number for delivery in pending)

    def _one(self, number: int) -> rows.Delivery:
        if (found := self._deliveries.get(number)) is None:
            raise NotFound(f"There is no delivery {number}.")
        return found

    def _change(self, delivery: rows.Delivery) -> rows.Delivery:
        self._waits.pop(delivery.number, None)
        self._deliveries[delivery.number] = delivery
        return delivery


def _entry(delivery: rows.Delivery) -> rows.DeliveryEntry:
    fields = rows.DeliveryEntry.__struct_fields__
    return rows.DeliveryEntry(**{name: getattr(delivery, name) for name in fields})


class MemoryIdempotency:
    """The `Idempotency` of a store in memory."""

    def __init__(self, contents: Contents, clock: Clock) -> None:
        self._contents = contents
        self._clock = clock

    async def find(self, scope: str, key: str) -> rows.IdempotencyRecord | None:
        """See `Idempotency.find`."""
        found = self._contents.answers.get((scope, key))
        return found if found is not None and found.expires_at > self._clock.now() else None

    async def remember(self, record: rows.IdempotencyRecord) -> None:
        """See `Idempotency.remember`."""
        self._contents.refuse_answer(record)
        self._contents.remember(record)

    async def forget_expired(self, limit: int = 1000) -> int:
        """See `Idempotency.forget_expired`."""
        answers, now = self._contents.answers, self._clock.now()
        expired = [place for place, record in answers.items() if record.expires_at <= now][:limit]
        for place in expired:
            del answers[place]
        return len(expired)


class MemoryFiles:
    """The `Files` of a store in memory."""

    def __init__(self, contents: Contents, clock: Clock) -> None:
        self._contents = contents
        self._clock = clock

    async def add(self, file: rows.FileRow, idempotency: rows.IdempotencyRecord | None = None) -> None:
        """See `Files.add`."""
        self._contents.refuse_answer(idempotency)
        for other in self._contents.files.values():
            if file.number == other.number or file.id == other.id:
                raise KeyTaken("number" if file.number == other.number else "id", f"File {file.id} exists.")
        self._contents.remember(idempotency)
        self._contents.files[file.number] = file

    async def get(self, id: str) -> rows.FileRow:
        """See `Files.get`."""
        return present(id, next((file for file in self._contents.files.values() if file.id == id), None))

    async def newest(
        self, *, execution: int | None = None, limit: int = 100, cursor: str | None = None
    ) -> rows.Page[rows.FileRow]:
        """See `Files.newest`."""
        found = (
            file
            for file in self._contents.files.values()
            if file.deleted_at is None and execution in (None, file.execution)
        )
        return newest(found, limit, cursor, "files")

    async def delete(self, id: str, because: rows.DeletedBecause = "asked") -> None:
        """See `Files.delete`."""
        file = await self.get(id)
        deleted = replace(file, deleted_at=self._clock.now(), deleted_because=because)
        self._contents.files[file.number] = deleted

    async def uploaded(self, before: float, *, after: int = 0, limit: int = 1000) -> list[rows.FileRow]:
        """See `Files.uploaded`."""
        found = (file for file in self._after(after) if file.execution is None and file.deleted_at is None)
        return [file for file in found if file.created_at < before][:limit]

    async def unsettled(self, before: float, *, after: int = 0, limit: int = 1000) -> list[rows.FileRow]:
        """See `Files.unsettled`."""
        found = (file for file in self._after(after) if file.settled_at is None)
        return [file for file in found if file.deleted_at is not None and file.deleted_at < before][:limit]

    async def settle(self, numbers: Collection[int]) -> None:
        """See `Files.settle`."""
        files = self._contents.files
        files.update({number: replace(files[number], settled_at=self._clock.now()) for number in numbers})

    async def named(self, hashes: Collection[str]) -> frozenset[str]:
        """See `Files.named`."""
        contents = self._contents
        files = {file.sha256 for file in contents.files.values() if file.deleted_at is None}
        stored = {each.sha256 for each in contents.file_versions.values() if each.is_stored}
        return frozenset(hashes) & (files | contents.kept | {each for each in stored if each})

    def _after(self, number: int) -> Iterator[rows.FileRow]:
        return (file for key, file in sorted(self._contents.files.items()) if key > number)
