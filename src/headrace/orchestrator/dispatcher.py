"""Gives scheduled attempts to the machines that they need, and brings their reports home.

An attempt is owned by the mailbox of its execution; a report about an attempt that nobody owns is old news.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal, Protocol, assert_never

import msgspec
import structlog

from headrace.clock import Clock
from headrace.definition.model import CallTask, RunCommand, RunWorkflow
from headrace.definition.outcomes import Failure
from headrace.engine import commands
from headrace.engine.execution import Execution, TaskRun
from headrace.errors import RequestError
from headrace.orchestrator import jobs, reports
from headrace.orchestrator.large_values import LargeValues
from headrace.orchestrator.mailbox import Mailbox
from headrace.provenance.attempts import RecordedAttempt
from headrace.runtimes.protocol import (
    Capabilities,
    Command,
    Job,
    JobEnded,
    JobStarted,
    JobStatus,
    Observer,
    Runtime,
)
from headrace.security.redaction import SecretsInUse
from headrace.tasks.library import Library

log = structlog.get_logger(__name__)


class Children(Protocol):
    """Child executions, seen as the machine that sub-workflows run on."""

    def open(self, observer: Observer) -> None:
        """Begin to start children; all reports go to the observer."""

    def begin(self, parent: Execution, run: TaskRun, action: RunWorkflow) -> None:
        """Start the child of the run's attempt, or find it; raises CannotDispatch where there may be none."""

    def cancel(self, attempt: int, policy: Literal["cancel_running", "allow_finish"] | None) -> None:
        """Cancel the child, by its own policy where None is given."""

    def relay(self, attempt: int, wanted: Literal["paused", "running"]) -> None:
        """Pause or resume the child."""

    def close(self) -> None:
        """Start nothing more."""


class ProcessCalls(Protocol):
    """How a library call that needs a process of its own becomes a command, and its result outputs."""

    def command(self, type: str, inputs: dict[str, Any], label: str, secrets: tuple[str, ...]) -> Command:
        """Return the command that makes the call; `secrets` are the secret values among the inputs."""

    def result(self, ended: JobEnded) -> JobEnded:
        """Return the report with the outputs or the failure that the process left."""

    def tidy(self, attempt: int) -> None:
        """Remove what the process left; called in a thread, once the report is committed."""


class FileRecords(Protocol):
    """Who notes which attempt makes, changes and reads which file of its working directory."""

    def begin(
        self, asked: RecordedAttempt, ready: Callable[[], None], origin: Literal["new", "recovered"]
    ) -> None:
        """Call `ready` once it is known what the attempt finds; most often before this returns."""

    def end(self, ended: JobEnded, heard: Callable[[JobEnded], None]) -> None:
        """Call `heard` once what the attempt changed is remembered, at once for one that never began."""


class Dispatcher:
    """Knows which attempt is whose, and which runtime has it."""

    def __init__(
        self,
        *,
        runtimes: Mapping[str, Runtime],
        capabilities: Mapping[str, Capabilities],
        library: Library,
        values: LargeValues,
        processes: ProcessCalls,
        files: FileRecords,
        secrets: jobs.StoredSecrets,
        secrets_in_use: SecretsInUse,
        clock: Clock,
    ) -> None:
        self.credentials: dict[int, dict[str, str]] = {}
        """Execution to the secret values that came with its start; kept in memory and nowhere else."""
        self.children: Children | None = None
        self._runtimes = runtimes
        self._capabilities = capabilities
        self._library = library
        self._values = values
        self._processes = processes
        self._files = files
        self._stored = secrets
        self._secrets_in_use = secrets_in_use
        self._clock = clock
        self._secrets: dict[int, tuple[str, ...]] = {}
        """Attempt to the secret values that it was given."""
        self._owners: dict[int, Mailbox] = {}
        self._places: dict[int, Runtime] = {}
        self._ending: set[int] = set()
        """Owned attempts whose end is known here, and on its way to the mailbox."""
        self._calls: set[int] = set()
        """Attempts of library calls that run in a process."""
        self._reported: dict[int, set[int]] = {}
        """Execution to those of them that have ended, and whose end is not committed yet."""
        self._forbidden: dict[int, Failure] = {}
        """Attempts of an earlier server that may not go on, to the failure with which they end."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: list[Runtime] = []

    def open(self) -> None:
        """Begin to take jobs and reports, inside the running event loop."""
        if self.children is not None:
            self.children.open(self._report)
        for runtime in dict.fromkeys(self._runtimes.values()):
            runtime.open(self._report)
            self._open.append(runtime)

    async def close(self) -> None:
        """Take nothing more; jobs that survive a restart go on. What was never opened is let alone."""
        for task in self._tasks:
            task.cancel()
        if self.children is not None:
            self.children.close()
        for runtime in self._open:
            await runtime.close()

    def perform(self, mailbox: Mailbox, todo: list[commands.Command], *, recovering: bool = False) -> None:
        """Do what events call for; `recovering` says that an earlier server may have done it already."""
        self._tidy(mailbox)
        for command in todo:
            run = mailbox.execution.runs[command.run]
            try:
                match command:
                    case commands.StartJob():
                        self._start(mailbox, run, recovering=recovering)
                    case commands.CancelJob():
                        self._cancel(mailbox, run)
                    case commands.RelayPause():
                        assert self.children is not None
                        self.children.relay(command.attempt, command.wanted)
                    case _:
                        assert_never(command)
            except Exception:  # a defect in one must not hold the others back
                log.exception("command_broke", execution=mailbox.row.number, attempt=command.attempt)

    def _tidy(self, mailbox: Mailbox) -> None:
        """Remove what processes left whose ends are remembered; until then a next server needs it."""
        reported = self._reported.get(mailbox.row.number)
        if reported is None:
            return
        for attempt in reported - mailbox.execution.attempts.keys():
            reported.discard(attempt)
            self._later(asyncio.to_thread(self._processes.tidy, attempt))
        if not reported:
            del self._reported[mailbox.row.number]

    def finished(self, attempt: int) -> None:
        """Forget an attempt."""
        self._owners.pop(attempt, None)
        self._places.pop(attempt, None)
        self._ending.discard(attempt)
        self._calls.discard(attempt)
        self._forbidden.pop(attempt, None)
        secrets = self._secrets.pop(attempt, None)
        if secrets is not None:
            self._secrets_in_use.forget(secrets)

    def _start(self, mailbox: Mailbox, run: TaskRun, *, recovering: bool) -> None:
        attempt = run.attempt
        self._owners[attempt] = mailbox
        with self._answering_for(attempt):
            action = jobs.action_of(mailbox.execution, run)
            kind = jobs.runtime_of(action, self._library)
            if kind == "inline" and recovering:
                # Nothing is submitted that may have run before: the runtime reports it lost.
                self._runtimes["inline"].recover(self._inline_job(run, action, {}))
            elif (
                kind == "inline" and jobs.is_plain(run) and jobs.credential_of(action, self._library) is None
            ):
                self._runtimes["inline"].submit(self._inline_job(run, action, run.input))
            elif jobs.is_plain(run) and kind == "command":
                self._run_command(mailbox, run, action, run.input, recovering=recovering)
            elif isinstance(action, RunWorkflow):
                assert self.children is not None
                self.children.begin(mailbox.execution, run, action)
            else:
                self._later(self._prepare(mailbox, run, recovering=recovering))

    async def _prepare(self, mailbox: Mailbox, run: TaskRun, *, recovering: bool) -> None:
        attempt = run.attempt
        with self._answering_for(attempt):
            action = jobs.action_of(mailbox.execution, run)
            kind = jobs.runtime_of(action, self._library)
            read = self._stored.last if recovering else self._stored.read
            complete = await jobs.complete_input(run, self._values, read)
            input = complete.input
            credentials = await self._credentials(mailbox, action) if kind == "inline" else {}
            # It may have begun with a value that was replaced since.
            former = await self._stored.former() if recovering and complete.secrets else ()
            if attempt not in self._owners:
                return  # cancelled meanwhile
            if secrets := (*complete.secrets, *former, *credentials.values()):
                self._secrets[attempt] = secrets
                self._secrets_in_use.learn(secrets)
            match kind:
                case "inline":
                    job = self._inline_job(run, action, input)
                    job = msgspec.structs.replace(job, credentials=credentials, secrets=secrets)
                    self._runtimes["inline"].submit(job)
                case "command":
                    self._run_command(mailbox, run, action, input, recovering=recovering)
                case "process":
                    job = self._process_job(run, action, input)
                    self._calls.add(attempt)
                    self._give(job, self._runtimes["local"], recovering)

    def _give(self, job: Job, runtime: Runtime, recovering: bool) -> None:  # noqa: FBT001 - the two verbs of one seam
        self._places[job.attempt] = runtime
        if not recovering:
            runtime.submit(job)
            return
        runtime.recover(job)
        if job.attempt in self._forbidden:  # its ending is read where there is one, else it is made to end
            runtime.cancel(job.attempt)

    def _inline_job(self, run: TaskRun, action: Any, input: dict[str, Any]) -> Job:
        assert isinstance(action, CallTask)
        self._places[run.attempt] = self._runtimes["inline"]
        return jobs.call_job(run, action, input)

    async def _credentials(self, mailbox: Mailbox, action: Any) -> dict[str, str]:
        name, given = jobs.credential_of(action, self._library), self.credentials.get(mailbox.row.number, {})
        return await jobs.credentials(name, mailbox.execution, given, self._stored.read)

    def _run_command(
        self, mailbox: Mailbox, run: TaskRun, action: Any, input: dict[str, Any], *, recovering: bool
    ) -> None:
        assert isinstance(action, RunCommand)
        self._judge(run, action, recovering=recovering)
        job, runtime = jobs.command_job(run, action, input, {}), self._place(action)
        asked = jobs.recorded(mailbox.execution.number, run, action, job, input)
        if asked is None:
            self._give(job, runtime, recovering)
            return

        def ready() -> None:
            if job.attempt not in self._owners:
                return  # cancelled meanwhile
            with self._answering_for(job.attempt):
                self._give(job, runtime, recovering)

        self._files.begin(asked, ready, "recovered" if recovering else "new")

    def _judge(self, run: TaskRun, action: RunCommand, *, recovering: bool) -> None:
        """Hold what the operator forbids back; an attempt that may already run is noted, to be ended."""
        found = self._capabilities.get(action.runtime)
        if found is None or found.why_no_commands is None:
            return
        failure = Failure(code="shell_disabled", message=found.why_no_commands, final=True)
        if not recovering:
            raise jobs.CannotDispatch(failure)
        self._forbidden[run.attempt] = failure

    def _process_job(self, run: TaskRun, action: Any, input: dict[str, Any]) -> Job:
        assert isinstance(action, CallTask)
        work = self._processes.command(action.type, input, run.task, self._secrets.get(run.attempt, ()))
        return Job(attempt=run.attempt, label=run.task, work=work, timeout=run.timeout)

    def _place(self, action: Any) -> Runtime:
        runtime = self._runtimes.get(action.runtime)
        if runtime is None:
            known = ", ".join(sorted(self._runtimes))
            message = f"There is no runtime '{action.runtime}' here; configured are {known}."
            raise jobs.CannotDispatch(Failure(code="runtime_not_configured", message=message, final=True))
        return runtime

    def _cancel(self, mailbox: Mailbox, run: TaskRun) -> None:
        attempt = run.attempt
        if attempt not in self._owners or attempt in self._ending:
            return  # it ended before the cancel came, and keeps its end
        runtime = self._places.get(attempt)
        if isinstance(jobs.action_of(mailbox.execution, run), RunWorkflow):
            assert self.children is not None
            execution = mailbox.execution
            self.children.cancel(attempt, execution.policy if execution.state == "cancelling" else None)
        elif runtime is not None:
            runtime.cancel(attempt)
        else:
            # Still being prepared: it must never start, so its runtime is told before the job arrives.
            with suppress(jobs.CannotDispatch):  # then there is nothing to cancel: the attempt is failing
                runtime = self._future_place(jobs.action_of(mailbox.execution, run))
                self._places[attempt] = runtime
                runtime.cancel(attempt)

    def _future_place(self, action: Any) -> Runtime:
        """Return the runtime that a job of this action will be given to."""
        match jobs.runtime_of(action, self._library):
            case "inline":
                return self._runtimes["inline"]
            case "command":
                return self._place(action)
            case _:
                return self._runtimes["local"]

    @contextmanager
    def _answering_for(self, attempt: int) -> Iterator[None]:
        """Fail the attempt where it cannot be given away."""
        try:
            yield
        except jobs.CannotDispatch as refusal:
            self._fail(attempt, refusal.failure)
        except Exception as error:  # whatever broke here, the task must end and say so
            log.exception("dispatch_broke", attempt=attempt)
            message, is_final = f"The job could not be made: {error}", isinstance(error, RequestError)
            self._fail(attempt, Failure(code="dispatch_failed", message=message, final=is_final))

    def _fail(self, attempt: int, failure: Failure) -> None:
        if attempt not in self._owners:
            return  # it was cancelled meanwhile
        now = self._clock.now()
        ended = JobEnded(attempt=attempt, outcome="failed", started_at=None, ended_at=now, failure=failure)
        self._ending.add(attempt)
        asyncio.get_running_loop().call_soon(self._report, ended)

    def _report(self, status: JobStatus) -> None:
        mailbox = self._owners.get(status.attempt)
        if mailbox is None:
            return
        match status:
            case JobStarted():
                mailbox.post(reports.attempt_started(status))
            case JobEnded():
                self._ending.add(status.attempt)
                self._files.end(status, self._conclude)
            case _:
                assert_never(status)

    def _conclude(self, status: JobEnded) -> None:
        mailbox = self._owners.get(status.attempt)
        if mailbox is None:
            return
        if status.attempt in self._calls:
            self._reported.setdefault(mailbox.row.number, set()).add(status.attempt)
            status = self._process_result(status)
        if status.attempt in self._secrets:
            status = reports.cleared(status, self._secrets[status.attempt])
        if status.attempt in self._forbidden and status.outcome == "cancelled":
            failure = self._forbidden[status.attempt]
            status = msgspec.structs.replace(status, outcome="failed", failure=failure)
        repeatable = status.outcome == "lost" and self._is_repeatable(mailbox, status.attempt)
        mailbox.post(reports.attempt_ended(status, repeatable=repeatable))
        self.finished(status.attempt)

    def _process_result(self, status: JobEnded) -> JobEnded:
        try:
            return self._processes.result(status)
        except Exception as error:
            log.exception("result_unreadable", attempt=status.attempt)
            failure = Failure(code="lost", message=f"The result of the process cannot be read: {error}")
            return msgspec.structs.replace(status, outcome="lost", outputs={}, failure=failure)

    def _is_repeatable(self, mailbox: Mailbox, attempt: int) -> bool:
        number = mailbox.execution.attempts.get(attempt)
        if number is None:
            return False
        action = jobs.action_of(mailbox.execution, mailbox.execution.runs[number])
        spec = self._library.resolve(action.type) if isinstance(action, CallTask) else None
        return spec is not None and spec.repeatable

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
