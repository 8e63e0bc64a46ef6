"""One working directory while attempts are live in it: who they are, what they found, what they changed.

Attempts whose directories lie in it are live in it too, so that a file has one record whoever works on it; a
directory that was open before is taken over, with all that it knows.
What is asked of it is answered at once where nothing has to be looked at or remembered, and otherwise by one
task per directory, which takes everything together that arrived or ended meanwhile.
No failure of the record may hold up or fail an attempt.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import structlog
from msgspec import Struct

from headrace.clock import Clock
from headrace.errors import StoreError
from headrace.provenance.attempts import Heard, LiveAttempt
from headrace.provenance.attribution import Life, Lives
from headrace.provenance.glance import glance
from headrace.provenance.index import Index, is_copy, place
from headrace.provenance.listing import Change, Contents, Drafting
from headrace.provenance.tree import TooLarge, Tree
from headrace.runtimes.protocol import JobEnded
from headrace.store.protocol import Numbers, Provenance
from headrace.store.provenance_rows import DirectoryRow, FileVersion, Listing

log = structlog.get_logger(__name__)


class Surroundings(Struct, frozen=True):
    """What all directories share."""

    provenance: Provenance
    numbers: Numbers
    clock: Clock
    contents: Contents
    lives: Lives
    versions_of: Callable[[str], Awaitable[Mapping[str, FileVersion]]]
    """Returns what another directory has, by path."""
    inside: Callable[[str], list[WorkingDirectory]]
    """Returns the open directories that lie in one."""
    moved: Callable[[WorkingDirectory, WorkingDirectory], None]
    """Learns that the attempts of the first are now those of the second, which it lies in."""
    earlier: Callable[[LiveAttempt], Awaitable[None]]
    """Learns what an earlier server has remembered of an attempt."""


class WorkingDirectory:
    """The attempts of one directory, and its index."""

    def __init__(self, tree: Tree, around: Surroundings) -> None:
        self.is_stopped = False
        """Nothing is recorded here any more."""
        self.root = tree.root
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
        self._at_turn = asyncio.Lock()
        self.idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no attempt is live here and nothing is being written."""
        return not (self._live or self._arriving or self._task)

    @property
    def working(self) -> asyncio.Task[None] | None:
        """What is at work now."""
        return self._task

    def versions(self, directory: str) -> Mapping[str, FileVersion] | None:
        """Return the current versions in a directory, by their paths there; None when they are not known yet.

        It is this one, or lies in it.
        """
        return None if self._index is None else self._index.part(self._prefix(directory))

    def learn(self, version: FileVersion) -> None:
        """Take note of what the content of a version is."""
        if self._index is not None:
            path = place(version)[len(self.root) + 1 :]
            current = self._index.files.get(path)
            if current is not None and current.number == version.number:
                self._index.put(path, version)

    def begin(self, attempt: LiveAttempt) -> None:
        """Let an attempt begin, at once or when the directory is known."""
        self._reads_contents |= attempt.asked.depth == "hash"
        asked = attempt.asked
        is_known = self._index is not None and not asked.sources and not attempt.is_recovered
        if asked.directory != self.root:
            prefix = attempt.prefix = self._prefix(asked.directory)
            is_known = is_known and self._index is not None and (not prefix or prefix in self._index.parts)
        if asked.inputs and is_known and self._index is not None:  # a glob or directory may mean many files
            is_known = self._tree.is_quiet and self._index.has(asked.inputs, attempt.prefix)
        if self.is_stopped or is_known:
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
                attempt.read(version)
        attempt.ready()

    def _note_inputs(self, attempt: LiveAttempt, index: Index, originals: Mapping[str, FileVersion]) -> None:
        def is_directory(path: str) -> bool:
            return os.path.isdir(f"{self.root}/{path}")  # noqa: PTH112 - as text

        for path, version in index.matching(attempt.asked.inputs, is_directory, attempt.prefix):
            attempt.read(originals.get(path, version))

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
        async with self._at_turn:
            if self._arriving or self._ending:  # else they were taken over meanwhile
                await self._take_turn()

    async def _take_turn(self) -> None:
        arriving = tuple(self._arriving.values())
        ending, self._ending = self._ending, []
        originals: dict[int, Mapping[str, FileVersion]] = {}
        try:
            if not self.is_stopped:
                originals = await self._record(arriving, ending)
        except TooLarge:
            log.warning("directory_too_large", directory=self.root)
            await self._stop()
        except Exception as error:  # whatever broke here, the activities must go on
            log.exception("files_not_recorded", directory=self.root, error=str(error))
            await self._stop()
        for attempt in arriving:
            if self._arriving.pop(attempt.asked.number, None) is not None:
                with self._alone(attempt):
                    self._admit(attempt, originals.get(attempt.asked.number, {}))
                if attempt.asked.inputs:
                    await asyncio.sleep(0)  # they may be many files, and many may arrive together
        for attempt in ending:
            with self._alone(attempt):
                self._dismiss(attempt)

    @contextmanager
    def _alone(self, attempt: LiveAttempt) -> Iterator[None]:
        """Let what breaks for one attempt break for no other."""
        try:
            yield
        except Exception:
            log.exception("attempt_not_heard", directory=self.root, attempt=attempt.asked.number)

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
                found = await self._brought(attempt.asked.sources)
                originals[attempt.asked.number] = {
                    attempt.prefix + path: version for path, version in found.items()
                }
        everything = {path: each for found in originals.values() for path, each in found.items()}
        if self._index is None:
            await self._open(everything, is_recovering=is_recovering)
            if self._live and not is_recovering:  # in what was taken over
                await self._list([], everything)
        elif ending or not is_recovering:
            await self._list(ending, everything)
        assert self._index is not None
        new_parts = {attempt.prefix for attempt in arriving}.difference(self._index.parts, [""])
        for prefix in new_parts:
            await self._tree.make(prefix)
            self._index.held_by(prefix)
        if new_parts and not is_recovering:  # a later server must find that it was known before they began
            await self._remember([], [], [], everything, new_parts)
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
        since = around.clock.now() if row is None else row.listed_at
        known: dict[str, Index] = {}
        if inner := around.inside(tree.root):
            await tree.measure()  # or they would lose their records as well
            since = min([since, *[await self._take_over(each, known) for each in inner]])
        index = Index(tree.root, await around.provenance.current(tree.root))
        for prefix, part in known.items() if self._unwritten else ():  # what the store has is older
            index.replace(prefix, part)
        changes = tree.compare(index, await tree.open(), since)
        self._index = index
        if self._live or (is_recovering and row is not None):
            tree.keep(changes)
            if row is None:
                await self._remember([], [], [], originals)
            return
        is_complete = not tree.unreadable
        if changes or row is None or row.is_complete != is_complete:
            await self._remember(changes, [], [], originals)

    async def _take_over(self, inner: WorkingDirectory, known: dict[str, Index]) -> float:
        """Go on with the attempts of a directory inside; `known` takes its index, by how its paths begin.

        Returns since when (Unix seconds) files there may have changed without a sign.
        """
        async with inner._at_turn:
            if inner.is_stopped:
                return math.inf
            prefix = self._prefix(inner.root)
            since = inner._tree.hand_over(self._tree, prefix)
            if inner._index is not None:
                known[prefix] = inner._index
            attempts = inner._live | inner._arriving | {each.asked.number: each for each in inner._ending}
            for attempt in attempts.values():
                attempt.prefix = prefix + attempt.prefix
            self._live |= inner._live
            self._arriving |= inner._arriving
            self._ending += inner._ending
            self._told |= inner._told
            self._unwritten += inner._unwritten
            self._reads_contents |= inner._reads_contents
            for held in (inner._live, inner._arriving, inner._ending, inner._told, inner._unwritten):
                held.clear()
            inner._index = None
            self._around.moved(inner, self)
            return since

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
            Life(self._live[number].asked, *known[number], self._live[number].prefix)
            for number in few
            if number in many and number not in ended
        ]
        for each in (*ending, *self._ending):
            assert each.ended is not None
            if each.ended.started_at is not None:
                lives.append(Life(each.asked, each.ended.started_at, each.ended.ended_at, each.prefix))
        return lives

    async def _remember(
        self,
        changes: list[Change],
        lives: list[Life],
        ending: list[LiveAttempt],
        originals: Mapping[str, FileVersion],
        parts: Collection[str] = (),
    ) -> None:
        around = self._around
        assert self._index is not None
        reads = [version for each in ending for version in each.reads.values()]
        if len(changes) > 100:
            await around.numbers.prepare(3 * len(changes) + len(reads))
        now = around.clock.now()
        drafting = Drafting(self._index, self.root, around.numbers.take, now, self._told, self._live)
        drafting.changes(changes, lives, originals)
        for each in ending:
            drafting.reads(each)
        parts = {*parts, *(each.prefix for each in ending if each.prefix)}
        draft = drafting.draft(parts, is_complete=not self._tree.unreadable)
        is_alone = all(life.ended_at < math.inf for life in lives)
        if is_alone and self._reads_contents:  # else a file may change unseen, within a tick of the clock
            draft = glance(draft)
            for version, _ in draft.made:
                self._index.put(version.path, version)
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
                log.warning("listing_waits_for_store", directory=self.root, error=error.message)

    async def _stop(self) -> None:
        """Record nothing here any more, and say so in the record."""
        self.is_stopped = True
        self._index = None
        self._live.clear()
        self._unwritten.clear()
        self._tree.close()
        now = self._around.clock.now()
        row = DirectoryRow(path=self.root, listed_at=now, is_complete=False)
        try:
            await self._around.provenance.record(Listing(directory=row))
        except Exception as error:  # noqa: BLE001 - then the record has no sign of it, but nobody waits
            log.warning("directory_not_marked", directory=self.root, error=str(error))

    def _prefix(self, directory: str) -> str:
        """Return what paths in a directory begin with, which is this one or lies in it."""
        inside = os.path.normpath(directory)[len(self.root) + 1 :]
        return f"{inside}/" if inside else ""

    async def _brought(self, sources: tuple[str, ...]) -> dict[str, FileVersion]:
        """Return the files of the directories that files were brought from; the later ones win."""
        found: dict[str, FileVersion] = {}
        for source in sources:
            found.update(await self._around.versions_of(source))
        return found
