"""The transactional outbox, as SQL; what the methods promise stands in `Deliveries`.

A claim carries the lease epoch of its server: the claims of a server that is gone bind nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, exists, select, update

from headrace.errors import NotFound
from headrace.store import schema
from headrace.store.reading import Readers
from headrace.store.rows import Delivery, DeliveryAttempt, DeliveryState
from headrace.store.writer import Writer

_deliveries = schema.deliveries.c
_waits = schema.delivery_waits.c
_shown = tuple(column for column in schema.deliveries.c if column.name != "claimed_by")


class SqlDeliveries:
    """Keeps what must be told to others."""

    def __init__(self, readers: Readers, writer: Writer, epoch: int) -> None:
        self._readers = readers
        self._writer = writer
        self._epoch = epoch

    async def claim(self, now: float, limit: int = 100) -> list[Delivery]:
        """Take deliveries that are due, the longest due first, and none of a queue that has any in flight."""
        query = due_deliveries(now, limit, self._epoch)
        # A long backlog is looked through beside the writer, which only marks what was found.
        numbers = await self._readers.read(lambda c: list(c.scalars(query)))
        if not numbers:
            return []
        mine = _deliveries.number.in_(numbers) & (_deliveries.state == "pending")

        def work(connection: Connection) -> list[Delivery]:
            connection.execute(update(schema.deliveries).where(mine).values(claimed_by=self._epoch))
            return _read(
                connection,
                select(*_shown).where(mine).order_by(_deliveries.next_try_at, _deliveries.number),
            )

        return await self._writer.write(work)

    async def next_due(self) -> float | None:
        """Return when the earliest delivery that could then be claimed is due."""
        query = next_delivery(self._epoch)
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

    async def abandon(self, execution: int, url: str, state: DeliveryState) -> list[int]:
        """End all pending deliveries of an execution to this URL with `state`; return their numbers."""
        change = (
            update(schema.deliveries)
            .where(
                _deliveries.execution == execution,
                _deliveries.url == url,
                _deliveries.state == "pending",
            )
            .values(state=state, next_try_at=None, claimed_by=None)
            .returning(_deliveries.number)
        )
        return await self._writer.write(lambda connection: sorted(connection.scalars(change)))

    async def of_execution(self, execution: int) -> list[Delivery]:
        """Return all deliveries of an execution in their order."""
        query = (
            select(*_shown)
            .where(_deliveries.execution == execution)
            .order_by(_deliveries.sequence, _deliveries.number)
        )
        return await self._readers.read(lambda c: _read(c, query))

    async def redeliver(self, number: int, at: float) -> Delivery:
        """Make a delivery pending again, due at `at`."""

        def work(connection: Connection) -> Delivery:
            return _change(connection, number, "pending", _one(connection, number).attempts, at)

        return await self._writer.write(work)


def due_deliveries(now: float, limit: int, epoch: int) -> Select[tuple[int]]:
    """Return the query for the numbers of what may be sent now, the longest due first."""
    pending, conditions = _sendable(epoch)
    return (
        select(pending.c.number)
        .where(*conditions, pending.c.next_try_at <= now)
        .order_by(pending.c.next_try_at, pending.c.number)
        .limit(limit)
    )


def next_delivery(epoch: int) -> Select[Any]:
    """Return the query for when the earliest delivery is due that may be sent then."""
    pending, conditions = _sendable(epoch)
    return select(pending.c.next_try_at).where(*conditions).order_by(pending.c.next_try_at).limit(1)


def _sendable(epoch: int) -> tuple[FromClause, tuple[ColumnElement[bool], ...]]:
    """Return the deliveries, and what must be true of one that may be sent when it is due."""
    pending, awaited, busy = (schema.deliveries.alias(name) for name in ("pending", "awaited", "busy"))
    still_awaited = exists().where(
        _waits.delivery == pending.c.number,
        _waits.waits_for == awaited.c.number,
        awaited.c.state == "pending",
    )
    in_flight = select(busy.c.queue).where(busy.c.claimed_by == epoch)
    return pending, (pending.c.state == "pending", pending.c.queue.not_in(in_flight), ~still_awaited)


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
    rows = connection.execute(query).mappings().all()
    waits: dict[int, list[int]] = defaultdict(list)
    awaited = select(_waits.delivery, _waits.waits_for).where(
        _waits.delivery.in_([row["number"] for row in rows])
    )
    for delivery, other in connection.execute(awaited.order_by(_waits.waits_for)):
        waits[delivery].append(other)
    return [
        Delivery(
            **{
                **row,
                "waits_for": tuple(waits[row["number"]]),
                "attempts": msgspec.msgpack.decode(row["attempts"], type=tuple[DeliveryAttempt, ...]),
            }
        )
        for row in rows
    ]
