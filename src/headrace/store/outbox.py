"""The transactional outbox, as SQL; what the methods promise stands in `Deliveries`.

A claim carries the lease epoch of its server: the claims of a server that is gone bind nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    RowMapping,
    Select,
    delete,
    exists,
    func,
    insert,
    select,
    tuple_,
    update,
)

from headrace.errors import NotFound
from headrace.store import schema
from headrace.store.cursors import page, position
from headrace.store.reading import Readers
from headrace.store.rows import Delivery, DeliveryAttempt, DeliveryEntry, DeliveryState, Page
from headrace.store.writer import Writer

_deliveries = schema.deliveries.c
_shown = tuple(column for column in schema.deliveries.c if column.name not in ("claimed_by", "endpoint"))
_logged = tuple(schema.deliveries.c[name] for name in DeliveryEntry.__struct_fields__)

Entry = TypeVar("Entry", bound=DeliveryEntry)


class SqlDeliveries:
    """Keeps what must be told to others."""

    def __init__(self, readers: Readers, writer: Writer, epoch: int) -> None:
        self._readers = readers
        self._writer = writer
        self._epoch = epoch

    async def claim(self, now: float, limit: int = 100, per_endpoint: int = 8) -> list[Delivery]:
        """Take some of the deliveries that are due, the longest due first; none when none can be taken."""
        due = due_deliveries(now, limit, self._epoch, per_endpoint)
        in_flight = endpoints_in_flight(self._epoch)

        def look(connection: Connection) -> tuple[Sequence[Row[Any]], Counter[str]]:
            return connection.execute(due).all(), Counter(connection.scalars(in_flight))

        # A long backlog is looked through beside the writer, which only marks what was found.
        found, busy = await self._readers.read(look)
        while found:
            abandoned = {(row.execution, row.url) for row in found if row.is_abandoned}
            sendable = [row for row in found if not row.is_abandoned]
            chosen = _chosen(sendable, busy, per_endpoint)
            claimed = await self._writer.write(partial(self._mark, chosen=chosen, abandoned=abandoned))
            if claimed:
                return claimed
            found, busy = await self._readers.read(look)
        return []

    def _mark(
        self, connection: Connection, chosen: Sequence[int], abandoned: Collection[tuple[int, str]]
    ) -> list[Delivery]:
        for execution, url in abandoned:
            _fail_pending(connection, execution, url)
        mine = _deliveries.number.in_(chosen) & (_deliveries.state == "pending")
        connection.execute(update(schema.deliveries).where(mine).values(claimed_by=self._epoch))
        return _read(
            connection, select(*_shown).where(mine).order_by(_deliveries.next_try_at, _deliveries.number)
        )

    async def next_due(self, per_endpoint: int = 8) -> float | None:
        """Return when the earliest delivery that could then be claimed is due."""
        query = next_delivery(self._epoch, per_endpoint)
        return await self._readers.read(lambda c: c.scalar(query))

    async def record(
        self,
        number: int,
        attempt: DeliveryAttempt | None,
        *,
        state: DeliveryState,
        next_try_at: float | None = None,
    ) -> Delivery:
        """Note an attempt and what became of the delivery, and release it."""

        def work(connection: Connection) -> Delivery:
            former = _one(connection, number)
            attempts = former.attempts if attempt is None else (*former.attempts, attempt)
            return _change(connection, number, state, attempts, next_try_at if state == "pending" else None)

        return await self._writer.write(work)

    async def catch_up(self, execution: int, url: str, at: float) -> int:
        """Make the waiting ones of an execution to this URL that catch up due at `at`; return how many."""
        change = (
            update(schema.deliveries)
            .where(
                *_pending_of(execution, url),
                _deliveries.catches_up,
                _deliveries.next_try_at > at,
                _deliveries.claimed_by.is_(None),
            )
            .values(next_try_at=at)
        )
        return await self._writer.write(lambda connection: connection.execute(change).rowcount)

    async def abandon(self, execution: int, url: str) -> list[int]:
        """Give up a URL for an execution: what is pending has failed, and what comes later fails unsent."""

        def work(connection: Connection) -> list[int]:
            connection.execute(delete(schema.abandoned_urls).where(*_of_url(execution, url)))
            connection.execute(insert(schema.abandoned_urls).values(execution=execution, url=url))
            return _fail_pending(connection, execution, url)

        return await self._writer.write(work)

    async def log(
        self, execution: int, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[DeliveryEntry]:
        """Return a page of the deliveries of an execution in their order, without bodies."""
        name = f"deliveries-{execution}"
        query = delivery_log(execution, limit + 1, position(cursor, name))
        rows = await self._readers.read(lambda c: [_row(DeliveryEntry, each) for each in _mapped(c, query)])
        return page(rows, limit, name, lambda row: row.number)

    async def bodies(self, numbers: Collection[int]) -> dict[int, bytes]:
        """Return the bodies of these deliveries by number."""
        query = select(_deliveries.number, _deliveries.body).where(_deliveries.number.in_(numbers))
        rows = await self._readers.read(lambda c: c.execute(query).all())
        return {row.number: row.body for row in rows}

    async def forget_ended(self, before: float, limit: int = 1000) -> int:
        """Delete some of the deliveries that are over, of executions that ended before a moment."""
        query = ended_deliveries(before, limit)

        def work(connection: Connection) -> int:
            numbers = connection.scalars(query).all()
            connection.execute(delete(schema.deliveries).where(_deliveries.number.in_(numbers)))
            return len(numbers)

        return await self._writer.write(work)

    async def redeliver(self, number: int, at: float) -> Delivery:
        """Make a delivery pending again, due at `at`; a URL that was given up is taken up again."""

        def work(connection: Connection) -> Delivery:
            former = _one(connection, number)
            connection.execute(delete(schema.abandoned_urls).where(*_of_url(former.execution, former.url)))
            again = {"state": "pending", "next_try_at": at}
            connection.execute(update(schema.deliveries).where(_deliveries.number == number).values(again))
            return _one(connection, number)

        return await self._writer.write(work)


def due_deliveries(now: float, limit: int, epoch: int, per_endpoint: int) -> Select[Any]:
    """Return the query for what may be sent now, the longest due first; of a queue it may find several."""
    pending, conditions = _sendable(epoch, per_endpoint)
    abandoned = schema.abandoned_urls.c
    is_abandoned = exists().where(abandoned.execution == pending.c.execution, abandoned.url == pending.c.url)
    return (
        select(
            pending.c.number,
            pending.c.queue,
            pending.c.endpoint,
            pending.c.execution,
            pending.c.url,
            is_abandoned.label("is_abandoned"),
        )
        .where(*conditions, pending.c.next_try_at <= now)
        .order_by(pending.c.next_try_at, pending.c.number)
        .limit(limit)
    )


def next_delivery(epoch: int, per_endpoint: int) -> Select[Any]:
    """Return the query for when the earliest delivery is due that may be sent then."""
    pending, conditions = _sendable(epoch, per_endpoint)
    return select(pending.c.next_try_at).where(*conditions).order_by(pending.c.next_try_at).limit(1)


def delivery_log(execution: int, limit: int, last: int | None) -> Select[Any]:
    """Return the query for the log of an execution, after the delivery with the number `last`."""
    place = tuple_(_deliveries.sequence, _deliveries.number)
    query = select(*_logged).where(_deliveries.execution == execution)
    if last is not None:
        former = schema.deliveries.alias("former")
        query = query.where(
            place
            > select(former.c.sequence, former.c.number).where(former.c.number == last).scalar_subquery()
        )
    return query.order_by(_deliveries.sequence, _deliveries.number).limit(limit)


def ended_deliveries(before: float, limit: int) -> Select[Any]:
    """Return the query for deliveries that are over, of executions that ended before a moment."""
    executions = schema.executions.c
    return (
        select(_deliveries.number)
        .join(schema.executions, executions.number == _deliveries.execution)
        .where(
            _deliveries.next_try_at.is_(None),
            _deliveries.created_at < before,
            executions.ended_at < before,
        )
        .order_by(_deliveries.created_at, _deliveries.number)
        .limit(limit)
    )


def endpoints_in_flight(epoch: int) -> Select[Any]:
    """Return the query for the endpoints to which something is in flight, each as often as there is."""
    return select(_deliveries.endpoint).where(_deliveries.claimed_by == epoch)


def _sendable(epoch: int, per_endpoint: int) -> tuple[FromClause, tuple[ColumnElement[bool], ...]]:
    """Return the deliveries, and what must be true of one that may be sent when it is due."""
    pending, earlier, busy = (schema.deliveries.alias(name) for name in ("pending", "earlier", "busy"))
    in_flight = select(busy.c.queue).where(busy.c.claimed_by == epoch)
    full = (
        select(busy.c.endpoint)
        .where(busy.c.claimed_by == epoch)
        .group_by(busy.c.endpoint)
        .having(func.count() >= per_endpoint)
    )
    has_earlier = exists().where(
        earlier.c.execution == pending.c.execution,
        earlier.c.url == pending.c.url,
        earlier.c.sequence < pending.c.sequence,
        earlier.c.state == "pending",
    )
    return pending, (
        pending.c.state == "pending",
        pending.c.queue.not_in(in_flight),
        pending.c.endpoint.not_in(full),
        ~(pending.c.is_last & has_earlier),
    )


def _chosen(found: Sequence[Row[Any]], in_flight: Counter[str], per_endpoint: int) -> list[int]:
    """Return the numbers of the first of each queue, as many as each endpoint may have."""
    queues: set[str] = set()
    counts = in_flight.copy()
    chosen = []
    for row in found:
        if row.queue not in queues and counts[row.endpoint] < per_endpoint:
            queues.add(row.queue)
            counts[row.endpoint] += 1
            chosen.append(row.number)
    return chosen


def _pending_of(execution: int, url: str) -> tuple[ColumnElement[bool], ...]:
    return (_deliveries.execution == execution, _deliveries.url == url, _deliveries.state == "pending")


def _of_url(execution: int, url: str) -> tuple[ColumnElement[bool], ...]:
    return (schema.abandoned_urls.c.execution == execution, schema.abandoned_urls.c.url == url)


def _fail_pending(connection: Connection, execution: int, url: str) -> list[int]:
    change = (
        update(schema.deliveries)
        .where(*_pending_of(execution, url))
        .values(state="failed", next_try_at=None, claimed_by=None)
        .returning(_deliveries.number)
    )
    return sorted(connection.scalars(change))


def _one(connection: Connection, number: int) -> Delivery:
    found = _read(connection, select(*_shown).where(_deliveries.number == number))
    if not found:
        raise NotFound(f"There is no delivery {number}.")
    return found[0]


def _change(
    connection: Connection,
    number: int,
    state: DeliveryState,
    attempts: Sequence[DeliveryAttempt],
    next_try_at: float | None,
) -> Delivery:
    connection.execute(
        update(schema.deliveries)
        .where(_deliveries.number == number)
        .values(
            state=state,
            attempts=msgspec.msgpack.encode(attempts),
            next_try_at=next_try_at,
            claimed_by=None,
        )
    )
    return _one(connection, number)


def _read(connection: Connection, query: Select[Any]) -> list[Delivery]:
    return [_row(Delivery, each) for each in _mapped(connection, query)]


def _mapped(connection: Connection, query: Select[Any]) -> Sequence[RowMapping]:
    return connection.execute(query).mappings().all()


def _row(kind: type[Entry], row: RowMapping) -> Entry:
    attempts = msgspec.msgpack.decode(row["attempts"], type=tuple[DeliveryAttempt, ...])
    return kind(**{**row, "attempts": attempts})
