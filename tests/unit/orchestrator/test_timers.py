"""The alarm clock: what is set rings when it is due, and what is cleared is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from headrace.orchestrator.timers import FEW, Timers
from headrace.testing.conformance.store_values import TurnedClock

DAY = 86_400.0


class Bed:
    """An alarm clock, a clock that is turned, and what has rung."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.timers = Timers(self.clock, self._ring)
        self._rung: list[str] = []
        self._woken = asyncio.Event()

    def set(self, key: str, seconds: float) -> None:
        self.timers.set(1, key, self.clock.now() + seconds)

    async def heard(self) -> list[str]:
        """Return what rings at this moment."""
        self._rung.clear()
        self._woken.clear()
        self.timers.set(1, "now", 0.0)  # the earliest, so that the alarm goes off at once
        await asyncio.wait_for(self._woken.wait(), 10)
        return self._rung

    def _ring(self, _: int, key: str) -> None:
        if key == "now":
            self._woken.set()
        else:
            self._rung.append(key)


@pytest.fixture
def bed() -> Iterator[Bed]:
    bed = Bed()
    yield bed
    bed.timers.close()


async def test_what_is_due_rings_once_in_order(bed: Bed) -> None:
    bed.set("late", 20)
    bed.set("early", 10)
    bed.set("early", 10)
    bed.set("not yet", DAY)
    bed.clock.moment += 20

    assert await bed.heard() == ["early", "late"]


async def test_what_is_cleared_does_not_ring(bed: Bed) -> None:
    bed.set("cleared", 10)
    bed.set("kept", 10)
    bed.timers.clear(1, "cleared")
    bed.timers.clear(1, "never set")
    bed.clock.moment += 10

    assert await bed.heard() == ["kept"]


async def test_what_is_moved_rings_only_at_its_new_time(bed: Bed) -> None:
    bed.set("sooner", DAY)
    bed.set("sooner", 10)
    bed.set("later", 10)
    bed.set("later", DAY)
    bed.clock.moment += 10
    assert await bed.heard() == ["sooner"]
    bed.clock.moment += DAY

    assert await bed.heard() == ["later"]


async def test_steps_that_end_long_before_their_timeout_leave_nothing(bed: Bed) -> None:
    bed.set("kept", 2 * DAY)
    for step in range(10_000):
        bed.set(f"limit:{step}", DAY)
        bed.timers.clear(1, f"limit:{step}")

    assert len(bed.timers._heap) <= FEW
    bed.clock.moment += 2 * DAY
    assert await bed.heard() == ["kept"]


async def test_a_timer_that_is_moved_again_and_again_is_one(bed: Bed) -> None:
    for step in range(10_000):
        bed.set("moved", DAY + step)

    assert len(bed.timers._heap) <= FEW
