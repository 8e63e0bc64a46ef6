"""Looks at running attempts by one clock: their samples, their memory limits, the size of their logs.

A step that is over within half a second costs two dictionary entries; those that live longer are looked at
for the first time within the next quarter of a second, and then once a second.
Those whose memory is watched are looked at four times a second from the beginning.
All are looked at together and in a thread of their own.
While nothing runs, no clock ticks.
This file must never know what becomes of an attempt that uses too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from headrace.clock import Clock
from headrace.runtimes import sessions
from headrace.runtimes.long_runs import LongRun
from headrace.runtimes.steps import Step

TICK = 0.25
"""Seconds between two looks at attempts whose memory is watched, and within which a long one is noticed."""

TICKS_PER_SAMPLE = 4

LONG = 0.5
"""Seconds after which an attempt is one that samples are kept of: with a tick and a slow machine's delay, one
of a second has been looked at."""


class _Target(NamedTuple):
    attempt: int
    leader: int
    run: LongRun | None
    limit: int | None
    """Bytes that are watched here."""


Excess = Callable[[int, int], None]
"""Is told of an attempt and the bytes that it holds, above its limit."""


class Sampling:
    """The running attempts of one runtime and the clock by which they are looked at."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        watched: Callable[[Step], int | None],
        exceeded: Excess,
        *,
        max_log: int,
    ) -> None:
        """`watched` tells the bytes above which `exceeded` is called for a step; `max_log` is in bytes."""
        self._loop = loop
        self._clock = clock
        self._watched = watched
        self._exceeded = exceeded
        self._max_log = max_log
        self._steps: dict[int, Step] = {}
        self._long_runs: dict[int, LongRun] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._ticks = 0
        self._looking: asyncio.Future[list[tuple[int, int]]] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def begin(self, step: Step) -> None:
        """Look at a step whose process runs, until it ends."""
        self._steps[step.attempt] = step
        if self._timer is None:
            self._timer = self._loop.call_later(TICK, self._tick)

    def end(self, attempt: int) -> LongRun | None:
        """Look no longer; return what was kept, which the caller closes, or None for a short run."""
        self._steps.pop(attempt, None)
        return self._long_runs.pop(attempt, None)

    def close(self) -> None:
        """Look no longer at anything; returns when nothing is being written any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.shutdown()
        self._steps.clear()
        self._long_runs.clear()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK, self._tick) if self._steps else None
        self._ticks += 1
        if self._looking is not None:
            return  # the machine is slow: the look that is under way will do
        is_sample = self._ticks % TICKS_PER_SAMPLE == 0
        now = self._clock.now()
        targets = [
            target
            for step in self._steps.values()
            if (target := self._target(step, now, is_sample=is_sample)) is not None
        ]
        if targets:
            self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="sampling")
            self._looking = self._loop.run_in_executor(self._thread, _look, targets, self._clock)
            self._looking.add_done_callback(self._looked)

    def _target(self, step: Step, now: float, *, is_sample: bool) -> _Target | None:
        process = step.process
        if process is None or process.has_exited:
            return None
        limit = self._watched(step) if step.verdict is None else None
        known = self._long_runs.get(step.attempt)
        if known is None and step.started_at is not None and (limit or now - step.started_at >= LONG):
            known = self._long_runs[step.attempt] = LongRun(step.place, step.started_at, self._max_log)
        elif not is_sample and not limit:
            return None  # its first look is behind it, or still to come
        return _Target(step.attempt, process.pid, known, limit) if known or limit else None

    def _looked(self, looking: asyncio.Future[list[tuple[int, int]]]) -> None:
        self._looking = None
        if looking.cancelled():
            return
        for attempt, memory in looking.result():
            if attempt in self._steps:
                self._exceeded(attempt, memory)


def _look(targets: list[_Target], clock: Clock) -> list[tuple[int, int]]:
    """Look at all of them at once; return those above their limits with the bytes that they hold."""
    found = sessions.look({target.leader for target in targets})
    now = clock.now()
    excess = []
    for target in targets:
        session = found.get(target.leader)
        if session is None:
            continue
        if target.run is not None:
            target.run.add(now, session)
            target.run.trim_logs()
        # What is resident is cheap to know and never too little: only who is above it is looked at closely.
        if target.limit is not None and session.memory > target.limit:
            held = sessions.own_memory(session.pids)
            if held > target.limit:
                excess.append((target.attempt, held))
    return excess
