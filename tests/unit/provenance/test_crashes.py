"""A server that dies at any listing: no change is lost, and none is remembered twice."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings, strategies as st
from tests.unit.provenance.conftest import Laboratory

from headrace.provenance.directory import Surroundings
from headrace.runtimes.protocol import JobEnded
from headrace.store.provenance_rows import Listing
from headrace.testing.memory_store import Contents

STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "write", "change", "end"]), st.integers(1, 3)), max_size=14
)
PLACES = st.sampled_from([{}, {1: "sub/"}, {2: "sub/", 3: "sub/"}, {1: "one/", 3: "three/"}])
DEADLINE = 10.0


class DyingStore:
    """A provenance whose server dies at one of its listings, before or after it is durable."""

    def __init__(self, inner: Any, dies_at: int, when: Literal["before", "after"]) -> None:
        self._inner = inner
        self._left = dies_at
        self._when = when
        self.is_dead = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def record(self, listing: Listing) -> None:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            await self._die()
        await self._inner.record(listing)
        if self._left == 0:
            await self._die()

    async def _die(self) -> None:
        self.is_dead.set()
        await asyncio.Event().wait()


class World:
    """Attempts as processes, which live on when the server dies."""

    def __init__(self, root: Path, places: dict[int, str]) -> None:
        self.root = root
        self.places = places
        """Where in the root each of them works, as in `sub/`; the others work in all of it."""
        self.contents = Contents()
        self.started: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.heard: set[int] = set()
        self.wrote: dict[str, int] = {}

    def directory(self, number: int) -> str:
        return f"{self.root}/{self.places.get(number, '')}"

    def write(self, number: int, name: str) -> None:
        path = self.places.get(number, "") + name
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_text(f"{number} {len(self.wrote)} {time.time_ns()}")
        self.wrote[path] = number


async def live(world: World, steps: list[tuple[str, int]], dies_at: int, when: Any) -> None:
    """Run the steps in one life of a server, until it dies or they are done."""
    laboratory = Laboratory(world.root, world.contents)
    dying = DyingStore(laboratory.store.provenance, dies_at, when)
    replaced = {"provenance": dying, "lives": laboratory.lives}
    laboratory.recorder._around = Surroundings(
        **{name: getattr(laboratory.recorder._around, name) for name in Surroundings.__struct_fields__}
        | replaced
    )
    await laboratory.recorder.resume()
    for what, number in steps:
        is_running = number in world.started and number not in world.ended
        if what == "begin" and number not in world.started:
            await _or_death(dying, laboratory.begin(number, directory=world.directory(number)))
            if number not in laboratory.starts:
                break  # it never began
            world.started[number] = laboratory.starts[number]
        elif what in ("write", "change") and is_running:
            world.write(number, f"{number}-{len(world.wrote)}" if what == "write" else f"{number}-same")
        elif what == "end" and is_running:
            world.ended[number] = time.time()
            await _or_death(dying, laboratory.end(number))
            if f"heard {number}" in laboratory.told:
                world.heard.add(number)
        if dying.is_dead.is_set():
            break
    await laboratory.recorder.close()


async def _or_death(dying: DyingStore, work: Any) -> None:
    done, dead = asyncio.ensure_future(work), asyncio.ensure_future(dying.is_dead.wait())
    await asyncio.wait([done, dead], return_when=asyncio.FIRST_COMPLETED, timeout=DEADLINE)
    for each in (done, dead):
        each.cancel()
    await asyncio.gather(done, dead, return_exceptions=True)


async def live_again(world: World) -> list[tuple[int, str, str, int | None]]:
    """Take the attempts up again, let them end, and return what is remembered."""
    laboratory = Laboratory(world.root, world.contents)
    waiting = [number for number in world.started if number not in world.heard]
    ready = asyncio.Event()
    for number in waiting:
        if number not in world.ended:
            laboratory.starts[number] = world.started[number]
        asked = laboratory.asked(number, directory=world.directory(number))
        laboratory.recorder.begin(asked, ready.set, "recovered")
    await laboratory.recorder.resume()
    if waiting:
        await asyncio.wait_for(ready.wait(), DEADLINE)
    heard: list[int] = []
    for number in waiting:
        laboratory.starts.pop(number, None)
        at = world.ended.setdefault(number, time.time())
        ended = JobEnded(attempt=number, outcome="succeeded", started_at=world.started[number], ended_at=at)
        laboratory.recorder.end(ended, lambda status: heard.append(status.attempt))
    await asyncio.wait_for(laboratory.recorder.settled(), DEADLINE)
    uses = await laboratory.uses()
    await laboratory.recorder.close()

    assert sorted(heard) == sorted(waiting)
    start = len(str(world.root)) + 1
    return [
        (
            each.use.attempt,
            each.use.kind,
            f"{each.version.directory}/{each.version.path}"[start:],
            each.use.after,
        )
        for each in uses
    ]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(1, 5), st.sampled_from(["before", "after"]), PLACES)
def test_a_crash_at_any_listing_loses_nothing_and_repeats_nothing(
    steps: list[tuple[str, int]], dies_at: int, when: str, places: dict[int, str]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory) / "work", places)

        async def both() -> list[tuple[int, str, str, int | None]]:
            await live(world, steps, dies_at, when)
            return await live_again(world)

        uses = asyncio.run(both())

    found = Counter(uses)
    makers: dict[str, set[int]] = {}
    for attempt, kind, path, _ in uses:
        if kind in ("created", "modified"):
            makers.setdefault(path, set()).add(attempt)
    assert [use for use, count in found.items() if count > 1] == []
    assert {path for path, number in world.wrote.items() if number not in makers.get(path, ())} == set()
    created = Counter((attempt, path) for attempt, kind, path, _ in uses if kind == "created")
    assert [which for which, count in created.items() if count > 1] == []
