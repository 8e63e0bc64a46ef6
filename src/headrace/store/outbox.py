"""The transactional outbox, as SQL; what the methods promise stands in `Deliveries`.

What is in flight waits for its answer, and what must wait is not due: so no question passes over what cannot
be sent now, however much of it there is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Update,
    and_,
    bindparam,
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
from headrace.store.rows import (
    PLACE,
    Delivery,
    DeliveryAttempt,
    DeliveryEntry,
    DeliveryHead,
    DeliveryState,
    Page,
)
from headrace.store.writer import Writer

_deliveries = schema.deliveries.c
_shown = tuple(schema.deliveries.c[name] for name in Delivery.__struct_fields__)
_logged = tuple(schema.deliveries.c[name] for name in DeliveryEntry.__struct_fields__)

_ANSWER = "answer"
"""What is waited for by what is in flight."""

_WAITING: dict[str, Any] = {"waits_for": None, "turn": None}
"""The columns of what waits for nothing but its time."""

Entry = TypeVar("Entry", bound=DeliveryEntry)


class SqlDeliveries:
    """Keeps what must be told to others."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer
        # Nothing waits when a server begins, so its turns may begin anew.
        self._turns = count(1)

    async def due(self, now: float, limit: int = 100) -> list[DeliveryHead]:
        """Return deliveries that are due and wait for nothing else, the longest due first."""
        query = due_deliveries(now, limit)
        return await self._readers.read(lambda c: [DeliveryHead(**row) for row in _mapped(c, query)])

    async def awaited(self, keys: Collection[str]) -> set[str]:
        """Return those of the keys that a delivery waits for."""
        query = awaited_keys(keys)
        return await self._readers.read(lambda c: set(c.scalars(query)))

    async def waiting(self, keys: Collection[str], limit: int = 100) -> list[DeliveryHead]:
        """Return deliveries that wait for one of the keys, in their turn."""

        def look(connection: Connection) -> list[DeliveryHead]:
            found = [row for key in keys for row in _mapped(connection, waiting_deliveries(key, limit))]
            found.sort(key=lambda row: (row["turn"], row["number"]))
            fields = DeliveryHead.__struct_fields__
            return [DeliveryHead(**{name: row[name] for name in fields}) for row in found[:limit]]

        return await self._readers.read(look)

    async def take(self, numbers: Collection[int], waits: Mapping[int, str] | None = None) -> list[Delivery]:
        """Have some in flight, and let others wait for their keys; return those in flight."""
        lines, places = [], []
        for number, key in (waits or {}).items():
            if key.startswith(PLACE):
                places.append({"of": number, "key": key, "turn_of": next(self._turns)})
            else:
                lines.append({"of": number, "key": key})
        pending = _deliveries.next_try_at.is_not(None)
        mine = and_(_deliveries.number.in_(numbers), pending)
        flying = update(schema.deliveries).where(mine).values(waits_for=_ANSWER)
        change = update(schema.deliveries).where(_deliveries.number == bindparam("of"), pending)
        in_line = change.values(waits_for=bindparam("key"), turn=_deliveries.next_try_at)
        for_place = change.values(waits_for=bindparam("key"), turn=bindparam("turn_of"))

        def work(connection: Connection) -> list[Delivery]:
            for statement, waiting in ((in_line, lines), (for_place, places)):
                if waiting:
                    connection.execute(statement, waiting)
            connection.execute(flying)
            order = (_deliveries.next_try_at, _deliveries.number)
            return _read(connection, select(*_shown).where(mine).order_by(*order))

        return await self._writer.write(work)

    async def next_due(self) -> float | None:
        """Return when the earliest delivery is due that waits for nothing else and is not in flight."""
        query = next_delivery()
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
                _deliveries.waits_for.is_(None),
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

    async def signed(self, secret_refs: Collection[str]) -> set[str]:
        """Return those of the signing secrets that a delivery names."""
        query = signing_secrets(secret_refs)
        return await self._readers.read(lambda c: set(c.scalars(query)))

    async def redeliver(self, number: int, at: float) -> Delivery:
        """Make a delivery pending again, due at `at`; a URL that was given up is taken up again."""

        def work(connection: Connection) -> Delivery:
            former = _one(connection, number)
            connection.execute(delete(schema.abandoned_urls).where(*_of_url(former.execution, former.url)))
            again = {"state": "pending", "next_try_at": at}
            connection.execute(update(schema.deliveries).where(_deliveries.number == number).values(again))
            return _one(connection, number)

        return await self._writer.write(work)


def _head() -> tuple[ColumnElement[Any], ...]:
    """Return the columns of a `DeliveryHead`."""
    earlier, front = (schema.deliveries.alias(name) for name in ("earlier", "front"))
    abandoned = schema.abandoned_urls.c
    has_earlier = exists().where(
        earlier.c.execution == _deliveries.execution,
        earlier.c.url == _deliveries.url,
        earlier.c.sequence < _deliveries.sequence,
        earlier.c.state == "pending",
    )
    is_behind = exists().where(
        front.c.endpoint == _deliveries.endpoint,
        front.c.waits_for >= PLACE,
        front.c.waits_for < f"{PLACE}\U0010ffff",
        front.c.number != _deliveries.number,
    )
    is_abandoned = exists().where(
        abandoned.execution == _deliveries.execution, abandoned.url == _deliveries.url
    )
    return (
        *(_deliveries[name] for name in ("number", "execution", "url", "queue", "endpoint", "waits_for")),
        and_(_deliveries.is_last, has_earlier).label("has_earlier"),
        is_behind.label("is_behind"),
        is_abandoned.label("is_abandoned"),
    )


_HEAD = _head()
"""Made once, because it takes longer to make than to ask."""


def due_deliveries(now: float, limit: int) -> Select[Any]:
    """Return the query for what is due and waits for nothing else, the longest due first."""
    return (
        select(*_HEAD)
        .where(_deliveries.waits_for.is_(None), _deliveries.next_try_at <= now)
        .order_by(_deliveries.next_try_at, _deliveries.number)
        .limit(limit)
    )


def waiting_deliveries(key: str, limit: int) -> Select[Any]:
    """Return the query for what waits for a key, in its turn."""
    return (
        select(*_HEAD, _deliveries.turn)
        .where(_deliveries.waits_for == key)
        .order_by(_deliveries.turn, _deliveries.number)
        .limit(limit)
    )


def awaited_keys(keys: Collection[str]) -> Select[Any]:
    """Return the query for those of the keys that are waited for."""
    return _present(_deliveries.waits_for, keys)


def signing_secrets(secret_refs: Collection[str]) -> Select[Any]:
    """Return the query for those of the signing secrets that a delivery names."""
    return _present(_deliveries.secret_ref, secret_refs)


def next_delivery() -> Select[Any]:
    """Return the query for when the earliest delivery is due that waits for nothing else."""
    return (
        select(_deliveries.next_try_at)
        .where(_deliveries.waits_for.is_(None), _deliveries.next_try_at.is_not(None))
        .order_by(_deliveries.next_try_at)
        .limit(1)
    )


def release_deliveries() -> Update:
    """Return the statement that makes everything due that was in flight or waited when a server ended."""
    return update(schema.deliveries).where(_deliveries.waits_for.is_not(None)).values(_WAITING)


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


def _present(column: ColumnElement[Any], values: Collection[str]) -> Select[Any]:
    """Return the query for those of the values that some delivery has."""
    asked = func.json_each(json.dumps(list(values))).table_valued("value", name="asked").c.value
    return select(asked).where(exists().where(column == asked))


def _pending_of(execution: int, url: str) -> tuple[ColumnElement[bool], ...]:
    return (_deliveries.execution == execution, _deliveries.url == url, _deliveries.state == "pending")


def _of_url(execution: int, url: str) -> tuple[ColumnElement[bool], ...]:
    return (schema.abandoned_urls.c.execution == execution, schema.abandoned_urls.c.url == url)


def _fail_pending(connection: Connection, execution: int, url: str) -> list[int]:
    change = (
        update(schema.deliveries)
        .where(*_pending_of(execution, url))
        .values(state="failed", next_try_at=None, **_WAITING)
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
            **_WAITING,
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
