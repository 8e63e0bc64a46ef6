"""Carries reports to the observer: in bursts, on the next turn of the loop, never from inside a request.

A thousand jobs that end in one turn are one burst, which the orchestrator commits at once.
A start is reported only for jobs that live longer than a moment; shorter ones carry it in their end.
"""

from __future__ import annotations

import asyncio

from headrace.runtimes.protocol import JobEnded, JobStarted, Observer

STARTED_REPORT_DELAY = 0.05
"""Seconds: nobody can see a shorter job run, and each report of a start costs a commit."""


class Reports:
    """The way from one runtime to its observer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        self._loop = loop
        self._observer = observer
        self._young: dict[int, tuple[float, JobStarted]] = {}
        self._ended: dict[int, JobEnded] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def begin(self, started: JobStarted) -> None:
        """Report this start after a moment, unless the job has ended by then."""
        self._young[started.attempt] = (self._loop.time() + STARTED_REPORT_DELAY, started)
        if self._timer is None:
            self._timer = self._loop.call_later(STARTED_REPORT_DELAY, self._report_starts)

    def end(self, ended: JobEnded) -> None:
        """Report this end on the next turn of the loop."""
        self._young.pop(ended.attempt, None)
        if not self._ended:
            self._loop.call_soon(self._report_ends)
        self._ended[ended.attempt] = ended

    def __contains__(self, attempt: int) -> bool:
        """Tell whether the end of an attempt is about to be reported."""
        return attempt in self._ended

    def close(self) -> None:
        """Report nothing any more."""
        self._is_closed = True
        self._young.clear()
        self._ended.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _report_ends(self) -> None:
        burst, self._ended = self._ended, {}
        for ended in burst.values():
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
