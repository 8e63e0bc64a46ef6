"""The seam between the orchestrator and the machines: jobs go in, reports come out.

A runtime knows attempts and nothing of executions.
Every method returns at once; what takes time is reported through the observer, on the event loop's thread.
The attempt number is the fence: submitting one attempt twice is one job, and a late report of an old attempt
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal as OneOf, Protocol

from msgspec import Struct, field

from headrace.definition.outcomes import Failure, Usage

LONGEST_STRING = 128 * 1024
"""Bytes of one argument of a process, or of one variable with its name, with the NUL that ends it: the limit
of Linux (`MAX_ARG_STRLEN`)."""


class TaskCall(Struct, frozen=True, kw_only=True, tag_field="do", tag="call"):
    """Call a task type of the library in this process."""

    type: str
    inputs: dict[str, Any]
    """Port name to value; large values are already loaded, files are `FileRef`s."""


class Command(Struct, frozen=True, kw_only=True, tag_field="do", tag="command"):
    """Run a process."""

    script: str | None = None
    """Shell text; exactly one of `script` and `argv` is given."""
    argv: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    """Added to the allow-listed variables of the runtime."""
    stdin: str | None = None
    image: str | None = None
    directory: str | None = None
    """Absolute working directory, made when missing; None is a fresh one of the attempt's own."""
    outputs: tuple[str, ...] = ()
    """Relative paths or globs that must exist after exit 0, else the failure `output_missing`."""
    options: dict[str, Any] = field(default_factory=dict)


class Job(Struct, frozen=True, kw_only=True):
    """What a runtime is given."""

    attempt: int
    """Number of the attempt, unique for ever."""
    label: str
    """Task name, for people and scheduler listings."""
    work: TaskCall | Command
    timeout: float | None = None
    """Seconds from the start of the attempt, after which the runtime ends it `timed_out`."""
    cpus: float | None = None
    memory: int | None = None
    """Bytes."""
    credentials: dict[str, str] = field(default_factory=dict)
    """Secret values that the task type may ask for by name; never written anywhere."""
    secrets: tuple[str, ...] = ()
    """Every secret value that the job was given: masked in what this server writes about it."""


Outcome = OneOf["succeeded", "failed", "timed_out", "cancelled", "lost"]


class JobStarted(Struct, frozen=True, kw_only=True):
    """The attempt is running."""

    attempt: int
    at: float
    """Unix seconds."""
    native: str | None = None
    """Process id, container id, job id: what the machine calls it."""
    node: str | None = None


class JobEnded(Struct, frozen=True, kw_only=True):
    """The attempt is over; reported once, and again after every attach."""

    attempt: int
    outcome: Outcome
    started_at: float | None
    """Unix seconds; None when it never ran."""
    ended_at: float
    outputs: dict[str, Any] = field(default_factory=dict)
    """Output port to value."""
    failure: Failure | None = None
    """Present for every outcome but `succeeded`."""
    usage: Usage | None = None
    native: str | None = None
    node: str | None = None
    warnings: tuple[str, ...] = ()
    """Codes of what was not done as asked, as in `exceeds_capacity`."""


JobStatus = JobStarted | JobEnded
Observer = Callable[[JobStatus], None]


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a runtime can do, as a value."""

    survives_restart: bool
    """A restarted server finds running attempts again."""
    commands: bool = False
    """Takes `Command` jobs."""
    why_no_commands: str | None = None
    """The sentence by which the operator lets no workflow give it commands, though it could take them."""
    calls: bool = False
    """Takes `TaskCall` jobs."""
    images: bool = False
    """Runs commands in container images, into which directories of this machine are bound."""
    volumes: bool = True
    """Directories of this machine can be brought to its commands."""
    binds: bool = False
    """Shows commands directories of this machine at other places than their own (the option `binds`)."""
    limits: tuple[str, ...] = ()
    """Which of `cpu`, `memory` are enforced and how, as in `cpu:packed`."""


class Runtime(Protocol):
    """Where jobs run."""

    name: str
    capabilities: Capabilities

    @property
    def starts(self) -> Mapping[int, float]:
        """Return the attempts that run, or whose end was not reported yet, to when they were started.

        There is none before it is open.
        """

    @property
    def ends(self) -> Mapping[int, float]:
        """Return those of `starts` that have ended, to when that was."""

    def open(self, observer: Observer) -> None:
        """Begin to work inside the running event loop; all reports go to the observer."""

    def submit(self, job: Job) -> None:
        """Take the job; a failure to take it is a `JobEnded` with outcome `failed` or `lost`."""

    def recover(self, job: Job) -> None:
        """Take up a job that an earlier server may have submitted: attach, submit, or report `lost`."""

    def cancel(self, attempt: int) -> None:
        """End the attempt, whole process group and all; its `JobEnded` still comes.

        An attempt that is unknown or not yet started is reported `cancelled` and can never start later.
        """

    def log_file(self, attempt: int, stream: OneOf["stdout", "stderr"]) -> Path | None:
        """Return the file that this stream is written to, or None when there is none (yet)."""

    async def close(self) -> None:
        """Stop observing; jobs that survive a restart go on."""
