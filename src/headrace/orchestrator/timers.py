"""Wakes executions when their timers are due.

The list of timers is a part of each execution; this is only the alarm clock beside the bed.
What was cleared or moved stays in the heap until it is due or most of the heap is like it, because taking
something out of the middle of a heap costs a look at all of it.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from headrace.clock import Clock

LONGEST_SLEEP = 30.0
"""Seconds after which the clock is looked at again, because somebody may have set it."""

FEW = 64
"""Entries of the heap that are worth no tidying."""


class Timers:
    """One alarm for all timers of this server."""

    def __init__(self, clock: Clock, ring: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: dict[tuple[int, str], float] = {}
        """What is to ring; an entry of the heap that says something else is stale."""
        self._heap: list[tuple[float, int, str]] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    def set(self, execution: int, key: str, due_at: float) -> None:
        """Ring for this timer of an execution at `due_at` (Unix seconds), and no more when it was set to."""
        if self._due.get((execution, key)) == due_at:
            return
        self._due[execution, key] = due_at
        heapq.heappush(self._heap, (due_at, execution, key))
        self._compact()
        if self._alarm is None or due_at < self._alarm_at:
            self._arm()

    def clear(self, execution: int, key: str) -> None:
        """Ring no more for this timer; one that is not set changes nothing."""
        self._due.pop((execution, key), None)
        self._compact()

    def close(self) -> None:
        """Ring no more."""
        self._due.clear()
        self._heap.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _compact(self) -> None:
        """Leave out what is stale once it is the most, so that many calls share the cost."""
        if len(self._heap) > max(FEW, 2 * len(self._due)):
            self._heap = [(due_at, *place) for place, due_at in self._due.items()]
            heapq.heapify(self._heap)

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._heap:
            self._alarm_at = self._heap[0][0]
            sleep = min(max(0.0, self._alarm_at - self._clock.now()), LONGEST_SLEEP)
            self._alarm = asyncio.get_running_loop().call_later(sleep, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            due_at, execution, key = heapq.heappop(self._heap)
            if self._due.get((execution, key)) == due_at:
                del self._due[execution, key]
                self._ring(execution, key)
        self._arm()
