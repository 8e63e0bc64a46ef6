"""Answers to requests with an `Idempotency-Key`, as SQL; what the methods promise stands in `Idempotency`."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Select, delete, insert, select, tuple_

from headrace.clock import Clock
from headrace.store import schema
from headrace.store.reading import Readers
from headrace.store.rows import IdempotencyRecord
from headrace.store.writer import Writer

_answers = schema.idempotency.c
_key = (_answers.scope, _answers.key)


class SqlIdempotency:
    """Keeps answers."""

    def __init__(self, readers: Readers, writer: Writer, clock: Clock) -> None:
        self._readers = readers
        self._writer = writer
        self._clock = clock

    async def find(self, scope: str, key: str) -> IdempotencyRecord | None:
        """Return the record unless it has expired."""
        query = select(schema.idempotency).where(
            _answers.scope == scope, _answers.key == key, _answers.expires_at > self._clock.now()
        )
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        return None if found is None else IdempotencyRecord(**found)

    async def remember(self, record: IdempotencyRecord) -> None:
        """Keep the answer of an effect that has no commit of its own."""
        await self._writer.write(lambda connection: remember(connection, record))

    async def forget_expired(self, limit: int = 1000) -> int:
        """Delete some of the answers that have expired; see `Idempotency.forget_expired`."""
        query = expired_answers(self._clock.now(), limit)

        def work(connection: Connection) -> int:
            places = [tuple(row) for row in connection.execute(query)]
            connection.execute(delete(schema.idempotency).where(tuple_(*_key).in_(places)))
            return len(places)

        return await self._writer.write(work)


def remember(connection: Connection, record: IdempotencyRecord | None) -> None:
    """Keep an answer, if there is one, inside the transaction of its effect."""
    if record is None:
        return
    connection.execute(
        delete(schema.idempotency).where(
            _answers.scope == record.scope,
            _answers.key == record.key,
            _answers.expires_at <= record.created_at,
        )
    )
    connection.execute(insert(schema.idempotency).values(asdict(record)))


def expired_answers(now: float, limit: int) -> Select[Any]:
    """Return the query for the keys of answers that have expired, the oldest first."""
    return select(*_key).where(_answers.expires_at <= now).order_by(_answers.expires_at).limit(limit)
