"""Short, trusted calls inside the server: coroutines on the event loop, plain functions on a few threads.

What runs here dies with the server, so whatever an earlier server was given is reported lost.
This file knows no task type: it is given the one function that makes a call.
"""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal as OneOf

from headrace.definition.outcomes import Failure
from headrace.errors import InvalidJob
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.protocol import Capabilities, Job, JobEnded, JobStarted, Observer, TaskCall
from headrace.runtimes.reports import Reports

THREADS = 8
"""Plain functions that run at once; more wait, because every one holds the interpreter's lock in turn."""

_TRACE_CHARACTERS = 8_000

Call = Callable[[Job, Callable[[str], None], Executor], Awaitable[dict[str, Any]]]
"""Makes a library call: the job, where its log lines go, threads for plain functions; returns the outputs.

It raises what has a `failure` attribute (a `Failure`) when the call failed.
"""


class InlineRuntime:
    """Library calls in this process."""

    def __init__(self, call: Call, directories: AttemptDirectories, *, threads: int = THREADS) -> None:
        self.name = "inline"
        self.capabilities = Capabilities(survives_restart=False, calls=True)
        self._call = call
        self._directories = directories
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="inline")
        self._running: dict[int, asyncio.Task[None]] = {}
        self._refused: set[int] = set()
        """Attempts that were cancelled before they came."""
        self._ending: dict[int, OneOf["cancelled", "timed_out"]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reports: Reports | None = None

    def open(self, observer: Observer) -> None:
        """Begin to work inside the running event loop; all reports go to the observer."""
        self._loop = asyncio.get_running_loop()
        self._reports = Reports(self._loop, observer)

    def submit(self, job: Job) -> None:
        """Run the call; the same attempt twice is one call."""
        assert self._loop is not None
        if job.attempt in self._running:
            return
        if job.attempt in self._refused:
            self._refused.discard(job.attempt)
            return
        self._running[job.attempt] = self._loop.create_task(self._run(job))

    def recover(self, job: Job) -> None:
        """Report the attempt lost: it ended with the server that had it."""
        failure = Failure(code="lost", message="The server went away while the call ran in it.")
        self._end(
            JobEnded(
                attempt=job.attempt, outcome="lost", started_at=None, ended_at=time.time(), failure=failure
            )
        )

    def cancel(self, attempt: int) -> None:
        """End the call; a plain function on a thread cannot be stopped, but its result is thrown away."""
        task = self._running.get(attempt)
        if task is None:
            self._refused.add(attempt)
            self._end(JobEnded(attempt=attempt, outcome="cancelled", started_at=None, ended_at=time.time()))
        else:
            self._stop(attempt, "cancelled")

    def log_file(self, attempt: int, stream: OneOf["stdout", "stderr"]) -> Path | None:
        """Return the file that this stream is written to, or None when nothing was logged (yet)."""
        return self._directories.log_file(attempt, stream)

    async def close(self) -> None:
        """End what runs, unreported: the next server finds it lost."""
        if self._reports is not None:
            self._reports.close()
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, job: Job) -> None:
        assert self._loop is not None
        assert self._reports is not None
        attempt, started_at = job.attempt, time.time()
        self._reports.begin(JobStarted(attempt=attempt, at=started_at))
        timer = None
        if job.timeout is not None:
            timer = self._loop.call_later(job.timeout, self._stop, attempt, "timed_out")
        outcome: OneOf["succeeded", "failed", "timed_out", "cancelled"] = "succeeded"
        outputs: dict[str, Any] = {}
        failure: Failure | None = None
        try:
            if not isinstance(job.work, TaskCall):
                raise InvalidJob("The inline runtime takes library calls only.")
            outputs = await self._call(job, self._logger(attempt), self._pool)
        except asyncio.CancelledError:
            if attempt not in self._ending:
                raise
            outcome, failure = self._stopped(job)
        except Exception as error:  # a call may raise anything; it fails its task, never the server
            outcome, failure = "failed", _failure(error)
        finally:
            if timer is not None:
                timer.cancel()
            del self._running[attempt]
            self._ending.pop(attempt, None)
        self._end(
            JobEnded(
                attempt=attempt,
                outcome=outcome,
                started_at=started_at,
                ended_at=time.time(),
                outputs=outputs,
                failure=failure,
            )
        )

    def _stop(self, attempt: int, outcome: OneOf["cancelled", "timed_out"]) -> None:
        task = self._running.get(attempt)
        if task is not None:
            self._ending.setdefault(attempt, outcome)
            task.cancel()

    def _stopped(self, job: Job) -> tuple[OneOf["timed_out", "cancelled"], Failure]:
        outcome = self._ending[job.attempt]
        if outcome == "cancelled":
            return outcome, Failure(code="cancelled", message="The call was cancelled.")
        return outcome, Failure(code="timeout", message=f"The call took longer than {job.timeout:g} s.")

    def _end(self, ended: JobEnded) -> None:
        assert self._reports is not None
        self._reports.end(ended)

    def _logger(self, attempt: int) -> Callable[[str], None]:
        """Return what writes a line to the attempt's log; nothing is opened before there is a line."""

        def write(line: str) -> None:
            directory = self._directories.path(attempt)
            os.makedirs(directory, mode=0o700, exist_ok=True)  # noqa: PTH103 - the path is text, made often

            with Path(directory, "stdout").open("a", encoding="utf-8") as log:
                log.write(f"{line}\n")

        return write


def _failure(error: Exception) -> Failure:
    found = getattr(error, "failure", None)
    if isinstance(found, Failure):
        return found
    trace = "".join(traceback.format_exception(error))[-_TRACE_CHARACTERS:]
    return Failure(code="internal_error", message=f"{type(error).__name__}: {error}", trace=trace)
