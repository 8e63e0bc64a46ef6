"""Runs task calls inside the server: at once, as tasks of its event loop, or in a bounded pool of threads.

What runs here dies with the server and is `lost` to the next one.
A thread cannot be killed: a blocking function that is cancelled or out of time is reported at once, and
keeps its thread until it returns; it may look at `context.is_cancelled`.
This file must never know a task type: it is given one function that calls them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from headrace.clock import Clock, SystemClock
from headrace.definition.outcomes import Failure
from headrace.runtimes.attempts import AttemptDirectories, Stream
from headrace.runtimes.logs import CallContext
from headrace.runtimes.protocol import Capabilities, Job, JobEnded, JobStarted, Observer, Outcome, TaskCall
from headrace.runtimes.reports import Reports
from headrace.security import shortening

Outputs = dict[str, Any]

Called = Outputs | Awaitable[Outputs] | Callable[[], Outputs]
"""The outputs themselves, something to be awaited, or a blocking function for a thread."""

Call = Callable[[Job, CallContext], Called]
"""Calls the task type that a job names, and must not block.

It may raise, now or later; an exception with an attribute `failure` (a `Failure`) is the failure of the
task, and every other one is an `internal_error`.
"""

THREADS = 8
"""How many blocking functions run at once: they wait for disks and libraries, rarely for a CPU."""

_MAX_TRACE = 8_000
"""Characters of a traceback that are worth keeping: its end says most."""


class _Running:
    """One call that has not ended."""

    __slots__ = ("context", "job", "started_at", "timer", "work")

    def __init__(self, job: Job, context: CallContext) -> None:
        self.job = job
        self.context = context
        self.started_at: float | None = None
        """None while it waits for a thread."""
        self.timer: asyncio.TimerHandle | None = None
        self.work: asyncio.Future[Outputs] | Future[Outputs] | None = None


class InlineRuntime:
    """Short trusted task types, in the server itself."""

    def __init__(
        self,
        call: Call,
        directories: AttemptDirectories,
        *,
        threads: int = THREADS,
        clock: Clock | None = None,
    ) -> None:
        """`directories` says where logs go; `threads` bounds the blocking functions that run at once."""
        self.name = "inline"
        self.capabilities = Capabilities(survives_restart=False, calls=True)
        self._call = call
        self._directories = directories
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="task")
        self._clock = clock or SystemClock()
        self._running: dict[int, _Running] = {}
        self._forbidden: set[int] = set()
        """Attempts that were cancelled before they came."""

    def open(self, observer: Observer) -> None:
        """Begin to work inside the running event loop."""
        self._directories.prepare()
        self._loop = asyncio.get_running_loop()
        self._reports = Reports(self._loop, observer)
        self.starts, self.ends = self._reports.starts, self._reports.ends

    async def close(self) -> None:
        """Cancel what can be cancelled; nothing of it is reported, so the next server finds it lost."""
        self._reports.close()
        running, self._running = list(self._running.values()), {}
        for each in running:
            self._let_go(each)
        self._threads.shutdown(wait=False, cancel_futures=True)
        tasks = [each.work for each in running if isinstance(each.work, asyncio.Future)]
        await asyncio.gather(*tasks, return_exceptions=True)

    def log_file(self, attempt: int, stream: Stream) -> Path | None:
        """Return the file that this stream is written to, or None when there is none (yet)."""
        return self._directories.log_file(attempt, stream)

    def submit(self, job: Job) -> None:
        """Call the task type; an attempt that is running changes nothing."""
        if job.attempt in self._running or job.attempt in self._reports:
            return
        if job.attempt in self._forbidden:
            self.cancel(job.attempt)
            return
        running = self._add(job)
        if not isinstance(job.work, TaskCall):
            failure = Failure(code="invalid_job", message="The inline runtime takes task calls.", final=True)
            self._end(running, "failed", failure=failure)
            return
        try:
            called = self._call(job, running.context)
        except Exception as error:  # noqa: BLE001 - a task type may raise anything
            running.started_at = self._clock.now()
            self._end(running, "failed", failure=failure_of(error))
            return
        if isinstance(called, dict):
            running.started_at = self._clock.now()
            self._end(running, "succeeded", outputs=called)
        elif callable(called):
            self._begin_in_thread(running, called)
        else:
            self._note_start(running)
            running.work = asyncio.ensure_future(called)
            running.work.add_done_callback(partial(self._on_awaited, running))

    def recover(self, job: Job) -> None:
        """Report `lost`, unless this very server runs it."""
        if job.attempt not in self._running:
            failure = Failure(code="lost", message="The server that ran the task is gone.")
            self._end(self._add(job), "lost", failure=failure)

    def cancel(self, attempt: int) -> None:
        """End the call; an attempt that is not known can never start in this server."""
        running = self._running.get(attempt)
        if running is not None:
            self._stop(running, "cancelled", Failure(code="cancelled", message="The task was cancelled."))
            return
        if attempt in self._reports:
            return
        self._forbidden.add(attempt)
        failure = Failure(code="cancelled", message="The task was cancelled before it began.")
        now = self._clock.now()
        self._reports.end(
            JobEnded(attempt=attempt, outcome="cancelled", started_at=None, ended_at=now, failure=failure)
        )

    def _add(self, job: Job) -> _Running:
        place = self._directories.path(job.attempt)
        context = CallContext(job.attempt, job.label, job.credentials, place, job.secrets)
        running = self._running[job.attempt] = _Running(job, context)
        return running

    def _on_awaited(self, running: _Running, done: asyncio.Future[Outputs]) -> None:
        if not done.cancelled():
            self._end_with(running, done.exception(), done)
        elif self._is_current(running):  # not by us
            failure = Failure(code="internal_error", message="The task type cancelled itself.")
            self._end(running, "failed", failure=failure)

    def _begin_in_thread(self, running: _Running, function: Callable[[], Outputs]) -> None:
        def work() -> Outputs:
            self._from_thread(self._note_start, running)
            return function()

        running.work = self._threads.submit(work)
        running.work.add_done_callback(lambda done: self._from_thread(self._on_thread, running, done))

    def _from_thread(self, tell: Callable[..., None], *values: Any) -> None:
        # A function that outlives its server finds the loop closed, and nobody waits for it.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(tell, *values)

    def _on_thread(self, running: _Running, done: Future[Outputs]) -> None:
        if done.cancelled():
            return
        self._end_with(running, done.exception(), done)

    def _end_with(
        self, running: _Running, error: BaseException | None, done: asyncio.Future[Outputs] | Future[Outputs]
    ) -> None:
        if error is None:
            self._end(running, "succeeded", outputs=done.result())
        else:
            self._end(running, "failed", failure=failure_of(error))

    def _note_start(self, running: _Running) -> None:
        if not self._is_current(running):
            return
        running.started_at = now = self._clock.now()
        self._reports.begin(JobStarted(attempt=running.job.attempt, at=now))
        if running.job.timeout is not None:
            running.timer = self._loop.call_later(running.job.timeout, self._time_out, running)

    def _time_out(self, running: _Running) -> None:
        message = f"The task did not end within its timeout of {running.job.timeout:g} s."
        self._stop(running, "timed_out", Failure(code="timeout", message=message))

    def _stop(self, running: _Running, outcome: Outcome, failure: Failure) -> None:
        self._end(running, outcome, failure=failure)
        self._let_go(running)

    @staticmethod
    def _let_go(running: _Running) -> None:
        running.context.is_cancelled = True
        if running.timer is not None:
            running.timer.cancel()
        if running.work is not None:
            running.work.cancel()

    def _is_current(self, running: _Running) -> bool:
        return self._running.get(running.job.attempt) is running

    def _end(
        self,
        running: _Running,
        outcome: Outcome,
        *,
        outputs: Outputs | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Report the end once; what comes after it, from a thread that could not be stopped, is nothing."""
        attempt = running.job.attempt
        if self._running.pop(attempt, None) is not running:
            return
        if running.timer is not None:
            running.timer.cancel()
        with contextlib.suppress(OSError):  # a full disk takes the last lines of the log, and not the end
            running.context.close()
        self._reports.end(
            JobEnded(
                attempt=attempt,
                outcome=outcome,
                started_at=running.started_at,
                ended_at=self._clock.now(),
                outputs=outputs or {},
                failure=failure,
            )
        )


def failure_of(error: BaseException) -> Failure:
    """Return what an exception of a task type means."""
    failure = getattr(error, "failure", None)
    if isinstance(failure, Failure):
        return failure
    trace = shortening.end("".join(traceback.format_exception(error)), _MAX_TRACE)
    message = shortening.beginning(f"{type(error).__name__}: {error}", 1000)
    return Failure(code="internal_error", message=message, trace=trace)
