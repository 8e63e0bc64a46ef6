"""What changed in one directory since it was last asked: told by a watch, or found by looking at everything.

This file knows files and times, and nothing of attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import structlog

from headrace.clock import Clock
from headrace.provenance.attribution import Span
from headrace.provenance.filesystems import tells_of_changes
from headrace.provenance.index import Index
from headrace.provenance.listing import Change
from headrace.provenance.scan import FileState, Scanned, look, scan
from headrace.provenance.watch import Unwatchable, Watch

log = structlog.get_logger(__name__)

QUICK_LOOKS = 64
"""Up to so many paths are looked at on the event loop's thread (2 µs each); above, a thread looks."""


class TooLarge(Exception):
    """The directory has more files than are recorded."""


class Tree:
    """The files of a directory, and which of them may have changed."""

    def __init__(
        self, root: str, clock: Clock, watch: Watch, private: Container[str], most_files: int
    ) -> None:
        """`private` has the server's own directory, which is left out where it lies in this one."""
        self.root = root
        self.unreadable: list[str] = []
        """Directories below that could not be read at the last look at everything."""
        self._clock = clock
        self._watch = watch
        self._private = private
        self.most_files = most_files
        """More than these are not recorded."""
        self._is_watched = False
        self._may_watch = True
        self._is_stale = True
        self._dirty: dict[str, Span] = {}
        self._gone: dict[str, Span] = {}
        """Directories that were moved away."""
        self._looked_at = clock.now()

    @property
    def is_quiet(self) -> bool:
        """Whether it is certain that nothing has changed; this costs a microsecond or two."""
        if not self._is_watched:
            return False
        self._watch.drain()
        return not (self._dirty or self._is_stale or self._gone)

    def note(self, path: str, span: Span) -> None:
        """Take note that something happened to a path."""
        known = self._dirty.get(path)
        if known is not None:
            span = Span(min(known.after, span.after), max(known.until, span.until))
        self._dirty[path] = span

    def note_directory(self, path: str, span: Span) -> None:
        """Take note that a directory is gone with all that it had."""
        self._gone[path] = span

    def distrust(self) -> None:
        """Take note that changes may have been missed."""
        self._is_stale = True

    async def open(self) -> dict[str, FileState]:
        """Make the directory if it can be made, begin to watch it, and return what it has."""
        await asyncio.to_thread(self._prepare)
        return await self._survey()

    async def make(self, inside: str) -> None:
        """Make a directory inside if it can be made."""
        await asyncio.to_thread(_make, f"{self.root}/{inside}")

    async def measure(self) -> None:
        """Raise `TooLarge` where more files lie here than are recorded; nothing else comes of it."""
        found = await asyncio.to_thread(scan, self.root, most=self.most_files, skipped=self._private)
        if found.is_too_large:
            raise TooLarge

    def hand_over(self, other: Tree, prefix: str) -> float:
        """Tell a tree that this one lies in what is noted here, and watch no more.

        Returns since when (Unix seconds) more may have changed.
        """
        is_told_all = self._is_watched
        if is_told_all:
            self._watch.drain()
        for path, span in self._dirty.items():
            other.note(prefix + path, span)
        for path, span in self._gone.items():
            other.note_directory(prefix + path, span)
        self.close()
        return self._clock.now() if is_told_all and not self._is_stale else self._looked_at

    async def find(self, index: Index) -> list[Change]:
        """Return what is different from the index; raises `TooLarge`."""
        self._watch.drain()
        dirty, self._dirty = self._dirty, {}
        gone, self._gone = self._gone, {}
        for directory, span in gone.items():
            for path in index.beneath(directory):
                dirty.setdefault(path, span)
        if self._is_watched and not self._is_stale:
            changes = await self._look(dirty)
            return changes + await self._look(_other_names(changes, dirty, index))
        since = self._looked_at
        changes = self.compare(index, await self._survey(), since)
        return [Change(change.path, change.state, dirty.get(change.path, change.span)) for change in changes]

    def compare(self, index: Index, files: Mapping[str, FileState], since: float) -> list[Change]:
        """Return how files differ from the index of a moment (Unix seconds)."""
        span = Span(since, self._clock.now())
        return [Change(path, files.get(path), span) for path in self._ours(index.differences(files))]

    def keep(self, changes: Iterable[Change]) -> None:
        """Find these changes again the next time."""
        for change in changes:
            self.note(change.path, change.span)

    def close(self) -> None:
        """Watch the directory no more."""
        self._is_watched = False
        self._watch.leave(self)

    async def _look(self, dirty: dict[str, Span]) -> list[Change]:
        def looks() -> list[Change]:
            return [Change(path, look(f"{self.root}/{path}"), dirty[path]) for path in self._ours(dirty)]

        return looks() if len(dirty) <= QUICK_LOOKS else await asyncio.to_thread(looks)

    async def _survey(self) -> dict[str, FileState]:
        self._looked_at = self._clock.now()
        self._is_stale = False  # what is missed from now on is missed anew
        found = await asyncio.to_thread(self._scan)
        self._is_watched = self._may_watch and self._watch.has(self)
        self._watch.attend()
        self.unreadable = found.unreadable
        if found.is_too_large:
            raise TooLarge
        return found.files

    def _prepare(self) -> None:
        _make(self.root)
        self._may_watch = tells_of_changes(self.root)

    def _scan(self) -> Scanned:
        if self._may_watch:
            try:
                return scan(
                    self.root,
                    most=self.most_files,
                    skipped=self._private,
                    enter=self._watch.entering(self),
                )
            except Unwatchable as error:
                log.warning("directory_not_watched", directory=self.root, error=str(error))
                self._may_watch = False
                self._watch.leave(self)
        return scan(self.root, most=self.most_files, skipped=self._private)

    def _ours(self, paths: Iterable[str]) -> Iterable[str]:
        """Leave out what belongs to the server itself."""
        return (path for path in paths if not self._is_elsewhere(path))

    def _is_elsewhere(self, path: str) -> bool:
        end = path.find("/")
        while end >= 0:
            if f"{self.root}/{path[:end]}" in self._private:
                return True
            end = path.find("/", end + 1)
        return False


def _other_names(changes: Iterable[Change], dirty: Container[str], index: Index) -> dict[str, Span]:
    """Return the other names that changed files have here: the kernel tells only of the one that was used."""
    spans = {
        change.state.inode: change.span
        for change in changes
        if change.state is not None and change.state.names > 1
    }
    if not spans:
        return {}
    return {
        path: spans[version.inode]
        for path, version in index.files.items()
        if version.inode in spans and path not in dirty
    }


def _make(directory: str) -> None:
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as error:  # the runtime will say so in its own words
        log.info("directory_not_made", directory=directory, error=str(error))
