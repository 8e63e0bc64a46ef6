"""Wakes executions when their timers are due.

The list of timers is a part of each execution; this is only the alarm clock beside the bed.
A timer that was cleared meanwhile still rings, and decides nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from headrace.clock import Clock

LONGEST_SLEEP = 30.0
"""Seconds after which the clock is looked at again, because somebody may have set it."""


class Timers:
    """One alarm for all timers of this server."""

    def __init__(self, clock: Clock, ring: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._heap: list[tuple[float, int, int, str]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    def set(self, execution: int, key: str, due_at: float) -> None:
        """Ring for this timer of an execution at `due_at` (Unix seconds)."""
        heapq.heappush(self._heap, (due_at, next(self._order), execution, key))
        if self._alarm is None or due_at < self._alarm_at:
            self._arm()

    def close(self) -> None:
        """Ring no more."""
        self._heap.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

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
            _, _, execution, key = heapq.heappop(self._heap)
            self._ring(execution, key)
        self._arm()
