"""From what a look at a directory found to what is remembered of it.

Nothing here touches a file or the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from headrace.provenance.attempts import LiveAttempt, RecordedAttempt
from headrace.provenance.attribution import Attribution, Life, Span, attribute, possible
from headrace.provenance.index import Index, is_copy
from headrace.provenance.scan import FileState
from headrace.store.provenance_rows import DirectoryRow, FileUse, FileVersion, Listing, UseKind


class Change(NamedTuple):
    """A path that is not what it was."""

    path: str
    state: FileState | None
    """What is there now."""
    span: Span
    """When it was changed."""


class Draft(Struct, kw_only=True):
    """A listing, and what else follows from it."""

    listing: Listing
    made: list[tuple[FileVersion, RecordedAttempt]]
    """New contents, with one of those that may have made them."""
    found: list[FileVersion]
    """New contents that none of ours made."""
    contents: dict[int, bytes] = {}
    """Contents that were read already, by the numbers of their versions."""


class Contents(Protocol):
    """Who reads contents, later."""

    def take(self, draft: Draft, reads: list[FileVersion], originals: Mapping[str, FileVersion]) -> None:
        """Read what a listing found new and what its attempts read, where that is not known already."""


class Drafting:
    """Puts one listing together; the index is changed on the way."""

    def __init__(
        self,
        index: Index,
        directory: str,
        take: Callable[[], int],
        now: float,
        told: dict[int, set[int]],
        live: Mapping[int, LiveAttempt],
    ) -> None:
        """`told` is kept from listing to listing: per attempt, the versions that it is known to have had.

        `live` are the attempts in the directory, by number, those that ended since the last listing included.
        """
        self._index = index
        self._told = told
        self._live = live
        self._directory = directory
        self._take = take
        self._now = now
        self._appeared: list[FileVersion] = []
        self._gone = index.outdated.copy()
        index.outdated.clear()
        self._uses: list[FileUse] = []
        self._unread: set[int] = set()
        self._made: list[tuple[FileVersion, RecordedAttempt]] = []
        self._found: list[FileVersion] = []

    def changes(
        self,
        changes: Iterable[Change],
        lives: Sequence[Life],
        originals: Mapping[str, FileVersion],
    ) -> None:
        """Take up changes; `originals` are the files that were brought here, by their paths."""
        candidates: dict[Span, list[Life]] = {}
        for change in changes:
            if not self._index.differs(change.path, change.state):
                continue
            span = change.span
            if span not in candidates:
                candidates[span] = possible(lives, span)
            whose = attribute(change.path, change.state, span, candidates[span])
            self._change(change, whose, originals.get(change.path))

    def reads(self, attempt: LiveAttempt) -> None:
        """Take up what an attempt that ended had found when it began."""
        for version in attempt.reads.values():
            self._use("read", [attempt.asked], before=version)

    def draft(self, parts: Iterable[str], *, is_complete: bool) -> Draft:
        """Return what was put together; `parts` are prefixes of directories inside that are told of too."""

        def row(path: str, held: int) -> DirectoryRow:
            return DirectoryRow(path=path, listed_at=self._now, is_complete=is_complete, bytes=held)

        listing = Listing(
            directory=row(self._directory, self._index.bytes),
            parts=[row(f"{self._directory}/{each[:-1]}", self._index.held_by(each)) for each in parts],
            appeared=self._appeared,
            gone=self._gone,
            uses=self._uses,
            unread=self._unread,
        )
        return Draft(listing=listing, made=self._made, found=self._found)

    def _change(self, change: Change, whose: Attribution, original: FileVersion | None) -> None:
        before = self._index.files.get(change.path)
        after = None if change.state is None else self._version(change.path, change.state, original)
        if before is not None:
            self._gone.append(before.number)
            self._declared(change.path, whose)
        if after is None:
            self._index.remove(change.path)
            self._use("deleted", whose.attempts, before=before, is_certain=whose.is_certain)
            return
        self._index.put(change.path, after)
        self._appeared.append(after)
        kind: UseKind = "created" if before is None else "modified"
        if before is not None:
            self._use("read", whose.attempts, before=before, is_certain=whose.is_certain)
        self._use(kind, whose.attempts, before=before, after=after, is_certain=whose.is_certain)
        if after.link is None and after.sha256 is None:
            if whose.attempts:
                self._made.append((after, whose.attempts[0]))
            else:
                self._found.append(after)

    def _declared(self, path: str, whose: Attribution) -> None:
        """Say that those who changed or removed a version read it, where they had declared it as input.

        It is said now, because nothing has the version any more when a later server takes them up, and before
        the change, because whoever follows the uses in their order takes the last one for how things are.
        """
        for attempt in whose.attempts:
            live = self._live.get(attempt.number)
            found = None if live is None else live.reads.get(f"{self._directory}/{path}")
            if found is not None:
                self._use("read", [attempt], before=found)

    def _version(self, path: str, state: FileState, original: FileVersion | None) -> FileVersion:
        if original is not None and not is_copy(original, state):
            original = None
        return FileVersion(
            number=self._take(),
            directory=self._directory,
            path=path,
            size=state.size,
            mtime_ns=state.mtime_ns,
            inode=state.inode,
            link=state.link,
            sha256=None if original is None else original.sha256,
            is_stored=original is not None and original.is_stored,
            seen_at=self._now,
        )

    def _use(
        self,
        kind: UseKind,
        attempts: Iterable[RecordedAttempt],
        *,
        before: FileVersion | None = None,
        after: FileVersion | None = None,
        is_certain: bool = True,
    ) -> None:
        for attempt in attempts:
            version = after or before
            assert version is not None
            told = self._told.setdefault(attempt.number, set())
            if kind == "read" and version.number in told:
                continue  # it was said before, or the attempt made it itself
            if kind != "deleted":  # who removes a version may have read it all the same
                told.add(version.number)
            if attempt.depth == "stat":
                self._unread.add(version.number)
            self._uses.append(
                FileUse(
                    number=self._take(),
                    execution=attempt.execution,
                    task=attempt.task,
                    attempt=attempt.number,
                    kind=kind,
                    before=None if before is None else before.number,
                    after=None if after is None else after.number,
                    is_certain=is_certain,
                    at=self._now,
                )
            )
