"""A runtime in memory whose outcomes are written by the test.

It keeps the whole contract: one job per attempt, reports on a later turn of the loop, a cancelled attempt
never starts. Jobs without a written outcome run until `finish` or `cancel`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal as OneOf

from headrace.clock import Clock, SystemClock
from headrace.definition.outcomes import Failure
from headrace.runtimes.protocol import Capabilities, Job, JobEnded, JobStarted, Observer, Outcome

Script = Callable[[Job], dict[str, Any] | Failure | None]
"""Says what becomes of a job: outputs, a failure, or None to let it run on."""


class FakeRuntime:
    """Runs nothing and tells what it was told to tell."""

    def __init__(
        self,
        script: Script = lambda _job: {},
        *,
        name: str = "fake",
        survives_restart: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """`survives_restart` says whether `recover` takes a job up again or reports it lost."""
        self.name = name
        self.capabilities = Capabilities(survives_restart=survives_restart, commands=True, calls=True)
        self.submitted: list[Job] = []
        """Every job that was taken, in order; one per attempt."""
        self.running: dict[int, Job] = {}
        """Attempt to job, for those that have not ended."""
        self._script = script
        self._clock = clock or SystemClock()
        self._known: set[int] = set()
        self._starts: dict[int, float] = {}
        self._is_open = False

    @property
    def starts(self) -> Mapping[int, float]:
        """Return the jobs that have not ended, to when they were taken."""
        return {attempt: self._starts[attempt] for attempt in self.running}

    @property
    def ends(self) -> Mapping[int, float]:
        """Return nothing: every end is reported on the next turn."""
        return {}

    def open(self, observer: Observer) -> None:
        """Begin to work inside the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._observer = observer
        self._is_open = True

    async def close(self) -> None:
        """Report nothing any more."""
        self._is_open = False

    def submit(self, job: Job) -> None:
        """Take the job and do with it what the script says."""
        if job.attempt in self._known:
            return
        self._known.add(job.attempt)
        self.submitted.append(job)
        self.running[job.attempt] = job
        self._starts[job.attempt] = self._clock.now()
        result = self._script(job)
        if result is not None:
            self.finish(job.attempt, result)

    def recover(self, job: Job) -> None:
        """Take the job up again, or report `lost`."""
        if self.capabilities.survives_restart:
            self.submit(job)
        elif job.attempt not in self._known:
            failure = Failure(code="lost", message="The fake machine was switched off.")
            self._end(job.attempt, "lost", failure=failure)

    def cancel(self, attempt: int) -> None:
        """End the attempt, or see to it that it never starts."""
        if attempt in self.running or attempt not in self._known:
            failure = Failure(code="cancelled", message="The fake job was cancelled.")
            self._end(attempt, "cancelled", failure=failure)

    def begin(self, attempt: int) -> None:
        """Report that a job is running."""
        started = JobStarted(attempt=attempt, at=self._starts[attempt], native=f"fake-{attempt}")
        self._loop.call_soon(self._tell, started)

    def finish(self, attempt: int, result: dict[str, Any] | Failure, outcome: Outcome | None = None) -> None:
        """End a running job; the outcome follows from the result unless it is given."""
        if isinstance(result, Failure):
            self._end(attempt, outcome or "failed", failure=result)
        else:
            self._end(attempt, outcome or "succeeded", outputs=result)

    def log_file(self, attempt: int, stream: OneOf["stdout", "stderr"]) -> Path | None:
        """Return None: nothing is written anywhere."""
        del attempt, stream
        return None

    def _end(
        self,
        attempt: int,
        outcome: Outcome,
        *,
        outputs: dict[str, Any] | None = None,
        failure: Failure | None = None,
    ) -> None:
        self._known.add(attempt)
        self.running.pop(attempt, None)
        ended = JobEnded(
            attempt=attempt,
            outcome=outcome,
            started_at=self._starts.get(attempt),
            ended_at=self._clock.now(),
            outputs=outputs or {},
            failure=failure,
        )
        self._loop.call_soon(self._tell, ended)

    def _tell(self, status: JobStarted | JobEnded) -> None:
        if self._is_open:
            self._observer(status)
