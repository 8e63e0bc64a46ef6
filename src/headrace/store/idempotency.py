"""Answers to requests with an `Idempotency-Key`, as SQL; what the methods promise stands in `Idempotency`."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from headrace.clock import Clock
from headrace.store import schema
from headrace.store.reading import Readers
from headrace.store.rows import IdempotencyRecord
from headrace.store.writer import Writer

_answers = schema.idempotency.c


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

    async def forget_expired(self) -> int:
        """Drop what has expired; return how many."""
        query = delete(schema.idempotency).where(_answers.expires_at <= self._clock.now())
        return await self._writer.write(lambda connection: connection.execute(query).rowcount)


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
