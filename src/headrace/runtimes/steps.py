"""What the local runtime remembers of one attempt while it waits, runs or is being read."""

from __future__ import annotations

import asyncio

from headrace.definition.outcomes import Usage
from headrace.runtimes import record
from headrace.runtimes.long_runs import LongRun
from headrace.runtimes.protocol import Job
from headrace.runtimes.stopping import Process


class Step:
    """One attempt that waits, runs or is being read."""

    __slots__ = (
        "attempt",
        "job",
        "long_run",
        "memory",
        "place",
        "process",
        "started_at",
        "timer",
        "usage",
        "verdict",
        "wait_status",
    )

    def __init__(self, attempt: int, job: Job | None, place: str) -> None:
        self.attempt = attempt
        self.job = job
        """None when only the number is known."""
        self.place = place
        self.process: Process | None = None
        self.started_at: float | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.verdict: record.Verdict | None = None
        """Why it is being stopped."""
        self.wait_status: int | None = None
        """As wait4 gives it; only for our own children."""
        self.long_run: LongRun | None = None
        """What was kept of it while it ran; None for one that was soon over."""
        self.memory: int | None = None
        """Bytes that it held when it was ended for them."""
        self.usage: Usage | None = None

    def disarm(self) -> None:
        """Let its timer do nothing."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
