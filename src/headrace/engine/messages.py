"""What is asked of an execution.  A message may be refused or decide nothing; it never states a fact."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from headrace.definition.outcomes import Failure, Usage
from headrace.definition.templates import Json
from headrace.engine.plans import Planned


class Start(Struct, frozen=True, kw_only=True):
    """Begin the execution."""

    number: int
    id: str
    """UUIDv7."""
    workflow: int
    version: int
    inputs: dict[str, Json]
    """Complete: defaults filled in, types checked."""
    seed: int
    """Source of all that looks random in this execution."""
    depth: int = 0
    """How many executions stand above this one."""
    parent: int | None = None
    """Attempt of the parent execution that this one is the job of."""
    plan: dict[str, Planned] = field(default_factory=dict)
    """Task name to what is planned for it; absent means run."""
    pins: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Named sub-workflow to (workflow number, version)."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the door that started it wants to find again."""
    credentials: tuple[str, ...] = ()
    """Names of the secret values that came with the start."""


class AttemptStarted(Struct, frozen=True, kw_only=True):
    """A runtime says that an attempt runs."""

    attempt: int
    at: float
    native: str | None = None
    node: str | None = None


class AttemptEnded(Struct, frozen=True, kw_only=True):
    """A runtime says how an attempt ended."""

    attempt: int
    outcome: Literal["succeeded", "failed", "timed_out", "cancelled", "lost"]
    started_at: float | None
    ended_at: float
    outputs: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    usage: Usage | None = None
    native: str | None = None
    node: str | None = None
    repeatable: bool = False
    """The task type says that doing it twice does no harm; asked only when the attempt was lost."""


class TimerFired(Struct, frozen=True, kw_only=True):
    """A timer that the execution asked for is due."""

    key: str


class Cancel(Struct, frozen=True, kw_only=True):
    """End the execution early."""

    reason: str = ""
    """Sentence for people."""
    policy: Literal["cancel_running", "allow_finish"] | None = None
    """None takes the definition's."""


class CancelTask(Struct, frozen=True, kw_only=True):
    """End one task run early; it counts as a failure."""

    run: int
    reason: str = ""


class Pause(Struct, frozen=True, kw_only=True):
    """Start nothing new until resumed."""

    reason: str = ""


class Resume(Struct, frozen=True, kw_only=True):
    """Go on after a pause."""


class Respond(Struct, frozen=True, kw_only=True):
    """Answer an approval."""

    run: int
    outputs: dict[str, Any]


class Withdraw(Struct, frozen=True, kw_only=True):
    """Take an approval or a wait back; the task fails."""

    run: int
    reason: str = ""


class Signal(Struct, frozen=True, kw_only=True):
    """Tell the execution that something happened."""

    name: str
    payload: Json = None


Message = (
    Start
    | AttemptStarted
    | AttemptEnded
    | TimerFired
    | Cancel
    | CancelTask
    | Pause
    | Resume
    | Respond
    | Withdraw
    | Signal
)
