"""The record of files: attempts are shown to it before they begin and after they ended.

It keeps the directories in which attempts are live, and a short while longer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Literal as OneOf

from headrace.clock import Clock
from headrace.provenance.attempts import Heard, LiveAttempt, Ready, RecordedAttempt
from headrace.provenance.attribution import Lives
from headrace.provenance.directory import Surroundings, WorkingDirectory
from headrace.provenance.grounds import Grounds
from headrace.provenance.hashing import ArtifactFiles, Hashing
from headrace.provenance.index import place
from headrace.provenance.scan import MOST_FILES
from headrace.provenance.tree import Tree
from headrace.provenance.watch import Watch
from headrace.runtimes.protocol import JobEnded
from headrace.store.protocol import Numbers, Provenance
from headrace.store.provenance_rows import FileVersion, RecordedUse

LINGER = 30.0
"""Seconds that a directory without attempts is kept: its next attempt then begins without a look at it."""

Origin = OneOf["new", "recovered"]
"""Whether an earlier server may have begun the attempt."""


class Recorder:
    """Notes which attempt makes, changes, deletes and reads which file."""

    def __init__(
        self,
        provenance: Provenance,
        numbers: Numbers,
        artifacts: ArtifactFiles,
        clock: Clock,
        *,
        max_file: int,
        max_execution: int,
        lives: Lives,
        private: str,
        linger: float = LINGER,
        most_files: int = MOST_FILES,
    ) -> None:
        """`max_file` and `max_execution` bound in bytes what is kept of contents.

        `lives` returns who is running, or has ended and was not reported yet; `private` is the server's own
        directory, of which nothing is noted unless an attempt works inside it.
        """
        self._provenance = provenance
        self._clock = clock
        self._linger = linger
        self._most_files = most_files
        self._directories: dict[str, WorkingDirectory] = {}
        """Who has the record of a directory: it itself, or the one that it lies in."""
        self._private = frozenset([_normal(private)])
        """What is left out of the directories that it lies in."""
        self._grounds = Grounds(_normal(private))
        self._attempts: dict[int, tuple[WorkingDirectory, LiveAttempt]] = {}
        self._early: list[tuple[WorkingDirectory, LiveAttempt]] | None = []
        """Who came before all attempts of an earlier server were known."""
        self._sweep: asyncio.TimerHandle | None = None
        self._watch = Watch(clock, self._private)
        self._hashing = Hashing(
            provenance, artifacts, max_file=max_file, max_execution=max_execution, learned=self._learned
        )
        self._around = Surroundings(
            provenance=provenance,
            numbers=numbers,
            clock=clock,
            contents=self._hashing,
            lives=lives,
            versions_of=self._versions_of,
            inside=self._inside,
            moved=self._moved,
            earlier=self._earlier,
        )

    def begin(self, asked: RecordedAttempt, ready: Ready, origin: Origin = "new") -> None:
        """Call `ready` once it is known what the attempt finds, at once if it is known already."""
        attempt = LiveAttempt(asked, ready, is_recovered=origin == "recovered")
        directory = self._directory(asked.directory)
        self._attempts[asked.number] = (directory, attempt)
        if self._early is not None:
            self._early.append((directory, attempt))
        else:
            directory.begin(attempt)

    def end(self, ended: JobEnded, heard: Heard) -> None:
        """Call `heard` with the end once its changes are remembered, at once if there are none.

        An attempt that never began here has none.
        """
        known = self._attempts.get(ended.attempt)
        if known is None:
            heard(ended)
            return

        def over(status: JobEnded) -> None:
            self._attempts.pop(status.attempt, None)
            heard(status)

        directory, attempt = known
        directory.end(attempt, ended, over)

    async def resume(self) -> None:
        """Take up what an earlier server left, now that all its attempts have been shown again."""
        early, self._early = self._early, None
        for directory, _ in early or ():
            # All are known before any begins again, so nothing of one is taken for the work of another.
            if directory.is_idle and (outer := self._around_it(directory.root)) is not None:
                self._moved(directory, outer)
        for directory, attempt in early or ():
            known = self._attempts.get(attempt.asked.number)
            (directory if known is None else known[0]).begin(attempt)
        await self._hashing.resume()

    async def settled(self) -> None:
        """Return when everything that ended is remembered and every content was read."""
        while working := [task for task in self._at_work() if task is not None]:
            await asyncio.wait(working)

    async def close(self) -> None:
        """Let go; the next server takes up what was not finished."""
        if self._sweep is not None:
            self._sweep.cancel()
        for directory in dict.fromkeys(self._directories.values()):
            await directory.close()
        await self._hashing.close()
        self._watch.close()

    def _directory(self, path: str) -> WorkingDirectory:
        found = self._directories.get(path)
        if found is not None and not found.is_stopped:
            return found
        root = _normal(path)
        found = self._directories.get(root)
        if found is None or (found.is_stopped and found.root != root):
            found = self._directories[root] = self._around_it(root) or self._new(root)
        return found

    def _around_it(self, root: str) -> WorkingDirectory | None:
        """Return the open directory that a directory lies in."""
        known = (self._directories.get(path) for path in self._grounds.above(root))
        return next((found for found in known if found is not None and not found.is_stopped), None)

    def _new(self, root: str) -> WorkingDirectory:
        tree = Tree(root, self._clock, self._watch, self._private, self._most_files)
        self._grounds.add(root)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._linger, self._forget_idle)
        return WorkingDirectory(tree, self._around)

    def _inside(self, root: str) -> list[WorkingDirectory]:
        found = (self._directories[path] for path in self._grounds.inside(root))
        return [directory for directory in found if not directory.is_stopped]

    def _moved(self, inner: WorkingDirectory, outer: WorkingDirectory) -> None:
        for path, directory in self._directories.items():
            if directory is inner:
                self._directories[path] = outer
        self._grounds.remove(inner.root)
        for number, (directory, attempt) in self._attempts.items():
            if directory is inner:
                self._attempts[number] = (outer, attempt)

    def _forget_idle(self) -> None:
        now = self._clock.now()
        for root, directory in tuple(self._directories.items()):
            if directory.is_idle and now - directory.idle_since >= self._linger:
                directory.forget()
                del self._directories[root]
                self._grounds.remove(root)
        again = asyncio.get_running_loop().call_later
        self._sweep = again(self._linger, self._forget_idle) if self._directories else None

    async def _versions_of(self, directory: str) -> Mapping[str, FileVersion]:
        directory = _normal(directory)
        found = self._directories.get(directory)
        versions = None if found is None else found.versions(directory)
        if versions is None:
            current = await self._provenance.current(directory)
            versions = {place(version)[len(directory) + 1 :]: version for version in current}
        return versions

    async def _earlier(self, attempt: LiveAttempt) -> None:
        """Learn what an earlier server has remembered of an attempt, so that it is not remembered twice."""
        asked = attempt.asked
        remembered: list[RecordedUse] = []
        cursor = None
        while True:
            page = await self._provenance.uses(asked.execution, task=asked.task, cursor=cursor)
            remembered += (each for each in page.rows if each.use.attempt == asked.number)
            if (cursor := page.cursor) is None:
                break
        attempt.known = frozenset(
            place(each.version) for each in remembered if each.use.kind in ("read", "created")
        )
        attempt.known_versions = frozenset(
            each.version.number for each in remembered if each.use.kind != "deleted"
        )

    def _learned(self, version: FileVersion) -> None:
        directory = self._directories.get(version.directory)
        for each in [directory] if directory is not None else self._inside(version.directory):
            each.learn(version)

    def _at_work(self) -> list[asyncio.Task[None] | None]:
        return [self._hashing.working, *(each.working for each in self._directories.values())]


def _normal(directory: str) -> str:
    """Return a directory without `.`, `..` and doubled slashes."""
    return os.path.normpath(directory)
