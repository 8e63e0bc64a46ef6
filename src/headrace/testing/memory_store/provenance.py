"""Which task made which file from which, in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from headrace.errors import NotFound
from headrace.store.cursors import page, position
from headrace.store.provenance_rows import (
    DirectoryRow,
    FileUse,
    FileVersion,
    Hashed,
    Listing,
    RecordedUse,
    UseKind,
)
from headrace.store.rows import Page
from headrace.testing.memory_store.contents import Contents


class MemoryProvenance:
    """The `Provenance` of a store in memory."""

    def __init__(self, contents: Contents) -> None:
        self._directories = contents.directories
        self._versions = contents.file_versions
        self._wanted = contents.wanted_versions
        self._uses = contents.file_uses

    async def directory(self, path: str) -> DirectoryRow | None:
        """See `Provenance.directory`."""
        return self._directories.get(path)

    async def current(self, directory: str) -> list[FileVersion]:
        """See `Provenance.current`."""
        inside = f"{directory}/"
        return self._sorted(
            lambda version: version.is_current and f"{version.directory}/{version.path}".startswith(inside)
        )

    async def bytes_of(self, directories: Collection[str]) -> dict[str, int]:
        """See `Provenance.bytes_of`."""
        known = [self._directories[path] for path in self._directories.keys() & set(directories)]
        return {each.path: each.bytes for each in known if each.bytes is not None}

    async def record(self, listing: Listing) -> None:
        """See `Provenance.record`."""
        self._directories.update((row.path, row) for row in (listing.directory, *listing.parts))
        self._versions.update((version.number, version) for version in listing.appeared)
        for number in listing.gone:
            if (former := self._versions.get(number)) is not None:
                is_unknown = former.sha256 is None and former.link is None
                self._versions[number] = replace(former, is_current=False, is_superseded=is_unknown)
        self._uses.update((use.number, use) for use in listing.uses)
        appeared = {version.number for version in listing.appeared}
        for number in listing.wanted():
            if number in appeared or ((known := self._versions.get(number)) and known.sha256 is None):
                self._wanted.add(number)

    async def note_hashes(self, found: Sequence[Hashed]) -> None:
        """See `Provenance.note_hashes`."""
        for hashed in found:
            if (former := self._versions.get(hashed.version)) is None:
                continue
            self._wanted.discard(hashed.version)
            if hashed.sha256 is not None:
                self._versions[former.number] = replace(
                    former, sha256=hashed.sha256, is_stored=hashed.is_stored, is_superseded=False
                )
            elif former.sha256 is None:
                self._versions[former.number] = replace(former, is_superseded=True)

    async def to_read(self, *, limit: int = 1000) -> list[FileVersion]:
        """See `Provenance.to_read`."""
        found = self._sorted(
            lambda version: (
                version.is_current
                and not version.is_superseded
                and version.link is None
                and version.number in self._wanted
            )
        )
        return found[:limit]

    async def uses(
        self,
        execution: int,
        *,
        task: str | None = None,
        kinds: Collection[UseKind] | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[RecordedUse]:
        """See `Provenance.uses`."""
        found = (
            use
            for use in self._uses.values()
            if use.execution == execution
            and task in (None, use.task)
            and (kinds is None or use.kind in kinds)
        )
        return self._page(found, limit, cursor, f"uses-{execution}")

    async def use(self, number: int) -> RecordedUse:
        """See `Provenance.use`."""
        if (found := self._uses.get(number)) is None:
            raise NotFound(f"There is no use of a file {number}.")
        return self._recorded(found)

    async def uses_of(
        self, sha256: str, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[RecordedUse]:
        """See `Provenance.uses_of`."""
        versions = {version.number for version in self._versions.values() if version.sha256 == sha256}
        found = (use for use in self._uses.values() if use.before in versions or use.after in versions)
        return self._page(found, limit, cursor, "uses-of-content")

    async def stored_bytes(self, execution: int) -> int:
        """See `Provenance.stored_bytes`."""
        made = (use.after for use in self._uses.values() if use.execution == execution)
        versions = (self._versions[number] for number in made if number is not None)
        sizes = {version.sha256: version.size for version in versions if version.is_stored}
        return sum(sizes.values())

    def _sorted(self, fits: Callable[[FileVersion], bool]) -> list[FileVersion]:
        return sorted(filter(fits, self._versions.values()), key=lambda version: version.number)

    def _page(self, found: Iterable[FileUse], limit: int, cursor: str | None, name: str) -> Page[RecordedUse]:
        after = position(cursor, name) or 0
        wanted = sorted((use for use in found if use.number > after), key=lambda use: use.number)
        recorded = [self._recorded(use) for use in wanted[: limit + 1]]
        return page(recorded, limit, name, lambda shown: shown.use.number)

    def _recorded(self, use: FileUse) -> RecordedUse:
        return RecordedUse(
            use=use,
            before=None if use.before is None else self._versions[use.before],
            after=None if use.after is None else self._versions[use.after],
        )
