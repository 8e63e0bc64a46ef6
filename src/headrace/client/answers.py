"""What the server answers, as values: the shapes of the native API, seen from outside.

A member that a newer server adds is ignored.
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
    next_cursor: str | None = None
    """Give it as `cursor` for the next page; None on the last one."""


class Reason(Struct, frozen=True):
    """Why something stands where it stands."""

    code: str
    sentence: str | None = None


class Workflow(Struct, frozen=True, kw_only=True):
    """A workflow and which of its versions is current."""

    number: int
    id: str
    alias: str | None = None
    name: str
    description: str = ""
    dialect: str
    version: int
    created_at: str
    updated_at: str
    warnings: tuple[Problem, ...] = ()


class Task(Struct, frozen=True, kw_only=True):
    """One task of a definition."""

    name: str
    type: str
    join: str | int
    after: tuple[str, ...]
    next: tuple[str, ...]


class Port(Struct, frozen=True, kw_only=True):
    """An input of a workflow or of a task type, or one of its outputs."""

    name: str
    type: str
    required: bool
    description: str
    default: Any = None
    example: Any = None


class VersionSummary(Struct, frozen=True, kw_only=True):
    """One version, in a list."""

    version: int
    created_at: str
    media_type: str
    sha256: str


class Version(VersionSummary, frozen=True, kw_only=True):
    """One version with its document as it was sent."""

    workflow: int
    document: str
    inputs: tuple[Port, ...]
    tasks: tuple[Task, ...]


class Differences(Struct, frozen=True, kw_only=True):
    """What is different between two versions of a workflow."""

    workflow: int
    from_version: int
    to_version: int
    tasks: tuple[TaskDifference, ...]
    changes: tuple[Change, ...]
    text: str | None
    """Unified diff of the documents; None when they are too long to be compared."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a start would do."""

    workflow: int
    version: int
    inputs: tuple[Port, ...]
    tasks: tuple[Task, ...]


class Validation(Struct, frozen=True, kw_only=True):
    """What was found in a document."""

    valid: bool
    dialect: str
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    tasks: tuple[Task, ...]


class TaskPlanned(Struct, frozen=True, kw_only=True):
    """What a rerun would do with one task."""

    task: str
    mode: str
    """run, reuse, noop or skip."""
    reason: Reason


class RerunPlan(Struct, frozen=True, kw_only=True):
    """What a rerun would do."""

    tasks: list[TaskPlanned]


class Started(Struct, frozen=True, kw_only=True):
    """An execution that was started."""

    number: int
    id: str
    workflow: int
    version: int
    url: str
    warnings: tuple[Problem, ...] = ()


class ExecutionSummary(Struct, frozen=True, kw_only=True):
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
    labels: dict[str, str]


class TaskRunSummary(Struct, frozen=True, kw_only=True):
    """One task run, in a list."""

    number: int | None
    task: str
    type: str
    visit: int
    item: int | None
    scope: int
    state: str
    reason: Reason | None
    attempts: int
    started_at: str | None
    ended_at: str | None


class TaskRunView(TaskRunSummary, frozen=True, kw_only=True):
    """One task in the view of its execution."""

    outputs: dict[str, Any]
    error: Failure | None


class Execution(ExecutionSummary, frozen=True, kw_only=True):
    """One execution with the latest run of each of its tasks, in written order."""

    detail: Reason | None
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    warnings: tuple[Reason, ...]
    failed: tuple[str, ...]
    seq: int
    tasks: list[TaskRunView]


class Try(Struct, frozen=True, kw_only=True):
    """One attempt of a task run."""

    attempt: int
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


class Point(Struct, frozen=True, kw_only=True):
    """What the processes of an attempt used in one interval."""

    at: str
    """End of the interval."""
    seconds: float
    cores: float
    """Used on average."""
    memory: int
    """Most resident bytes of all processes together."""


class Metrics(Struct, frozen=True, kw_only=True):
    """What an attempt used over time; at most 1,000 points, none of one that was over within a second."""

    attempt: int | None
    """Number of the attempt, None while there is none."""
    points: list[Point]


class TaskRun(TaskRunView, frozen=True, kw_only=True):
    """One task run with everything that is known of it."""

    execution: int
    inputs: dict[str, Any]
    waits_for: str | None
    due_at: str | None
    tries: list[Try]


class TaskExplained(Struct, frozen=True, kw_only=True):
    """Why a task waits, runs or has ended."""

    task: str
    state: str
    reason: Reason
    waiting_for: tuple[str, ...] = ()


class Explained(Struct, frozen=True, kw_only=True):
    """Why an execution stands where it stands."""

    state: str
    reason: Reason
    tasks: list[TaskExplained]


class Token(Struct, frozen=True, kw_only=True):
    """A token, without the token."""

    number: int
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked: bool


class NewToken(Token, frozen=True, kw_only=True):
    """A new token; it is shown this once."""

    token: str


class Secret(Struct, frozen=True, kw_only=True):
    """A secret, without its value."""

    name: str
    scope: str
    created_at: str
    updated_at: str


class DeliveryTry(Struct, frozen=True, kw_only=True):
    """One try to tell somebody something."""

    at: str
    status_code: int | None
    error: str | None
    duration_ms: int
    response: str | None


class Delivery(Struct, frozen=True, kw_only=True):
    """Something that a webhook is told."""

    number: int
    execution: int
    sequence: int
    event: str
    url: str
    state: str
    """`pending`, `delivered`, `failed`, `refused` or `not_configured`."""
    created_at: str
    next_try_at: str | None
    tries: tuple[DeliveryTry, ...]


class File(Struct, frozen=True, kw_only=True):
    """A file that was uploaded; its id stands for it in inputs."""

    file_id: str
    name: str
    content_type: str
    size: int
    sha256: str


class TaskType(Struct, frozen=True, kw_only=True):
    """What the task library says of one type."""

    type: str
    category: str
    description: str
    runtime: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    aliases: tuple[str, ...]
    available: bool
    unavailable_because: str | None


class Health(Struct, frozen=True):
    """How the server is."""

    status: str


class RecordedFile(Struct, frozen=True, kw_only=True):
    """A file as a task left it."""

    number: int
    path: str
    """Relative to its directory."""
    directory: str
    task: str
    attempt: int
    change: str
    """created or modified."""
    size: int
    sha256: str | None
    superseded: bool
    link: str | None
    created_at: str
    stored: bool
    certain: bool
