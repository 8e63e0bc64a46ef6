"""Runs commands as processes of this machine, and finds them again after a restart of the server.

An attempt runs exactly once: the shell that claims it first runs it (`prologue`, `record`), and
only processes of the same boot are waited for or started anew; after a reboot what has no ending is lost.
A leader that ended takes its group with it; a process that left the session by its own `setsid` is ended
when the step is stopped, and otherwise lives on, as a daemon wants.
This file keeps the steps and the order of their lives; files, shells, signals and texts have modules of
their own.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from datetime import timedelta
from pathlib import Path

from headrace.clock import Clock, SystemClock
from headrace.definition.outcomes import Failure
from headrace.errors import InvalidJob
from headrace.runtimes import binding, launching, processes, record, results
from headrace.runtimes.attempts import AttemptDirectories, Stream
from headrace.runtimes.boots import Boots
from headrace.runtimes.bounds import Bounds, Watching, bounds_of_this_machine
from headrace.runtimes.exits import Exits
from headrace.runtimes.packing import Demand, Packing
from headrace.runtimes.protocol import Capabilities, Command, Job, JobEnded, JobStarted, Observer
from headrace.runtimes.reports import Reports
from headrace.runtimes.sampling import Sampling
from headrace.runtimes.steps import Step
from headrace.runtimes.stopping import Leftovers, Process, Stopping
from headrace.settings import Settings

GRACE = timedelta(seconds=10)
"""Between TERM and KILL (AkoFlow section 3.5)."""

MAX_LOG = 256 * 1024 * 1024
"""Bytes of one stream that are kept (AkoFlow section 4.5)."""

_READ_CLAIM_AGAIN = 0.02
"""Seconds after which a claim that is just being written is read again."""


class LocalRuntime:
    """Processes of this machine, packed into its CPUs and memory."""

    def __init__(
        self,
        directories: AttemptDirectories,
        *,
        cpus: float,
        memory: int,
        grace: timedelta = GRACE,
        bounds: Bounds | None = None,
        max_log: int = MAX_LOG,
        bubblewrap: str | None = None,
        clock: Clock | None = None,
        boot: str | None = None,
    ) -> None:
        """`cpus` and `memory` (bytes) bound what runs at once, `bounds` each attempt (None: by watching).

        `max_log` is in bytes, `bubblewrap` the path of a program that works; `boot` is given by tests only.
        """
        self.name = "local"
        self._bounds = bounds or Watching()
        self.capabilities = Capabilities(
            survives_restart=True, commands=True, binds=bubblewrap is not None, limits=self._bounds.limits
        )
        self._bubblewrap = bubblewrap
        self._directories = directories
        self._max_log = max_log
        self._packing = Packing(cpus, memory)
        self._grace = grace.total_seconds()
        self._clock = clock or SystemClock()
        self._boot = boot or processes.boot_id()
        self._node = socket.gethostname()
        self._steps: dict[int, Step] = {}
        self._is_open = False
        self._will_start = False

    def open(self, observer: Observer) -> None:
        """Begin to work inside the running event loop."""
        self._is_open = True
        self._directories.prepare()
        self._loop = asyncio.get_running_loop()
        self._boots = Boots(self._directories.root, self._boot)
        self._launcher = launching.Launcher(self._boot, self._bubblewrap)
        self._reports = Reports(self._loop, observer, self._packing.is_crowded)
        self.starts, self.ends = self._reports.starts, self._reports.ends
        self._exits = Exits(self._loop, self._on_exits)
        self._stopping = Stopping(self._loop, self._grace, self._on_stopped)
        self._leftovers = Leftovers(self._loop)
        self._sampling = Sampling(
            self._loop, self._clock, self._watched_memory, self._on_excess, max_log=self._max_log
        )

    async def close(self) -> None:
        """Stop observing; processes go on, and the next server finds them; closing twice is closing once."""
        if not self._is_open:
            return
        self._is_open = False
        self._reports.close()
        self._exits.close()
        self._stopping.close()
        self._sampling.close()
        self._launcher.close()
        for step in self._steps.values():
            step.disarm()
        self._steps.clear()

    def log_file(self, attempt: int, stream: Stream) -> Path | None:
        """Return the file that this stream is written to, or None when there is none (yet)."""
        return self._directories.log_file(attempt, stream)

    def submit(self, job: Job) -> None:
        """Let the job wait for its CPUs and memory; an attempt that is known changes nothing."""
        if self._knows(job.attempt):
            return
        if why := launching.refusal(job):
            self._refuse(job.attempt, Failure(code="invalid_job", message=why, final=True))
            return
        self._add(job.attempt, job)
        self._packing.offer(job.attempt, self._demand(job))
        self._start_soon()

    def recover(self, job: Job) -> None:
        """Wait for the process, read its ending, start it where it certainly never ran, or report `lost`."""
        if self._knows(job.attempt):
            return
        place = self._directories.path(job.attempt)
        known = record.read(place)
        if known is None and (self._boots.are_equal or not record.take(place, "lost")):
            self.submit(job)
            return
        self._take_up(self._add(job.attempt, job), known or record.Record(ending="lost"))

    def cancel(self, attempt: int) -> None:
        """Stop the attempt, or take its claim so that it can never start."""
        if attempt in self._reports:
            return
        step = self._steps.get(attempt) or self._add(attempt, None)
        if step.process is not None:
            self._stop(step, "cancelled")
        elif step.verdict is None:
            step.verdict = "cancelled"
            self._packing.withdraw(attempt)
            record.take(step.place, "cancelled")
            self._take_up(step, record.read(step.place))

    # How a step starts.

    def _knows(self, attempt: int) -> bool:
        return attempt in self._steps or attempt in self._reports

    def _add(self, attempt: int, job: Job | None) -> Step:
        step = self._steps[attempt] = Step(attempt, job, self._directories.path(attempt))
        return step

    def _demand(self, job: Job | None) -> Demand:
        return self._packing.demand(job.cpus if job else None, job.memory if job else None)

    def _start_soon(self) -> None:
        if not self._will_start:
            self._will_start = True
            self._loop.call_soon(self._start_ready)

    def _start_ready(self) -> None:
        self._will_start = False
        if not self._is_open:
            return
        for attempt in self._packing.take(self._loop.time()):
            step = self._steps[attempt]
            try:
                self._start(step)
            except InvalidJob as error:
                self._packing.release(attempt)
                self._refuse(attempt, Failure(code="invalid_job", message=error.message, final=True))
            except OSError as error:
                self._fail_to_start(step, str(error))
        self._reports.hurry()

    def _start(self, step: Step) -> None:
        job = step.job
        assert job is not None and isinstance(job.work, Command)
        self._boots.mark()
        enter = self._bounds.enclose(step.attempt, job)
        step.started_at = round(self._clock.now(), 6)  # as in the claim
        pid = self._launcher.launch(job.work, step.place, step.started_at, enter)
        self._watch(step, Process(pid, step.attempt, step.place, is_child=True), processes.hold_child(pid))

    def _watch(self, step: Step, process: Process, pidfd: int) -> None:
        step.process = process
        self._sampling.begin(step)
        self._exits.watch(process, pidfd)
        started_at = step.started_at or self._clock.now()
        if step.job is not None and step.job.timeout is not None:
            left = started_at + step.job.timeout - self._clock.now()
            step.timer = self._loop.call_later(max(0.0, left), self._stop, step, "timed_out")
        self._reports.begin(
            JobStarted(attempt=step.attempt, at=started_at, native=str(process.pid), node=self._node)
        )
        if step.verdict is not None:
            self._end(step, step.verdict)

    # How an earlier server's step is found again.

    def _take_up(self, step: Step, known: record.Record | None) -> None:
        """Go on from what the record says: wait for its process, or report its ending."""
        if known is None or known.is_torn:
            self._await_claim(step)
            return
        claim = known.claim
        if claim is not None:
            step.claim = claim
            step.started_at = self._reports.starts[step.attempt] = claim.started_at
            if claim.boot == self._boot:
                if self._take_hold(step, claim, known):
                    return
                known = record.read(step.place) or known  # it may have ended in between
        if known.ending is not None:  # looked at before anybody writes a verdict behind it
            step.ended_at = record.written_at(step.place)
        if claim is not None:
            self._leave_bounds(step)
            self._leftovers.clear_away(step.place)
        self._conclude(step, known)

    def _take_hold(self, step: Step, claim: record.Claim, known: record.Record) -> bool:
        """Wait for the process of a claim, or for all that are being stopped; False when that is over."""
        asked = known.asked_to_end
        left = 0.0 if asked is None else min(self._grace, asked.at + self._grace - self._clock.now())
        if known.ending is not None and left <= 0:
            return False
        pidfd = processes.hold(claim.pid, claim.started_after_boot)
        if pidfd is None and left <= 0:
            return False
        is_child = pidfd is not None and processes.is_child(claim.pid)
        process = Process(claim.pid, step.attempt, step.place, is_child=is_child)
        if pidfd is None:
            process.has_exited, step.process = True, process
        else:
            step.verdict = step.verdict if asked is None else None  # it has been asked: not once more
            self._packing.occupy(step.attempt, self._demand(step.job))
            self._watch(step, process, pidfd)
        if asked is not None:
            step.verdict = asked.verdict
            self._stopping.go_on(process, left)
        return True

    def _await_claim(self, step: Step) -> None:
        """Read the claim again soon if its writer lives; without one the attempt never ran and is lost."""
        step.disarm()
        is_written = any(each.mark == step.place or each.is_changing for each in processes.residents())
        known = record.read(step.place)
        if known is None or known.is_torn:
            if is_written:
                step.timer = self._loop.call_later(_READ_CLAIM_AGAIN, self._await_claim, step)
                return
            known = record.Record(ending=step.verdict or "lost")
        self._take_up(step, known)

    # How a step ends.

    def _stop(self, step: Step, verdict: record.Verdict) -> None:
        process = step.process
        if step.verdict is None and process is not None and not process.has_exited:
            step.verdict = verdict
            self._end(step, verdict)

    def _end(self, step: Step, verdict: record.Verdict) -> None:
        assert step.process is not None
        if not record.take(step.place, verdict):
            record.add(step.place, verdict)
        if verdict == "out_of_memory":
            self._stopping.begin_with_kill(step.process)
        else:
            self._stopping.begin(step.process)

    def _watched_memory(self, step: Step) -> int | None:
        return None if step.job is None else self._bounds.watched(step.job)

    def _on_excess(self, attempt: int, memory: int) -> None:
        step = self._steps[attempt]
        step.memory = memory
        self._stop(step, "out_of_memory")

    def _on_exits(self, exited: list[Process]) -> None:
        ended = []
        for process in exited:
            process.has_exited = True
            step = self._steps[process.attempt]
            if step.verdict is None:
                self._reap(step, process)
                ended.append(step)
            else:
                self._stopping.leader_exited()
        self._start_ready()  # before the reading: the machine must not idle meanwhile
        for step in ended:
            if step.wait_status == 0 and step.verdict is None:  # who comes second does not exit with 0
                self._report(step, 0)
            else:
                self._conclude(step, record.read(step.place))

    def _on_stopped(self, process: Process) -> None:
        step = self._steps[process.attempt]
        self._reap(step, process)
        self._start_soon()
        self._conclude(step, record.read(step.place))

    def _reap(self, step: Step, process: Process) -> None:
        """Take the process away: first what is left of its group, while its id cannot be reused."""
        step.disarm()
        self._packing.release(step.attempt)
        step.long_run = self._sampling.end(step.attempt)
        if not process.is_child:
            self._leftovers.clear_away(step.place)
            self._leave_bounds(step)
            step.usage = step.long_run.usage if step.long_run else None
            return
        process.signal_group(signal.SIGKILL)
        step.wait_status, step.usage = processes.reap(
            process.pid, step.long_run.usage if step.long_run else None
        )
        self._leave_bounds(step)

    def _leave_bounds(self, step: Step) -> None:
        """Take away what bounded the attempt; where the kernel ended it for its memory, that is a verdict."""
        held = None if step.job is None else self._bounds.release(step.attempt, step.job)
        if held is not None and step.verdict is None:
            step.verdict, step.memory = "out_of_memory", held
            record.add(step.place, "out_of_memory")

    def _conclude(self, step: Step, known: record.Record | None) -> None:
        process = step.process
        owner = known.claim if known else None
        if process is not None and process.is_child and known is not None:
            claimed = (process.pid, step.started_at)
            if owner is None or (owner.pid, owner.started_at) != claimed:
                # Somebody came first: a process that an earlier server started, or a server that forbade it.
                step.process = step.wait_status = step.usage = step.started_at = None
                self._take_up(step, known)
                return
        ending = known.ending if known else None
        if ending is None:
            ending = step.verdict or step.ending_without_record(owner)
        if ending is None:
            self._fail_to_start(step, "its shell could not claim the attempt")
            return
        self._report(step, ending)

    def _report(self, step: Step, ending: record.Ending) -> None:
        job = step.job
        exceeds = job is not None and self._packing.exceeds(job.cpus, job.memory)
        warnings = ("exceeds_capacity",) if exceeds else ()
        finished = step.finished(ending, self._clock.now(), self._node, warnings)
        if step.long_run is None and (ended := results.report_quickly(finished)) is not None:
            self._tell(ended)
        else:
            reading = self._loop.run_in_executor(None, step.settled, finished, self._max_log)
            reading.add_done_callback(lambda read: self._tell(read.result()))

    def _fail_to_start(self, step: Step, because: str) -> None:
        self._packing.release(step.attempt)
        failure = Failure(code="start_failed", message=f"The step could not be started: {because}.")
        self._refuse(step.attempt, failure)

    def _refuse(self, attempt: int, failure: Failure) -> None:
        now = self._clock.now()
        self._tell(
            JobEnded(attempt=attempt, outcome="failed", started_at=None, ended_at=now, failure=failure)
        )

    def _tell(self, ended: JobEnded) -> None:
        self._steps.pop(ended.attempt, None)
        self._reports.end(ended)


def from_settings(settings: Settings) -> LocalRuntime:
    """Return the runtime that the settings describe (the entry point `local`)."""
    local = settings.local
    attempts = settings.data_dir / "attempts"
    return LocalRuntime(
        AttemptDirectories(attempts),
        cpus=local.cpus,
        memory=local.memory,
        grace=local.grace,
        bounds=bounds_of_this_machine(attempts),
        max_log=local.max_log,
        bubblewrap=binding.bubblewrap(),
    )
