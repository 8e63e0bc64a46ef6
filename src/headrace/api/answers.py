"""What the native API answers: one value per shape, encoded as it stands and described by OpenAPI.

Moments are RFC 3339 texts in UTC with milliseconds; numbers are the integers of the server.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct

from headrace.definition.differences import Change, TaskDifference
from headrace.definition.outcomes import Failure, Usage
from headrace.errors import Problem

Item = TypeVar("Item")


class Listed(Struct, Generic[Item], frozen=True):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class ReasonShown(Struct, frozen=True):
    """Why something stands where it stands."""

    code: str
    sentence: str | None = None


class WorkflowShown(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow and which of its versions is current."""

    number: int
    id: str
    alias: str | None
    name: str
    description: str
    dialect: str
    version: int
    created_at: str
    updated_at: str
    warnings: tuple[Problem, ...] = ()
    """What was accepted, though perhaps not meant."""


class TaskShown(Struct, frozen=True, kw_only=True):
    """One task of a definition."""

    name: str
    type: str
    join: str | int
    after: tuple[str, ...]
    """Tasks that lead here."""
    next: tuple[str, ...]
    """Tasks that it leads to."""


class PortShown(Struct, frozen=True, kw_only=True):
    """An input of a workflow or of a task type, or one of its outputs."""

    name: str
    type: str
    required: bool
    description: str
    default: Any = None
    example: Any = None


class VersionListed(Struct, frozen=True, kw_only=True):
    """One version, in a list."""

    version: int
    created_at: str
    media_type: str
    sha256: str


class VersionShown(Struct, frozen=True, kw_only=True):
    """One version with its document as it was sent."""

    workflow: int
    version: int
    created_at: str
    media_type: str
    sha256: str
    document: str
    inputs: tuple[PortShown, ...]
    tasks: tuple[TaskShown, ...]


class PlanShown(Struct, frozen=True, kw_only=True):
    """What a start would do."""

    workflow: int
    version: int
    inputs: tuple[PortShown, ...]
    tasks: tuple[TaskShown, ...]


class Validation(Struct, frozen=True, kw_only=True):
    """What was found in a document; nothing is stored."""

    valid: bool
    dialect: str
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    tasks: tuple[TaskShown, ...]


class TaskPlanned(Struct, frozen=True, kw_only=True):
    """What a rerun would do with one task."""

    task: str
    mode: str
    """run, reuse, noop or skip."""
    reason: ReasonShown


class RerunPlan(Struct, frozen=True, kw_only=True):
    """What a rerun would do."""

    tasks: list[TaskPlanned]


class Started(Struct, frozen=True, kw_only=True):
    """An execution that was started; the same bytes again where a start is repeated by its key."""

    number: int
    id: str
    workflow: int
    version: int
    url: str
    warnings: tuple[Problem, ...] = ()
    """What is accepted, though perhaps not meant."""


class ExecutionListed(Struct, frozen=True, kw_only=True):
    """One execution, in a list."""

    number: int
    id: str
    alias: str | None
    name: str
    dialect: str
    workflow: int
    version: int
    state: str
    reason: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    parent: int | None
    """Attempt of the execution that it is the job of."""
    labels: dict[str, str]
    """The query of the receiver, `webhook`, is masked, since some put a key there."""


class TaskRunListed(Struct, frozen=True, kw_only=True):
    """One task run, in a list; `item` is the index of a foreach element."""

    number: int | None
    """None while the task has not begun."""
    task: str
    type: str
    visit: int
    item: int | None
    scope: int
    state: str
    reason: ReasonShown | None
    attempts: int
    started_at: str | None
    ended_at: str | None


class TaskRunInView(TaskRunListed, frozen=True, kw_only=True):
    """One task in the view of its execution."""

    outputs: dict[str, Any]
    error: Failure | None


class ExecutionShown(ExecutionListed, frozen=True, kw_only=True):
    """One execution with the latest run of each of its tasks, in written order."""

    detail: ReasonShown | None
    """Its reason with a sentence."""
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    warnings: tuple[ReasonShown, ...]
    failed: tuple[str, ...]
    """Tasks whose failure nobody handled."""
    seq: int
    """Number of events so far; give it as `after` to follow what comes."""
    tasks: list[TaskRunInView]


class TryShown(Struct, frozen=True, kw_only=True):
    """One attempt of a task run."""

    attempt: int
    """1 is the first; `logs?attempt=` takes it."""
    number: int
    fallback: bool
    outcome: str | None
    queued_at: str
    started_at: str | None
    ended_at: str | None
    error: Failure | None
    usage: Usage | None
    native: str | None
    node: str | None


class TaskRunShown(TaskRunInView, frozen=True, kw_only=True):
    """One task run with everything that is known of it; inputs that hold a secret are masked."""

    execution: int
    inputs: dict[str, Any]
    waits_for: str | None
    """`approval`, `time` or `signal` while it is blocked."""
    due_at: str | None
    tries: list[TryShown]


class VersionDifferences(Struct, frozen=True, kw_only=True):
    """What is different between two versions of a workflow."""

    workflow: int
    from_version: int
    to_version: int
    tasks: tuple[TaskDifference, ...]
    """Those that are not as they were, in the order of the newer version."""
    changes: tuple[Change, ...]
    """All differences of the documents, those of tasks too."""
    text: str | None
    """Unified diff of the documents; null when they are too long to be compared."""


class TaskExplained(Struct, frozen=True, kw_only=True):
    """Why a task waits, runs or has ended."""

    task: str
    state: str
    reason: ReasonShown
    waiting_for: tuple[str, ...] = ()
    """Tasks that must end first."""


class Explained(Struct, frozen=True, kw_only=True):
    """Why an execution stands where it stands."""

    state: str
    reason: ReasonShown
    tasks: list[TaskExplained]


class EventsShown(Struct, frozen=True, kw_only=True):
    """Committed events in order."""

    events: list[dict[str, Any]]
    complete: bool
    """Whether the execution is over and these are all there will be."""


class DeliveryTry(Struct, frozen=True, kw_only=True):
    """One try to tell somebody something."""

    at: str
    status_code: int | None
    """What the receiver answered; null when there was no answer."""
    error: str | None
    duration_ms: int
    response: str | None
    """The beginning of the answer, at most 1 KiB."""


class DeliveryShown(Struct, frozen=True, kw_only=True):
    """Something that somebody outside is told."""

    number: int
    execution: int
    sequence: int
    """Position among the announcements of the execution, from 1."""
    event: str
    url: str
    """The receiver; its query is masked, since some put a key there."""
    state: str
    """`pending`, `delivered`, `failed`, `refused` or `not_configured`."""
    created_at: str
    next_try_at: str | None
    tries: tuple[DeliveryTry, ...]


class TokenShown(Struct, frozen=True, kw_only=True):
    """A token, without the token."""

    number: int
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked: bool


class TokenIssued(TokenShown, frozen=True, kw_only=True):
    """A new token; it is shown this once."""

    token: str


class SecretShown(Struct, frozen=True, kw_only=True):
    """A secret, without its value."""

    name: str
    scope: str
    created_at: str
    updated_at: str


class TaskTypeShown(Struct, frozen=True, kw_only=True):
    """What the task library says of one type."""

    type: str
    category: str
    description: str
    runtime: str
    inputs: tuple[PortShown, ...]
    outputs: tuple[PortShown, ...]
    aliases: tuple[str, ...]
    available: bool
    unavailable_because: str | None


class RuntimeShown(Struct, frozen=True):
    """Where jobs can run."""

    name: str


class Statistics(Struct, frozen=True, kw_only=True):
    """How much there is."""

    executions: dict[str, int]
    """State to number of executions."""
    task_types: int
    runtimes: int


class Health(Struct, frozen=True):
    """How the server is."""

    status: str


class RecordedFile(Struct, frozen=True, kw_only=True):
    """A file as a task left it."""

    number: int
    """Names it in the path of its content."""
    path: str
    """Relative to its directory."""
    directory: str
    """Working directory of the task, on the machine where it ran."""
    task: str
    attempt: int
    change: str
    """created or modified."""
    size: int
    """Bytes."""
    sha256: str | None
    """Null until it was hashed, for a link, and for what changed before it could be."""
    superseded: bool
    """It changed again before it was hashed."""
    link: str | None
    """Target of a symbolic link, which has no content of its own."""
    created_at: str
    stored: bool
    """Its content is kept, whatever becomes of the file."""
    certain: bool
    """False where several tasks could have made it; each of them then has it."""
