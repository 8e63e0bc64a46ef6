"""Uploaded files, as SQL; what the methods promise stands in `Files`."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import asdict
from sqlalchemy import Connection, insert, select, update

from headrace.clock import Clock
from headrace.errors import NotFound
from headrace.store import schema
from headrace.store.cursors import page, position
from headrace.store.idempotency import remember
from headrace.store.reading import Readers
from headrace.store.rows import FileRow, IdempotencyRecord, Page
from headrace.store.writer import Writer

_files = schema.files.c


class SqlFiles:
    """Keeps the names of files."""

    def __init__(self, readers: Readers, writer: Writer, clock: Clock) -> None:
        self._readers = readers
        self._writer = writer
        self._clock = clock

    async def add(self, file: FileRow, idempotency: IdempotencyRecord | None = None) -> None:
        """Remember a file."""

        def work(connection: Connection) -> None:
            remember(connection, idempotency)
            connection.execute(insert(schema.files).values(asdict(file)))

        await self._writer.write(work)

    async def get(self, id: str) -> FileRow:
        """Return the file, or raise `NotFound` also when it is deleted."""
        query = select(schema.files).where(_files.id == id, _files.deleted_at.is_(None))
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        if found is None:
            raise NotFound(f"There is no file {id!r}.")
        return FileRow(**found)

    async def newest(
        self, *, execution: int | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[FileRow]:
        """Return a page of the files that are not deleted."""
        before = position(cursor, "files")
        query = select(schema.files).where(_files.deleted_at.is_(None))
        if execution is not None:
            query = query.where(_files.execution == execution)
        if before is not None:
            query = query.where(_files.number < before)
        query = query.order_by(_files.number.desc()).limit(limit + 1)
        rows = await self._readers.read(lambda c: [FileRow(**row) for row in c.execute(query).mappings()])
        return page(rows, limit, "files", lambda row: row.number)

    async def delete(self, id: str) -> None:
        """Forget a file, or raise `NotFound`."""
        change = (
            update(schema.files)
            .where(_files.id == id, _files.deleted_at.is_(None))
            .values(deleted_at=self._clock.now())
        )
        if await self._writer.write(lambda connection: connection.execute(change).rowcount) == 0:
            raise NotFound(f"There is no file {id!r}.")

    async def contents(self) -> Collection[str]:
        """Return the hashes that the files name."""
        query = select(_files.sha256).where(_files.deleted_at.is_(None)).distinct()
        return await self._readers.read(lambda c: frozenset(c.execute(query).scalars()))
