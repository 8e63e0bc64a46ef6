"""One working directory while attempts are live in it: who they are, what they found, what they changed.

What is asked of it is answered at once where nothing has to be looked at or remembered, and otherwise by one
task per directory, which takes everything together that arrived or ended meanwhile.
No failure of the record may hold up or fail an attempt.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import structlog
from msgspec import Struct

from headrace.clock import Clock
from headrace.errors import StoreError
from headrace.provenance.attempts import Heard, LiveAttempt
from headrace.provenance.attribution import Life
from headrace.provenance.glance import glance
from headrace.provenance.index import Index, is_copy
from headrace.provenance.listing import Change, Draft, Drafting
from headrace.provenance.tree import TooLarge, Tree
from headrace.runtimes.protocol import JobEnded
from headrace.store.protocol import Numbers, Provenance
from headrace.store.provenance_rows import DirectoryRow, FileVersion, Listing

log = structlog.get_logger(__name__)


class Contents(Protocol):
    """Who reads contents, later."""

    def take(self, draft: Draft, reads: list[FileVersion], originals: Mapping[str, FileVersion]) -> None:
        """Read what a listing found new and what its attempts read, where that is not known already."""


Lives = Callable[[], Mapping[int, tuple[float, float]]]
"""Returns the attempts that are running, or whose end was not reported yet: the Unix seconds of their start
and of their end, which is infinite while they run."""


class Surroundings(Struct, frozen=True):
    """What all directories share."""

    provenance: Provenance
    numbers: Numbers
    clock: Clock
    contents: Contents
    lives: Lives
    versions_of: Callable[[str], Awaitable[Mapping[str, FileVersion]]]
    """Returns what another directory has, by path."""
    earlier: Callable[[LiveAttempt], Awaitable[None]]
    """Learns what an earlier server has remembered of an attempt."""


class WorkingDirectory:
    """The attempts of one directory, and its index."""

    def __init__(self, tree: Tree, around: Surroundings) -> None:
        self.is_stopped = False
        """Nothing is recorded here any more."""
        self._tree = tree
        self._around = around
        self._index: Index | None = None
        self._live: dict[int, LiveAttempt] = {}
        self._arriving: dict[int, LiveAttempt] = {}
        self._ending: list[LiveAttempt] = []
        self._told: dict[int, set[int]] = {}
        self._unwritten: list[Listing] = []
        """Listings that the store could not take yet."""
        self._has_complained = False
        self._reads_contents = False
        self._task: asyncio.Task[None] | None = None
        self.idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no attempt is live here and nothing is being written."""
        return not (self._live or self._arriving or self._task)

    @property
    def working(self) -> asyncio.Task[None] | None:
        """What is at work now."""
        return self._task

    def versions(self) -> Mapping[str, FileVersion] | None:
        """Return the current versions by path, or None when they are not known yet."""
        return None if self._index is None else self._index.files

    def learn(self, version: FileVersion) -> None:
        """Take note of what the content of a version is."""
        if self._index is not None:
            current = self._index.files.get(version.path)
            if current is not None and current.number == version.number:
                self._index.put(version)

    def begin(self, attempt: LiveAttempt) -> None:
        """Let an attempt begin, at once or when the directory is known."""
        self._reads_contents |= attempt.asked.depth == "hash"
        asked = attempt.asked
        is_known = self._index is not None and not asked.sources and not attempt.is_recovered
        if self.is_stopped or (is_known and (not asked.inputs or self._tree.is_quiet)):
            self._admit(attempt, {})
        else:
            self._arriving[attempt.asked.number] = attempt
            self._work()

    def end(self, attempt: LiveAttempt, ended: JobEnded, heard: Heard) -> None:
        """Let the end of an attempt be heard, at once or when its changes are remembered."""
        if attempt.ended is not None:
            return  # told twice; it is on its way
        attempt.ended, attempt.heard = ended, heard
        if not attempt.is_admitted and not attempt.is_recovered:
            self._arriving.pop(attempt.asked.number, None)  # it was cancelled before it began
            self._dismiss(attempt)
        elif self.is_stopped or (self._task is None and not attempt.reads and self._tree.is_quiet):
            self._dismiss(attempt)
        else:
            self._ending.append(attempt)
            self._work()

    async def close(self) -> None:
        """Forget everything; what is in the store stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._tree.close()

    def forget(self) -> None:
        """Stop looking, while nobody is here."""
        self._tree.close()

    # What is done at once.

    def _admit(self, attempt: LiveAttempt, originals: Mapping[str, FileVersion]) -> None:
        """Note what an attempt finds, and let it begin."""
        attempt.is_admitted = True
        if self._index is not None:
            self._live[attempt.asked.number] = attempt
            if attempt.asked.inputs:
                self._note_inputs(attempt, self._index, originals)
            for version in originals.values():
                _read(attempt, version)
        attempt.ready()

    def _note_inputs(self, attempt: LiveAttempt, index: Index, originals: Mapping[str, FileVersion]) -> None:
        def is_directory(path: str) -> bool:
            return os.path.isdir(f"{self._tree.root}/{path}")  # noqa: PTH112 - as text

        for version in index.matching(attempt.asked.inputs, is_directory):
            _read(attempt, originals.get(version.path, version))

    def _dismiss(self, attempt: LiveAttempt) -> None:
        """Let the end of an attempt be heard."""
        self._live.pop(attempt.asked.number, None)
        self._told.pop(attempt.asked.number, None)
        self.idle_since = self._around.clock.now()
        assert attempt.heard is not None
        assert attempt.ended is not None
        attempt.heard(attempt.ended)

    # What takes its time.

    def _work(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._arriving or self._ending:
                await self._turn()
        finally:
            self._task = None
            self.idle_since = self._around.clock.now()

    async def _turn(self) -> None:
        """Take up everything that arrived or ended, remember what it changed, and let it go on."""
        arriving = tuple(self._arriving.values())
        ending, self._ending = self._ending, []
        originals: dict[int, Mapping[str, FileVersion]] = {}
        try:
            if not self.is_stopped:
                originals = await self._record(arriving, ending)
        except TooLarge:
            log.warning("directory_too_large", directory=self._tree.root)
            await self._stop()
        except Exception as error:  # whatever broke here, the activities must go on
            log.exception("files_not_recorded", directory=self._tree.root, error=str(error))
            await self._stop()
        for attempt in arriving:
            if self._arriving.pop(attempt.asked.number, None) is not None:
                with self._alone(attempt):
                    self._admit(attempt, originals.get(attempt.asked.number, {}))
        for attempt in ending:
            with self._alone(attempt):
                self._dismiss(attempt)

    @contextmanager
    def _alone(self, attempt: LiveAttempt) -> Iterator[None]:
        """Let what breaks for one attempt break for no other."""
        try:
            yield
        except Exception:
            log.exception("attempt_not_heard", directory=self._tree.root, attempt=attempt.asked.number)

    async def _record(
        self, arriving: tuple[LiveAttempt, ...], ending: list[LiveAttempt]
    ) -> dict[int, Mapping[str, FileVersion]]:
        originals: dict[int, Mapping[str, FileVersion]] = {}
        is_recovering = False
        for attempt in arriving:
            if attempt.is_recovered:
                is_recovering = True
                await self._around.earlier(attempt)
                self._told[attempt.asked.number] = set(attempt.known_versions)
            if attempt.asked.sources:
                originals[attempt.asked.number] = await self._brought(attempt.asked.sources)
        everything = {path: each for found in originals.values() for path, each in found.items()}
        if self._index is None:
            await self._open(everything, is_recovering=is_recovering)
        elif ending or not is_recovering:
            await self._list(ending, everything)
        assert self._index is not None
        files = self._index.files
        return {
            number: {
                path: version
                for path, version in found.items()
                if path in files and is_copy(version, files[path])
            }
            for number, found in originals.items()
        }

    async def _open(self, originals: Mapping[str, FileVersion], *, is_recovering: bool) -> None:
        """Learn what the directory has; what is new is nobody's, unless attempts of before are taken up."""
        around, tree = self._around, self._tree
        row = await around.provenance.directory(tree.root)
        index = Index(await around.provenance.current(tree.root) if row is not None else ())
        files = await tree.open()
        changes = tree.compare(index, files, around.clock.now() if row is None else row.listed_at)
        self._index = index
        if is_recovering and row is not None:
            tree.keep(changes)
            return
        is_complete = not tree.unreadable
        if changes or row is None or row.is_complete != is_complete:
            await self._remember(changes, [], [], originals)

    async def _list(self, ending: list[LiveAttempt], originals: Mapping[str, FileVersion]) -> None:
        assert self._index is not None
        changes = await self._tree.find(self._index)
        if changes or ending:
            await self._remember(changes, self._lives(ending), ending, originals)

    def _lives(self, ending: list[LiveAttempt]) -> list[Life]:
        """Return who was running since the last listing."""
        known = self._around.lives()
        ended = {each.asked.number for each in (*ending, *self._ending)}
        few, many = sorted((known, self._live), key=len)
        lives = [
            Life(self._live[number].asked, *known[number])
            for number in few
            if number in many and number not in ended
        ]
        for each in (*ending, *self._ending):
            assert each.ended is not None
            if each.ended.started_at is not None:
                lives.append(Life(each.asked, each.ended.started_at, each.ended.ended_at))
        return lives

    async def _remember(
        self,
        changes: list[Change],
        lives: list[Life],
        ending: list[LiveAttempt],
        originals: Mapping[str, FileVersion],
    ) -> None:
        around = self._around
        assert self._index is not None
        reads = [version for each in ending for version in each.reads.values()]
        if len(changes) > 100:
            await around.numbers.prepare(3 * len(changes) + len(reads))
        now = around.clock.now()
        drafting = Drafting(self._index, self._tree.root, around.numbers.take, now, self._told, self._live)
        drafting.changes(changes, lives, originals)
        for each in ending:
            drafting.reads(each)
        draft = drafting.draft(is_complete=not self._tree.unreadable)
        is_alone = all(life.ended_at < math.inf for life in lives)
        if is_alone and self._reads_contents:  # else a file may change unseen, within a tick of the clock
            draft = glance(draft)
            for version, _ in draft.made:
                self._index.put(version)
        await self._write(draft.listing)
        if len(self._index.files) > self._tree.most_files:
            raise TooLarge
        if self._reads_contents:
            around.contents.take(draft, reads, originals)

    async def _write(self, listing: Listing) -> None:
        """Remember a listing, after those that the store could not take before."""
        self._unwritten.append(listing)
        try:
            while self._unwritten:
                await self._around.provenance.record(self._unwritten[0])
                self._unwritten.pop(0)
        except StoreError as error:
            if not self._has_complained:
                self._has_complained = True
                log.warning("listing_waits_for_store", directory=self._tree.root, error=error.message)

    async def _stop(self) -> None:
        """Record nothing here any more, and say so in the record."""
        self.is_stopped = True
        self._index = None
        self._live.clear()
        self._unwritten.clear()
        self._tree.close()
        now = self._around.clock.now()
        row = DirectoryRow(path=self._tree.root, listed_at=now, is_complete=False)
        try:
            await self._around.provenance.record(Listing(directory=row))
        except Exception as error:  # noqa: BLE001 - then the record has no sign of it, but nobody waits
            log.warning("directory_not_marked", directory=self._tree.root, error=str(error))

    async def _brought(self, sources: tuple[str, ...]) -> dict[str, FileVersion]:
        """Return the files of the directories that files were brought from; the later ones win."""
        found: dict[str, FileVersion] = {}
        for source in sources:
            found.update(await self._around.versions_of(source))
        return found


def _read(attempt: LiveAttempt, version: FileVersion) -> None:
    if version.path not in attempt.known:
        attempt.reads[version.directory, version.path] = version
