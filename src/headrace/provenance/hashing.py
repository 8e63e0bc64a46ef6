"""Reads contents after their listing: what they hash to, and for what activities made, a copy to keep.

One thread reads one file after the other; whoever made a file is over by then and waits for nothing.
A file that changed meanwhile is another version, so what was read then says nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import msgspec
import structlog

from headrace.artifacts.protocol import Stored
from headrace.errors import HeadraceError, StoreError
from headrace.provenance.attribution import TICK
from headrace.provenance.index import is_copy, is_same, place
from headrace.provenance.listing import Draft
from headrace.provenance.scan import look
from headrace.store.protocol import Provenance
from headrace.store.provenance_rows import FileVersion, Hashed

log = structlog.get_logger(__name__)

BLOCK = 1024 * 1024
"""Bytes read at once; a file of one block is read whole, and not written again when it is an artifact."""

BATCH = 256
"""Files between two visits of the store."""

MOST_HELD = 16 * 1024 * 1024
"""Bytes of contents that are kept in memory until the thread comes to them."""

GATHER = 0.1
"""Seconds for which files gather where they come in numbers, to share a visit of the store."""

TURN = 0.5
"""Seconds after which what was read goes to the store, however little it is."""

PATIENCE = 1.0
"""Seconds until the store is asked again."""

_MADE, _READ, _FOUND = range(3)
_RESUMED = 0
"""Stands for the execution of what an earlier server left unread."""


class ArtifactFiles(Protocol):
    """The artifacts of this machine, by blocking calls."""

    def put_bytes(self, content: bytes) -> Stored:
        """Store these bytes."""

    def put_file(self, path: Path, *, max_size: int | None = None) -> Stored:
        """Store a copy of the file as it is now."""


class _Wanted(NamedTuple):
    rank: int
    order: int
    version: FileVersion
    execution: int | None
    """Whose artifact it may become; None is hashed only."""
    content: bytes | None = None
    """What it is, where that is known already."""


class _Stopped(Exception):
    """The server closes."""


class Hashing:
    """What waits to be read, in order: what was made, what was read, what was there before."""

    def __init__(
        self,
        provenance: Provenance,
        artifacts: ArtifactFiles,
        *,
        max_file: int,
        max_execution: int,
        learned: Callable[[FileVersion], None],
    ) -> None:
        """`max_file` and `max_execution` bound in bytes what is kept; `learned` is told what was found."""
        self._provenance = provenance
        self._artifacts = artifacts
        self._max_file = max_file
        self._max_execution = max_execution
        self._learned = learned
        self._waiting: list[_Wanted] = []
        self._wanted: set[int] = set()
        """Numbers of the versions that wait or are being read."""
        self._twins: dict[int, list[FileVersion]] = {}
        """Number of a version to its copies, which have the same content."""
        self._left: dict[int, int] = {}
        """Execution to the bytes that may still be kept of it."""
        self._holds = 0
        """Bytes of contents that wait."""
        self._order = count()
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hashing")
        self._task: asyncio.Task[None] | None = None

    @property
    def working(self) -> asyncio.Task[None] | None:
        """What is at work now."""
        return self._task

    def take(self, draft: Draft, reads: list[FileVersion], originals: Mapping[str, FileVersion]) -> None:
        """Read what a listing found new and what its attempts read, where that is not known already."""
        for version, attempt in draft.made:
            if attempt.depth == "hash":
                content = draft.contents.get(version.number)
                self._want(_MADE, version, attempt.execution, self._held(content))
        for version in reads:
            if version.sha256 is None and version.link is None:
                self._want(_READ, version, None)
        for version in draft.found:
            original = originals.get(version.path)
            if original is not None and original.number in self._wanted and is_copy(original, version):
                self._twins.setdefault(original.number, []).append(version)
            elif version.size <= self._max_file:
                self._want(_FOUND, version, None)

    async def resume(self) -> None:
        """Take up what an earlier server left unread."""
        try:
            for version in await self._provenance.to_read(limit=100_000):
                self._want(_READ, version, _RESUMED)
        except StoreError as error:
            log.warning("hashing_not_resumed", error=error.message)

    async def close(self) -> None:
        """Read nothing more; the next server goes on."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _held(self, content: bytes | None) -> bytes | None:
        """Hold a content until it is an artifact, unless too much is held already."""
        if content is None or self._holds + len(content) > MOST_HELD:
            return None
        self._holds += len(content)
        return content

    def _want(
        self, rank: int, version: FileVersion, execution: int | None, content: bytes | None = None
    ) -> None:
        if version.number in self._wanted:
            return
        self._wanted.add(version.number)
        heapq.heappush(self._waiting, _Wanted(rank, next(self._order), version, execution, content))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            pause = TICK
            while self._waiting:
                await asyncio.sleep(pause)
                await self._turn()
                pause = GATHER
        finally:
            self._task = None

    async def _turn(self) -> None:
        batch = [heapq.heappop(self._waiting) for _ in range(min(BATCH, len(self._waiting)))]
        for wanted in batch:
            await self._know_budget(wanted)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._read_all, batch)
        for wanted in batch[len(found) :]:
            heapq.heappush(self._waiting, wanted)
        every = [
            each for wanted, one in zip(batch, found, strict=False) for each in self._spread(wanted, one)
        ]
        await self._note([one for _, one in every])
        self._holds -= sum(len(each.content or b"") for each in batch[: len(found)])
        for version, one in every:
            self._wanted.discard(version.number)
            if one.sha256 is not None:
                self._learned(msgspec.structs.replace(version, sha256=one.sha256, is_stored=one.is_stored))

    def _spread(self, wanted: _Wanted, found: Hashed) -> list[tuple[FileVersion, Hashed]]:
        """Return what was found, for a version and for its copies."""
        twins = self._twins.pop(found.version, [])
        if found.sha256 is None:
            for twin in twins:
                self._want(_FOUND, twin, None)
            return [(wanted.version, found)]
        same = [(twin, msgspec.structs.replace(found, version=twin.number)) for twin in twins]
        return [(wanted.version, found), *same]

    async def _note(self, found: list[Hashed]) -> None:
        while found:
            try:
                await self._provenance.note_hashes(found)
            except StoreError as error:
                log.warning("hashes_wait_for_store", error=error.message)
                await asyncio.sleep(PATIENCE)
            else:
                return

    async def _know_budget(self, wanted: _Wanted) -> None:
        execution = wanted.execution
        if execution is None or execution in self._left:
            return
        while len(self._left) >= 256:
            del self._left[next(iter(self._left))]
        stored = 0
        if execution != _RESUMED:
            with suppress(StoreError):
                stored = await self._provenance.stored_bytes(execution)
        self._left[execution] = self._max_execution - stored

    # On the thread.

    def _read_all(self, batch: list[_Wanted]) -> list[Hashed]:
        """Read as many as there is time for."""
        found: list[Hashed] = []
        until = time.monotonic() + TURN
        with suppress(_Stopped):
            for wanted in batch:
                found.append(self._read_one(wanted))
                if time.monotonic() > until:
                    break
        return found

    def _read_one(self, wanted: _Wanted) -> Hashed:
        version, content = wanted.version, wanted.content
        if content is not None:
            kept = self._keep(wanted, lambda: self._artifacts.put_bytes(content))
            return Hashed(version=version.number, sha256=version.sha256, is_stored=kept is not None)
        self._ripen(version)
        try:
            if is_still(version):
                return self._read_whole(wanted) if version.size <= BLOCK else self._read_large(wanted)
        except OSError:  # it is gone, or not ours to read
            pass
        return Hashed(version=version.number)

    def _read_whole(self, wanted: _Wanted) -> Hashed:
        """Read at once, so that a change right afterwards does no harm."""
        version = wanted.version
        with opened(version) as file:
            content = file.read()
        if not is_still(version):
            return Hashed(version=version.number)
        kept = self._keep(wanted, lambda: self._artifacts.put_bytes(content))
        sha256 = hashlib.sha256(content).hexdigest() if kept is None else kept.sha256
        return Hashed(version=version.number, sha256=sha256, is_stored=kept is not None)

    def _read_large(self, wanted: _Wanted) -> Hashed:
        version = wanted.version
        kept = self._keep(
            wanted, lambda: self._artifacts.put_file(Path(place(version)), max_size=self._max_file)
        )
        sha256 = self._digest(version) if kept is None else kept.sha256
        if not is_still(version):
            return Hashed(version=version.number)
        return Hashed(version=version.number, sha256=sha256, is_stored=kept is not None)

    def _keep(self, wanted: _Wanted, put: Callable[[], Stored]) -> Stored | None:
        """Make a content an artifact, if it may be one."""
        size, execution = wanted.version.size, wanted.execution
        if execution is None or size > min(self._max_file, self._left[execution]):
            return None
        try:
            stored = put()
        except HeadraceError as error:
            log.warning("content_not_kept", path=place(wanted.version), error=error.message)
            return None
        self._left[execution] -= size
        return stored

    def _digest(self, version: FileVersion) -> str:
        digest = hashlib.sha256()
        with opened(version) as file:
            while block := file.read(BLOCK):
                if self._stop.is_set():
                    raise _Stopped
                digest.update(block)
        return digest.hexdigest()

    def _ripen(self, version: FileVersion) -> None:
        """Wait until the next change of the file will show: two of one tick of the clock look like one."""
        left = version.mtime_ns / 1e9 + TICK - time.time()
        if left > 0 and self._stop.wait(min(left, TICK)):
            raise _Stopped
        if self._stop.is_set():
            raise _Stopped


def is_still(version: FileVersion) -> bool:
    """Tell whether a file is still the version that was listed."""
    state = look(place(version))
    return state is not None and is_same(version, state)


def opened(version: FileVersion) -> BinaryIO:
    """Open a file, unless a link or a pipe that nobody writes to has taken its place."""
    handle = os.open(place(version), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(handle, "rb", buffering=0)
