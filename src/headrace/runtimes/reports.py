"""Carries reports to the observer: in bursts, on the next turn of the loop, never from inside a request.

A thousand jobs that end in one turn are one burst, which the orchestrator commits at once.
A start is reported only for jobs that live longer than a moment; shorter ones carry it in their end.
While a machine is full and jobs wait for it, ends linger for company: what they make ready could not start
sooner, because it would wait behind the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.runtimes.protocol import JobEnded, JobStarted, Observer

STARTED_REPORT_DELAY = 0.05
"""Seconds: nobody can see a shorter job run, and each report of a start costs a commit."""

LINGER = 0.02
"""Seconds for which ends wait for company: two dozen of the shortest steps share one commit then, which is
0.15 ms of processor each; whoever looks on sees an end as much later."""


class Reports:
    """The way from one runtime to its observer."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        observer: Observer,
        may_linger: Callable[[], bool] = lambda: False,
    ) -> None:
        """`may_linger` tells whether ends may wait for others now."""
        self.starts: dict[int, float] = {}
        """Attempts that run, or whose end was not reported yet, to when they were started."""
        self.ends: dict[int, float] = {}
        """Those of them that have ended, to when that was."""
        self._loop = loop
        self._observer = observer
        self._may_linger = may_linger
        self._young: dict[int, tuple[float, JobStarted]] = {}
        self._ended: dict[int, JobEnded] = {}
        self._lingering: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def begin(self, started: JobStarted) -> None:
        """Report this start after a moment, unless the job has ended by then."""
        self.starts[started.attempt] = started.at
        self._young[started.attempt] = (self._loop.time() + STARTED_REPORT_DELAY, started)
        if self._timer is None:
            self._timer = self._loop.call_later(STARTED_REPORT_DELAY, self._report_starts)

    def end(self, ended: JobEnded) -> None:
        """Report this end on the next turn of the loop, or a little later together with others."""
        self._young.pop(ended.attempt, None)
        if ended.attempt in self.starts:
            self.ends[ended.attempt] = ended.ended_at
        is_first = not self._ended
        self._ended[ended.attempt] = ended
        if is_first and self._may_linger():
            self._lingering = self._loop.call_later(LINGER, self._report_ends)
        elif is_first:
            self._loop.call_soon(self._report_ends)
        else:
            self.hurry()

    def hurry(self) -> None:
        """Let ends linger no longer, if they may not: somebody may need what they make ready."""
        if self._lingering is not None and not self._may_linger():
            self._lingering.cancel()
            self._lingering = None
            self._loop.call_soon(self._report_ends)

    def __contains__(self, attempt: int) -> bool:
        """Tell whether the end of an attempt is about to be reported."""
        return attempt in self._ended

    def close(self) -> None:
        """Report nothing any more."""
        self._is_closed = True
        self._young.clear()
        self._ended.clear()
        for timer in (self._lingering, self._timer):
            if timer is not None:
                timer.cancel()

    def _report_ends(self) -> None:
        self._lingering = None
        burst, self._ended = self._ended, {}
        for ended in burst.values():
            self.starts.pop(ended.attempt, None)
            self.ends.pop(ended.attempt, None)
            if not self._is_closed:
                self._observer(ended)

    def _report_starts(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._young:
            attempt, (due, started) = next(iter(self._young.items()))
            if due > now:
                self._timer = self._loop.call_at(due, self._report_starts)
                return
            del self._young[attempt]
            self._observer(started)
