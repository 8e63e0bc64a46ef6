"""A recorder over a real directory, with a store in memory and processes that a test pretends to run."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.artifacts.directory import ArtifactDirectory
from headrace.clock import SystemClock
from headrace.errors import StoreError
from headrace.provenance.attempts import RecordedAttempt
from headrace.provenance.recorder import Recorder
from headrace.runtimes.protocol import JobEnded
from headrace.store.provenance_rows import Listing, RecordedUse
from headrace.testing.memory_store import Contents, MemoryStore

MIB = 1024 * 1024
EXECUTION = 7


class Laboratory:
    """One life of a server, as far as files go; a second one may follow on the same contents."""

    def __init__(self, root: Path, contents: Contents, **limits: Any) -> None:
        self.root = root
        """The directory in which attempts work."""
        self.store = MemoryStore(SystemClock(), contents)
        self.artifacts = ArtifactDirectory(root.parent / "artifacts")
        self.starts: dict[int, float] = {}
        self.told: list[str] = []
        """What was told in which order: `begun 1`, `heard 1`."""
        self.recorder = Recorder(
            self.store.provenance,
            self.store.numbers,
            self.artifacts,
            SystemClock(),
            max_file=limits.pop("max_file", MIB),
            max_execution=limits.pop("max_execution", 10 * MIB),
            lives=self.lives,
            private=str(root / ".private"),
            **limits,
        )

    def lives(self) -> dict[int, tuple[float, float]]:
        return {number: (at, math.inf) for number, at in self.starts.items()}

    def asked(self, number: int, **what: Any) -> RecordedAttempt:
        given: dict[str, Any] = {
            "execution": EXECUTION,
            "task": f"t{number}",
            "directory": str(self.root),
        } | what
        return RecordedAttempt(number=number, **given)

    async def begin(self, number: int, **what: Any) -> None:
        """Begin an attempt, and wait until it may begin; it then runs."""
        origin = what.pop("origin", "new")
        begun = asyncio.Event()

        def ready() -> None:
            self.starts[number] = time.time()
            self.told.append(f"begun {number}")
            begun.set()

        self.recorder.begin(self.asked(number, **what), ready, origin)
        await asyncio.wait_for(begun.wait(), 10)

    def report_end(self, number: int) -> asyncio.Event:
        """Report the end of an attempt; the event is set when it is heard."""
        heard = asyncio.Event()

        def hear(ended: JobEnded) -> None:
            self.told.append(f"heard {ended.attempt}")
            heard.set()

        started_at = self.starts.pop(number)
        ended = JobEnded(attempt=number, outcome="succeeded", started_at=started_at, ended_at=time.time())
        self.recorder.end(ended, hear)
        return heard

    async def end(self, number: int) -> None:
        """End an attempt, and wait until that is heard."""
        await asyncio.wait_for(self.report_end(number).wait(), 10)

    async def run(self, number: int, work: Callable[[], object], **what: Any) -> None:
        """Let an attempt do something, from its begin to its end."""
        await self.begin(number, **what)
        work()
        await self.end(number)

    async def uses(self, execution: int = EXECUTION) -> list[RecordedUse]:
        return (await self.store.provenance.uses(execution)).rows

    async def said(self) -> list[str]:
        """Return what is remembered, as in `t1 created a` and `t1? created a` where it is not certain."""
        await asyncio.wait_for(self.recorder.settled(), 10)
        return sorted(
            f"{each.use.task}{'' if each.use.is_certain else '?'} {each.use.kind} {each.version.path}"
            for each in await self.uses()
        )

    def write(self, path: str, text: str = "x") -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


class SilentStore:
    """A provenance that fails for a while."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.is_silent = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def record(self, listing: Listing) -> None:
        if self.is_silent:
            raise StoreError("The database does not answer.")
        await self._inner.record(listing)


MakeLaboratory = Callable[..., Awaitable[Laboratory]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[MakeLaboratory]:
    """Open laboratories, all on the same contents; `root` is the directory that attempts work in."""
    made: list[Laboratory] = []
    contents = Contents()

    async def open_one(*, resume: bool = True, **limits: Any) -> Laboratory:
        laboratory = Laboratory(tmp_path / "work", contents, **limits)
        made.append(laboratory)
        if resume:
            await laboratory.recorder.resume()
        return laboratory

    yield open_one
    for laboratory in made:
        await laboratory.recorder.close()


@pytest.fixture
async def laboratory(make: MakeLaboratory) -> Laboratory:
    return await make()
