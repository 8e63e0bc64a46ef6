"""What was asked: one workflow definition in Headrace's own model, whatever dialect it was written in.

Values are immutable; a changed definition is a new version.
This file must never know a dialect, a runtime or how an expression is evaluated.
Expressions inside are sources of the one expression language; their names are these:
`inputs.X`, `tasks.T.outputs.Y` (also `.status .reason .error .attempts .visit`), `item`, `index`,
`secrets.NAME`, `execution.id .number .started_at`, `vars.X` and bare names for published variables,
and in transitions `result() succeeded() failed() timed_out()`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal as OneOf

from msgspec import Struct, field

from headrace.definition.templates import Expr, Template, Text
from headrace.definition.types import Port, TypeName


class Resources(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one attempt may use of a machine."""

    cpus: float | None = None
    """Cores; None takes the runtime's default of one."""
    memory: int | None = None
    """Bytes; None declares nothing."""


class CallTask(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="call"):
    """Call a type of the task library."""

    type: str
    """Name in the library, as in `web.download`."""
    inputs: dict[str, Template] = field(default_factory=dict)
    """Port name to template."""


class Recording(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is noted of the files that a command reads and changes in its working directory."""

    depth: OneOf["hash", "stat"] = "hash"
    """`hash` reads and keeps contents, `stat` notes sizes and times only."""
    inputs: tuple[str, ...] = ()
    """Paths or globs, relative to the working directory, that the command says it reads."""
    sources: tuple[Template, ...] = ()
    """Absolute directories whose files were brought into the working directory before the command began."""


class RunCommand(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="command"):
    """Run a shell script or an argument list as a process."""

    script: str | None = None
    """Shell text, run byte for byte from a file; exactly one of `script` and `argv` is given."""
    argv: tuple[Template, ...] | None = None
    """Program and arguments, run without a shell."""
    environment: dict[str, Template] = field(default_factory=dict)
    """Variables added to the allow-listed ones."""
    stdin: Template | None = None
    """Text for standard input; None is empty."""
    runtime: str = "local"
    """Name in the registry of runtimes."""
    image: str | None = None
    """Container image, where the runtime takes one."""
    directory: str | Expr | Text | None = None
    """Absolute working directory; None, or a template that gives nothing, is one of the attempt's own."""
    resources: Resources = Resources()
    outputs: tuple[str, ...] = ()
    """Paths or globs, relative to the working directory, that must exist after exit 0."""
    recording: Recording | None = None
    """None notes nothing of files."""
    options: dict[str, Any] = field(default_factory=dict)
    """What only that runtime understands (node selectors, volumes); plain JSON."""


class RunWorkflow(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="workflow"):
    """Run another workflow as a child execution; its outputs become the task's."""

    workflow: str
    """Id, alias or number of the workflow; pinned to a version when the execution starts."""
    inputs: dict[str, Template] = field(default_factory=dict)


class RunGroup(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="group"):
    """Run an inner graph of the same execution; ends when nothing in it can move."""

    tasks: tuple[TaskDefinition, ...]
    outputs: dict[str, Template] = field(default_factory=dict)
    """Evaluated inside the group when it succeeds; become the outputs of the group's task."""


class AwaitApproval(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="approval"):
    """Wait until somebody answers; the answer is the task's outputs."""

    prompt: Template | None = None
    timeout: Template | None = None
    """Seconds until the question expires; None waits for ever."""
    details: dict[str, Template] = field(default_factory=dict)
    """Whatever the dialect shows with the question (schema, assignee)."""


class AwaitTime(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="time"):
    """Wait for a time: seconds from the start, or a moment in Unix seconds."""

    seconds: Template | None = None
    until: Template | None = None


class AwaitSignal(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do", tag="signal"):
    """Wait for a named signal to this execution; its payload is the task's outputs."""

    signal: Template
    timeout: Template | None = None
    """Seconds until the wait expires; None waits for ever."""


class Nothing(Struct, frozen=True, tag_field="do", tag="nothing"):
    """Do nothing and succeed at once."""


Action = CallTask | RunCommand | RunWorkflow | RunGroup | AwaitApproval | AwaitTime | AwaitSignal | Nothing


class Transition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a task leads when it has ended."""

    to: tuple[str, ...] = ()
    """Target tasks; none means publish only."""
    when: str | None = None
    """Condition over the ended task, as an expression source; None always holds."""
    publish: tuple[tuple[str, Template], ...] = ()
    """Variables set on this path, in order; each sees the earlier ones."""
    resolved: bool = False
    """Taken however the source ended, also when it was skipped; never on a cancel."""


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A condition on starting; the first false one skips the task."""

    expression: str
    code: str
    """Machine-readable reason of the skip."""
    sentence: Template
    """Reason for people; evaluated when the check was false."""
    written: str = ""
    """The block of the document that it looks at, as it is spelled there; empty where there is none."""


class ForEach(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Run the task once per element of a list, in a window."""

    items: Template
    """A list; null is an empty list, any other value is a list of one."""
    concurrency: int = 1
    """How many items run at once, at least 1."""
    batch_size: int | None = None
    """With a size, `item` is a list of so many elements and `index` counts batches."""
    fail_fast: bool = False
    """Start no further item after a failed one."""


class Retry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether and when a failed attempt is followed by another."""

    count: int
    """Attempts after the first, at least 1."""
    delay: timedelta = timedelta(seconds=1)
    backoff: OneOf["constant", "linear", "exponential"] = "constant"
    factor: float = 2.0
    """Base of the exponential: before retry k the wait is delay × factor^(k-1)."""
    max_delay: timedelta = timedelta(hours=1)
    jitter: float = 0.0
    """Fraction by which a delay may vary in both directions, 0 to 1."""
    exit_codes: tuple[int, ...] | None = None
    """Only these exit codes are retried; None retries all."""
    on: str | None = None
    """Condition over the failed attempt; false gives up."""


class TaskDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node of the graph."""

    name: str
    action: Action = Nothing()
    next: tuple[Transition, ...] = ()
    join: OneOf["all", "any"] | int = "any"
    """`any` starts with the first arrival; `all` and n count distinct source tasks."""
    checks: tuple[Check, ...] = ()
    items: ForEach | None = None
    retry: Retry | None = None
    fallback: Action | None = None
    """Runs once, as the last try, when the tries are used up or the error is final."""
    timeout: Template | None = None
    """Seconds per attempt; None has no limit."""
    mark_after: timedelta | None = None
    """States an event when an attempt runs longer."""
    repeatable: bool | None = None
    """Whether a lost attempt may be made anew outside the retries; None asks the task type."""
    renames: dict[str, str] = field(default_factory=dict)
    """The action's output name to the name that this task gives it."""
    annotations: dict[str, Any] = field(default_factory=dict)
    """What the dialect wants to find again; the engine never looks inside."""

    @property
    def kind(self) -> str:
        """What lists say that the task does: the dialect's word for it, else the library's or the model's."""
        named = self.annotations.get("type")
        if named is not None:
            return str(named)
        action = self.action
        return action.type if isinstance(action, CallTask) else str(action.__struct_config__.tag)


class OutputDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A declared result of the workflow, evaluated when an execution succeeds."""

    name: str
    value: Template
    type: TypeName | None = None
    """What the value must turn out to be; None where anything may come, or it is known before."""
    needs: tuple[str, ...] = ()
    """Outputs before it without which it is not available."""
    description: str = ""


class WorkflowDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a workflow."""

    name: str
    dialect: str
    """The dialect that it was written in."""
    tasks: tuple[TaskDefinition, ...]
    """In written order; the order decides which transitions are ways back and where no entry exists."""
    description: str = ""
    inputs: tuple[Port, ...] = ()
    outputs: tuple[OutputDefinition, ...] = ()
    variables: tuple[tuple[str, Template], ...] = ()
    """Execution-wide variables at the start, in order; each sees the earlier ones."""
    closing: TaskDefinition | None = None
    """Runs once when everything else has ended, also after cancel and timeout."""
    timeout: timedelta | None = None
    """Limit of the whole execution."""
    cancel_policy: OneOf["cancel_running", "allow_finish"] = "cancel_running"
    unhandled: OneOf["not_taken", "every_failure"] = "not_taken"
    """Which failures fail the execution: those from which no taken transition leads to a task, or all."""
    max_visits: int = 100
    concurrency_key: Template | None = None
    """At most one live execution has this key."""
    numbers: int = 1
    """How many consecutive numbers an execution takes: its own, and others for the dialect to give."""
    annotations: dict[str, Any] = field(default_factory=dict)
    """What the dialect wants to find again; the engine never looks inside."""
