"""Which task made which file from which, as SQL; what the methods promise stands in `Provenance`.

How it is written stands in `listings`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, and_, func, or_, select, text, union
from sqlalchemy.sql import FromClause

from headrace.errors import NotFound
from headrace.store import listings, schema
from headrace.store.cursors import LARGEST, page, position
from headrace.store.provenance_rows import (
    DirectoryRow,
    FileUse,
    FileVersion,
    Hashed,
    Listing,
    RecordedUse,
    UseKind,
)
from headrace.store.reading import Readers
from headrace.store.rows import Page
from headrace.store.writer import Writer

_directories = schema.directories
_versions = schema.file_versions
_uses = schema.file_uses

_USE = FileUse.__struct_fields__
_BATCH = 500
"""Directories that one question asks for."""
_VERSION = tuple(name for name in FileVersion.__struct_fields__ if name != "directory")
"""The columns of a version, after the path of its directory."""


class SqlProvenance:
    """Keeps listings, and answers who made what from what."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def directory(self, path: str) -> DirectoryRow | None:
        """Return what is known of a directory, or None when it was never listed."""

        def look(connection: Connection) -> DirectoryRow | None:
            query = select(_directories).where(_directories.c.path == os.fsencode(path))
            if (found := connection.execute(query).first()) is None:
                return None
            return DirectoryRow(
                path=path, listed_at=found.listed_at, is_complete=found.is_complete, bytes=found.bytes
            )

        return await self._readers.read(look)

    async def current(self, directory: str) -> list[FileVersion]:
        """Return what a directory has by the last listings, oldest first."""
        asked = os.fsencode(directory)

        def look(connection: Connection) -> list[FileVersion]:
            found: list[FileVersion] = []
            for row in connection.execute(directories_around(asked)):
                query = current_versions(row.key, asked[len(row.path) + 1 :])
                path = os.fsdecode(row.path)
                found += (_version((path, *version)) for version in connection.execute(query))
            return sorted(found, key=attrgetter("number"))

        return await self._readers.read(look)

    async def bytes_of(self, directories: Collection[str]) -> dict[str, int]:
        """Return how many bytes directories have, of those where that is known."""
        paths = [os.fsencode(path) for path in directories]

        def look(connection: Connection) -> dict[str, int]:
            rows = (row for some in _parts(paths) for row in connection.execute(bytes_in(some)))
            return {os.fsdecode(row.path): row.bytes for row in rows}

        return await self._readers.read(look)

    async def record(self, listing: Listing) -> None:
        """Remember a listing durably, as a whole."""
        await self._writer.commit(lambda cursor: listings.record(cursor, listing))

    async def note_hashes(self, found: Sequence[Hashed]) -> None:
        """Remember what reading contents gave."""
        await self._writer.commit(lambda cursor: listings.note_hashes(cursor, found))

    async def to_read(self, *, limit: int = 1000) -> list[FileVersion]:
        """Return current regular files whose contents are still to be read, oldest first."""
        query = versions_to_read(limit)
        return await self._readers.read(lambda c: [_version(row) for row in c.execute(query)])

    async def uses(
        self,
        execution: int,
        *,
        task: str | None = None,
        kinds: Collection[UseKind] | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[RecordedUse]:
        """Return what the tasks of an execution did, in the order of their numbers."""
        name = f"uses-{execution}"
        query = uses_by(execution, task, kinds, limit + 1, position(cursor, name) or 0)
        rows = await self._readers.read(lambda c: [_recorded(row) for row in c.execute(query)])
        return page(rows, limit, name, lambda row: row.use.number)

    async def use(self, number: int) -> RecordedUse:
        """Return the use with this number, or raise `NotFound`."""
        query = _whole().where(_uses.c.number == number)
        found = None
        if abs(number) <= LARGEST:
            found = await self._readers.read(lambda c: c.execute(query).first())
        if found is None:
            raise NotFound(f"There is no use of a file {number}.")
        return _recorded(found)

    async def uses_of(
        self, sha256: str, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[RecordedUse]:
        """Return every use of this content, by any execution, oldest first."""
        name = "uses-of-content"
        after = position(cursor, name) or 0
        try:
            query = uses_with(bytes.fromhex(sha256), limit + 1, after)
        except ValueError:
            return Page([], None)
        rows = await self._readers.read(lambda c: [_recorded(row) for row in c.execute(query)])
        return page(rows, limit, name, lambda row: row.use.number)

    async def stored_bytes(self, execution: int) -> int:
        """Return how many bytes of contents that tasks of an execution made are artifacts."""
        query = stored_bytes_of(execution)
        return await self._readers.read(lambda c: int(c.execute(query).scalar_one()))


def directories_around(directory: bytes) -> Select[Any]:
    """Return the query for the keys of a directory, of those inside and of those that it lies in."""
    above = [directory]
    while b"/" in above[-1][1:]:
        above.append(above[-1][: above[-1].rindex(b"/")])
    path = _directories.c.path
    is_inside = and_(path > directory + b"/", path < directory + b"0")  # 0 comes after the slash
    return select(_directories.c.key, path).where(or_(path.in_(above), is_inside))


def current_versions(directory: int, inside: bytes = b"") -> Select[Any]:
    """Return the query for what the directory with this key has, or what a directory inside of it has."""
    query = select(*(_versions.c[name] for name in _VERSION)).where(
        _versions.c.directory == directory, text(schema.CURRENT)
    )
    if inside:
        query = query.where(_versions.c.path > inside + b"/", _versions.c.path < inside + b"0")
    return query.order_by(_versions.c.number)


def bytes_in(directories: Sequence[bytes]) -> Select[Any]:
    """Return the query for what is known of the sizes of these directories; it looks at no file."""
    wanted = _directories.c.path.in_(directories)
    return select(_directories.c.path, _directories.c.bytes).where(wanted, _directories.c.bytes.is_not(None))


def versions_to_read(limit: int) -> Select[Any]:
    """Return the query for what waits to be read; its cost is that of what it returns."""
    return (
        select(*_columns(_versions, _directories))
        .join(_directories, _directories.c.key == _versions.c.directory)
        .where(text(schema.TO_READ))
        .order_by(_versions.c.number)
        .limit(limit)
    )


def uses_by(
    execution: int, task: str | None, kinds: Collection[UseKind] | None, limit: int, after: int
) -> Select[Any]:
    """Return the query for a page of what tasks of an execution did."""
    query = _whole().where(_uses.c.execution == execution, _uses.c.number > after)
    if task is not None:
        query = query.where(_uses.c.task == task)
    if kinds is not None:
        query = query.where(_uses.c.kind.in_(kinds))
    return query.order_by(_uses.c.number).limit(limit)


def uses_with(sha256: bytes, limit: int, after: int) -> Select[Any]:
    """Return the query for a page of what was done with a content.

    Only numbers are gathered and sorted; the rows of a page are looked up by them.
    """
    versions = select(_versions.c.number).where(_versions.c.sha256 == sha256)
    found: CompoundSelect[Any] = union(
        *(
            select(_uses.c.number).where(column.in_(versions), _uses.c.number > after)
            for column in (_uses.c.before, _uses.c.after)
        )
    )
    numbers = found.order_by("number").limit(limit).subquery()
    return _whole().where(_uses.c.number.in_(select(numbers.c.number))).order_by(_uses.c.number)


def stored_bytes_of(execution: int) -> Select[Any]:
    """Return the query for the bytes of artifacts that an execution made; a content counts once."""
    made = select(_uses.c.after).where(_uses.c.execution == execution, _uses.c.after.is_not(None))
    contents = (
        select(_versions.c.sha256, _versions.c.size)
        .where(_versions.c.number.in_(made), _versions.c.is_stored)
        .distinct()
        .subquery()
    )
    return select(func.coalesce(func.sum(contents.c.size), 0))


def _parts(paths: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH))


def _whole() -> Select[Any]:
    """Return the query for uses with the versions that they name."""
    before, after = _versions.alias("former"), _versions.alias("latter")
    place_before, place_after = _directories.alias("place_before"), _directories.alias("place_after")
    return (
        select(
            *(_uses.c[name] for name in _USE), *_columns(before, place_before), *_columns(after, place_after)
        )
        .outerjoin(before, before.c.number == _uses.c.before)
        .outerjoin(place_before, place_before.c.key == before.c.directory)
        .outerjoin(after, after.c.number == _uses.c.after)
        .outerjoin(place_after, place_after.c.key == after.c.directory)
    )


def _columns(versions: FromClause, directories: FromClause) -> list[Any]:
    return [directories.c.path, *(versions.c[name] for name in _VERSION)]


def _recorded(row: Sequence[Any]) -> RecordedUse:
    middle = len(_USE) + 1 + len(_VERSION)
    return RecordedUse(
        use=FileUse(**dict(zip(_USE, row, strict=False))),
        before=_version_or_none(row[len(_USE) : middle]),
        after=_version_or_none(row[middle:]),
    )


def _version_or_none(row: Sequence[Any]) -> FileVersion | None:
    return None if row[0] is None else _version(row)


def _version(row: Sequence[Any]) -> FileVersion:
    directory, number, path, size, mtime_ns, inode, link, sha256, superseded, stored, current, seen_at = row
    return FileVersion(
        number=number,
        directory=os.fsdecode(directory),
        path=os.fsdecode(path),
        size=size,
        mtime_ns=mtime_ns,
        inode=listings.inode(inode),
        link=None if link is None else os.fsdecode(link),
        sha256=None if sha256 is None else sha256.hex(),
        is_superseded=superseded,
        is_stored=stored,
        is_current=current,
        seen_at=seen_at,
    )
