"""Uploaded files, as SQL; what the methods promise stands in `Files`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Select, insert, select, update

from headrace.clock import Clock
from headrace.errors import Gone, NotFound
from headrace.store import schema
from headrace.store.cursors import page, position
from headrace.store.idempotency import remember
from headrace.store.reading import Readers
from headrace.store.rows import DeletedBecause, FileRow, IdempotencyRecord, Page
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
        query = select(schema.files).where(_files.id == id)
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        return present(id, None if found is None else FileRow(**found))

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

    async def delete(self, id: str, because: DeletedBecause = "asked") -> None:
        """Forget a file, or raise `NotFound`."""
        change = (
            update(schema.files)
            .where(_files.id == id, _files.deleted_at.is_(None))
            .values(deleted_at=self._clock.now(), deleted_because=because)
        )
        if await self._writer.write(lambda connection: connection.execute(change).rowcount) == 0:
            raise NotFound(f"There is no file {id!r}.")

    async def uploaded(self, before: float, *, after: int = 0, limit: int = 1000) -> list[FileRow]:
        """Return files that were uploaded before a moment, in the order of their numbers."""
        return await self._read(uploaded_files(before, after, limit))

    async def unsettled(self, before: float, *, after: int = 0, limit: int = 1000) -> list[FileRow]:
        """Return files that were deleted before a moment and whose content may still be there, likewise."""
        return await self._read(unsettled_files(before, after, limit))

    async def settle(self, numbers: Collection[int]) -> None:
        """Remember that nothing is left to do for the contents of these deleted files."""
        change = update(schema.files).where(_files.number.in_(numbers)).values(settled_at=self._clock.now())
        await self._writer.write(lambda connection: connection.execute(change))

    async def named(self, hashes: Collection[str]) -> frozenset[str]:
        """Return those of the hashes that something remembered names."""
        queries = naming(hashes)

        def read(connection: Connection) -> frozenset[str]:
            return frozenset(_text(found) for query in queries for found in connection.scalars(query))

        return await self._readers.read(read)

    async def _read(self, query: Select[Any]) -> list[FileRow]:
        return await self._readers.read(lambda c: [FileRow(**row) for row in c.execute(query).mappings()])


def present(id: str, found: FileRow | None) -> FileRow:
    """Return the file if it is not deleted; raises `NotFound`, or `Gone` when retention has removed it."""
    if found is None or found.deleted_because == "asked":
        raise NotFound(f"There is no file {id!r}.")
    if found.deleted_at is not None:
        day = datetime.fromtimestamp(found.deleted_at, UTC).date()
        raise Gone(f"The file {id!r} ({found.name}) was removed on {day} by the server's retention of files.")
    return found


def uploaded_files(before: float, after: int, limit: int) -> Select[Any]:
    """Return the query for present uploads that are older than a moment."""
    is_upload = (_files.execution.is_(None), _files.deleted_at.is_(None))
    return _in_order(after, limit).where(*is_upload, _files.created_at < before)


def unsettled_files(before: float, after: int, limit: int) -> Select[Any]:
    """Return the query for files that were deleted before a moment and are not settled."""
    is_unsettled = (_files.deleted_at.is_not(None), _files.settled_at.is_(None))
    return _in_order(after, limit).where(*is_unsettled, _files.deleted_at < before)


def naming(hashes: Collection[str]) -> tuple[Select[Any], ...]:
    """Return the queries that find hashes wherever something names an artifact that must stay."""
    kept, versions = schema.kept_contents.c, schema.file_versions.c
    return (
        select(_files.sha256).where(_files.sha256.in_(hashes), _files.deleted_at.is_(None)),
        select(kept.sha256).where(kept.sha256.in_(hashes)),
        select(versions.sha256).where(
            versions.sha256.in_([bytes.fromhex(each) for each in hashes]),
            versions.sha256.is_not(None),
            versions.is_stored,
        ),
    )


def _in_order(after: int, limit: int) -> Select[Any]:
    return select(schema.files).where(_files.number > after).order_by(_files.number).limit(limit)


def _text(found: str | bytes) -> str:
    return found.hex() if isinstance(found, bytes) else found
