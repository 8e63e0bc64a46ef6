"""What happened.  Events are committed before anything is done or announced; replaying them is the execution.

Encoded as arrays with a tag: a field may be added at the end with a default, none may be removed or moved.
`run` is the number of a task run, `attempt` that of an attempt; times are Unix seconds.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from headrace.definition.outcomes import Failure, Usage
from headrace.definition.templates import ObjectOf
from headrace.engine.plans import Planned, Reason


class Event(Struct, frozen=True, array_like=True, gc=False):
    """What every event says first."""

    at: float


class ExecutionStarted(Event, frozen=True, tag=1):
    """The execution exists and runs; everything that it needs to go on is here."""

    number: int
    id: str
    workflow: int
    version: int
    inputs: dict[str, Any]
    seed: int
    depth: int
    parent: int | None
    plan: dict[str, Planned]
    pins: dict[str, tuple[int, int]]
    labels: dict[str, str]
    variables: dict[str, Any]
    """Execution-wide variables at the start, evaluated."""
    deadline: float | None
    credentials: tuple[str, ...] = ()
    """Names of the secret values that came with the start; the values are kept nowhere."""


class ExecutionPaused(Event, frozen=True, tag=2):
    """Nothing new starts."""

    reason: Reason


class ExecutionResumed(Event, frozen=True, tag=3):
    """What was held goes on."""


class ExecutionCancelling(Event, frozen=True, tag=4):
    """Nothing starts, retries or leads on any more; the end is settled."""

    end: Literal["cancelled", "timed_out"]
    reason: Reason
    policy: Literal["cancel_running", "allow_finish"]


class ExecutionFlawed(Event, frozen=True, tag=5):
    """Something broke that fails the execution at its end (a broken `when`, too many visits)."""

    reason: Reason
    task: str


class ExecutionEnded(Event, frozen=True, tag=6):
    """The execution is over."""

    state: Literal["succeeded", "failed", "cancelled", "timed_out"]
    reason: Reason | None
    outputs: dict[str, Any]
    warnings: tuple[Reason, ...]
    failed: tuple[int, ...]
    """Runs whose failure nobody handled: the root failures."""


class SignalReceived(Event, frozen=True, tag=7):
    """A signal came in and waits to be consumed."""

    name: str
    payload: Any


class CancelTightened(Event, frozen=True, tag=8):
    """What was left to end by itself is ended now: somebody asked for it, or the time was up."""


class VisitBegan(Event, frozen=True, tag=10):
    """A task run exists; its join is met (or found unmet), its arrivals are consumed."""

    run: int
    scope: int
    task: str
    visit: int
    item: int
    """-1 when it is not an element of a foreach."""
    aggregate: int = 0
    """Run of the foreach that it is an element of; 0 when it is none."""


class TaskHeld(Event, frozen=True, tag=11):
    """The task is ready, but the execution is paused."""

    run: int
    then: Literal["start", "again", "fallback"] = "start"
    """What it does when it goes on: its first attempt, the next one, or the fallback."""


class TaskQueued(Event, frozen=True, tag=12):
    """An attempt is scheduled; a runtime is to be given the job."""

    run: int
    attempt: int
    input: dict[str, Any] | None
    """Rendered input, secrets left out; None keeps that of the try before."""
    sealed: ObjectOf | None
    """Parts of the input that name a secret; put in at dispatch and never written."""
    timeout: float | None
    """Seconds per attempt."""
    fallback: bool


class TaskStarted(Event, frozen=True, tag=13):
    """The attempt runs."""

    run: int
    attempt: int
    native: str | None
    node: str | None


class TaskBlocked(Event, frozen=True, tag=14):
    """The task waits for an answer, a time or a signal."""

    run: int
    attempt: int
    wait: Literal["approval", "time", "signal"]
    input: dict[str, Any]
    """What is asked or waited for."""
    until: float | None
    """When the wait is over or expires."""
    fallback: bool = False


class GroupOpened(Event, frozen=True, tag=15):
    """An attempt of a group began; its number is the scope of the tasks inside."""

    run: int
    attempt: int
    until: float | None
    """When the attempt times out."""
    fallback: bool = False


class ItemsExpanded(Event, frozen=True, tag=16):
    """A foreach knows its elements."""

    run: int
    items: Any
    """The list (of batches, where a batch size is given)."""
    count: int
    is_earlier_list: bool = False
    """The list is that of the execution that is run again, so the planned results of its items are used."""


class AttemptFailed(Event, frozen=True, tag=17):
    """The attempt ended badly, and another try follows."""

    run: int
    attempt: int
    outcome: Literal["failed", "timed_out", "lost", "cancelled"]
    failure: Failure
    started_at: float | None
    usage: Usage | None
    retry_at: float | None
    """When the next attempt is due; None is at once."""
    native: str | None = None
    node: str | None = None
    """Where it ran, also of an attempt whose start was never told."""
    ended_at: float | None = None
    """When it ended, where that was long before the event; None is when the event happened."""


class TaskSucceeded(Event, frozen=True, tag=18):
    """The task ended well."""

    run: int
    attempt: int
    outputs: dict[str, Any]
    started_at: float | None
    usage: Usage | None
    native: str | None = None
    node: str | None = None
    """Where it ran, also of an attempt whose start was never told."""
    ended_at: float | None = None
    """When it ended, where that was long before the event; None is when the event happened."""


class TaskFailed(Event, frozen=True, tag=19):
    """The task ended badly for good; `attempt` is 0 when it broke before its start."""

    run: int
    attempt: int
    state: Literal["failed", "timed_out", "cancelled"]
    reason: Reason
    failure: Failure
    outputs: dict[str, Any]
    started_at: float | None
    usage: Usage | None
    native: str | None = None
    node: str | None = None
    """Where it ran, also of an attempt whose start was never told."""
    ended_at: float | None = None
    """When it ended, where that was long before the event; None is when the event happened."""


class TaskSkipped(Event, frozen=True, tag=20):
    """The task was not started, and this is why."""

    run: int
    reason: Reason


class TaskReused(Event, frozen=True, tag=21):
    """The result of an earlier execution stands for this run."""

    run: int
    state: Literal["succeeded", "failed", "timed_out", "skipped", "cancelled"]
    outputs: dict[str, Any]
    failure: Failure | None
    reason: Reason
    earlier: int
    published: dict[str, Any] = {}
    """Values published inside of it, where it is a group."""


class EndRequested(Event, frozen=True, tag=22):
    """The running attempt, or the open group, is to be ended early as this."""

    run: int
    end: Literal["cancelled", "timed_out"]
    reason: Reason


class TransitionsTaken(Event, frozen=True, tag=23):
    """An ended task leads on: index of each taken transition with the values that it publishes."""

    run: int
    taken: tuple[tuple[int, dict[str, Any]], ...]


class ArrivalsDropped(Event, frozen=True, tag=24):
    """Arrivals at a task that may begin no further visit."""

    scope: int
    task: str


class RunningLong(Event, frozen=True, tag=25):
    """The attempt has been running longer than its definition asked to be told."""

    run: int
    attempt: int


AnyEvent = (
    ExecutionStarted
    | ExecutionPaused
    | ExecutionResumed
    | ExecutionCancelling
    | ExecutionFlawed
    | ExecutionEnded
    | SignalReceived
    | CancelTightened
    | VisitBegan
    | TaskHeld
    | TaskQueued
    | TaskStarted
    | TaskBlocked
    | GroupOpened
    | ItemsExpanded
    | AttemptFailed
    | TaskSucceeded
    | TaskFailed
    | TaskSkipped
    | TaskReused
    | EndRequested
    | TransitionsTaken
    | ArrivalsDropped
    | RunningLong
)
