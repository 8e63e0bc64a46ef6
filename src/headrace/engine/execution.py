"""One run of one definition version, as the events so far have made it.

These are the mailbox's own working values, changed only by `evolve`; nobody else may keep them.
After a failed commit they are thrown away and read again from the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct, field

from headrace.definition.model import Action, TaskDefinition, WorkflowDefinition
from headrace.definition.outcomes import Failure, Usage
from headrace.definition.templates import ObjectOf
from headrace.engine.graph import Graph, Node
from headrace.engine.plans import Planned, Reason, Recording
from headrace.engine.states import TASK_FAILURES, ExecutionState, TaskState

ROOT = 0
"""Number of the scope that holds the workflow's own tasks."""
NO_ITEM = -1
"""Item of a task run that is not an element of a foreach."""

Variables = dict[str, Any]
"""Published names; shared between runs, so never changed in place."""
Rounds = dict[str, int]
"""Cycle task to the highest visit on the way here; shared, never changed in place."""

NOTHING: dict[str, Any] = {}
"""The one empty dictionary, so that ten thousand runs without values cost nothing; never changed."""


class Try(Struct, gc=False):
    """One attempt of a task run."""

    number: int
    """The attempt's number: its fence."""
    fallback: bool
    queued_at: float
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str | None = None
    """succeeded, failed, timed_out, cancelled or lost; None while it lives."""
    failure: Failure | None = None
    usage: Usage | None = None
    native: str | None = None
    node: str | None = None


class Foreach(Struct):
    """How far a foreach has come; belongs to its aggregate run."""

    items: Any
    """The list, or a reference to it when it is large."""
    count: int
    earlier: dict[int, Recording] = field(default_factory=dict)
    """Items whose results in an earlier execution are used again."""
    runs: list[int] = field(default_factory=list)
    """Number of each item's run, as far as begun, in order."""
    ended: int = 0
    failed: list[int] = field(default_factory=list)
    """Indexes of items that did not succeed, in order of ending."""


class TaskRun(Struct):
    """One task in one execution: (scope, task, visit, item)."""

    number: int
    scope: int
    task: str
    visit: int
    item: int
    created_at: float
    aggregate: int = 0
    """Run of the foreach that it is an element of; 0 when it is none."""
    state: TaskState = "waiting"
    reason: Reason | None = None
    started_at: float | None = None
    ended_at: float | None = None
    tries: list[Try] = field(default_factory=list)
    """Attempts in order; the last one is the current one."""
    input: dict[str, Any] = NOTHING
    """Rendered input, secrets left out."""
    sealed: ObjectOf | None = None
    outputs: dict[str, Any] = NOTHING
    failure: Failure | None = None
    timeout: float | None = None
    due_at: float | None = None
    """When a retry is due, or a wait is over or expires."""
    wait: Literal["approval", "time", "signal"] | None = None
    ending: Literal["cancelled", "timed_out"] | None = None
    """Asked to end early as this."""
    held: Literal["start", "again", "fallback"] | None = None
    """What it is ready to do, where the execution is paused."""
    foreach: Foreach | None = None
    taken: tuple[tuple[int, dict[str, Any]], ...] | None = None
    """Transitions taken at the end with what they published.

    None before the end, and where the end came when nothing led on any more.
    """
    earlier: int | None = None
    """The run of an earlier execution whose result stands here."""
    cause: int = 0
    """The run whose failure is why this one was skipped, however far behind it; 0 when none is."""
    variables: Variables = NOTHING
    rounds: Rounds = NOTHING

    @property
    def attempt(self) -> int:
        """Number of the current attempt, 0 before the first."""
        return self.tries[-1].number if self.tries else 0

    @property
    def current(self) -> Try | None:
        """The attempt that lives, if one does."""
        return self.tries[-1] if self.tries and self.tries[-1].outcome is None else None

    @property
    def fallback_used(self) -> bool:
        """Whether the fallback action ran."""
        return bool(self.tries) and self.tries[-1].fallback


class Pending(Struct):
    """Arrivals that wait for the next visit of a task."""

    sources: dict[str, bool] = field(default_factory=dict)
    """Source task to whether the join counts it, in order of the first arrival."""
    paths: list[tuple[Variables, Rounds]] = field(default_factory=list)
    """In order of arrival."""
    counted: int = 0
    begins: bool = False
    """A way back arrived, which begins the next visit alone."""


class Scope(Struct):
    """The tasks that live and end together: the workflow's own, or those of one attempt of a group."""

    number: int
    owner: int | None
    """Run of the group; None for the root."""
    graph: Graph
    variables: Variables
    """Variables at the entry."""
    active: int = 0
    """Runs that have begun and not ended."""
    visits: dict[str, int] = field(default_factory=dict)
    """Task to the number of begun visits."""
    begun: dict[str, Rounds] = field(default_factory=dict)
    """Task near a cycle to the rounds with which its last visit began."""
    pending: dict[str, Pending] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    """Task to how many of its sources have ended."""
    latest: dict[str, int] = field(default_factory=dict)
    """Task to the run of its last begun visit."""
    finished: dict[str, int] = field(default_factory=dict)
    """Task to the run of its highest visit that has ended."""
    unhandled: list[int] = field(default_factory=list)
    """Runs whose failure no taken transition leads from."""
    published: Variables = field(default_factory=dict)
    """Everything published inside; the last one wins."""
    reached: int = 0
    """How many of the graph's `cyclic` tasks, counted from the first, have begun."""
    end: Literal["cancelled", "timed_out"] | None = None
    """Being closed; nothing starts in it any more."""


class Changes(Struct):
    """What was touched since the last commit; drained into rows and alarms.  No part of the state."""

    runs: dict[int, None] = field(default_factory=dict)
    """Numbers of touched task runs, each once, in order."""
    timers: dict[str, float | None] = field(default_factory=dict)
    """Key of a timer to its due time; None is cleared."""


class Execution(Struct):
    """One run of one definition version."""

    definition: WorkflowDefinition
    graph: Graph
    number: int = 0
    id: str = ""
    workflow: int = 0
    version: int = 0
    state: ExecutionState = "pending"
    reason: Reason | None = None
    end: Literal["cancelled", "timed_out"] | None = None
    """The end that a cancelling execution leads to."""
    policy: Literal["cancel_running", "allow_finish"] = "cancel_running"
    inputs: dict[str, Any] = NOTHING
    outputs: dict[str, Any] = NOTHING
    variables: Variables = field(default_factory=dict)
    """The execution-wide map, in which the last commit wins."""
    warnings: tuple[Reason, ...] = ()
    flaws: list[tuple[str, Reason]] = field(default_factory=list)
    """Tasks and what broke there; they fail the execution at its end."""
    failed: tuple[int, ...] = ()
    """Root failures, known at the end."""
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    seed: int = 0
    depth: int = 0
    parent: int | None = None
    plan: dict[str, Planned] = NOTHING
    pins: dict[str, tuple[int, int]] = NOTHING
    labels: dict[str, str] = NOTHING
    credentials: tuple[str, ...] = ()
    """Names of the secret values that came with the start, which a later server does not have."""
    scopes: dict[int, Scope] = field(default_factory=dict)
    runs: dict[int, TaskRun] = field(default_factory=dict)
    """All task runs by number, in order of beginning."""
    live: dict[int, None] = field(default_factory=dict)
    """Numbers of runs that have begun and not ended, in order."""
    attempts: dict[int, int] = field(default_factory=dict)
    """Living attempt to its run: a report about any other attempt decides nothing."""
    timers: dict[str, float] = field(default_factory=dict)
    signals: dict[str, list[Any]] = field(default_factory=dict)
    """Signals that nobody has consumed yet."""
    awaiting: dict[str, dict[int, None]] = field(default_factory=dict)
    """Name of a signal to the runs that wait for it, the longest waiting first."""
    closing_run: int | None = None
    seq: int = 0
    """Number of events so far."""
    at: float = 0.0
    """Time of the last event."""
    changes: Changes = field(default_factory=Changes)

    def node(self, run: TaskRun) -> Node | None:
        """Return the run's place in its graph; None for the closing task, which has none."""
        return self.scopes[run.scope].graph.nodes.get(run.task)

    def task(self, run: TaskRun) -> TaskDefinition:
        """Return the definition of the run's task."""
        node = self.node(run)
        if node is not None:
            return node.task
        closing = self.definition.closing
        assert closing is not None
        return closing

    def failed_behind(self, run: TaskRun) -> dict[int, None]:
        """Return the numbers of the runs whose failure keeps a run from going on, in order of its sources.

        Behind a source that was skipped for the same reason that is the run that failed, not the source.
        """
        node, finished = self.node(run), self.scopes[run.scope].finished
        names = node.sources if node is not None else ()
        ended = (self.runs[finished[name]] for name in names if name in finished)
        return {
            each.cause or each.number: None for each in ended if each.cause or each.state in TASK_FAILURES
        }

    def action(self, run: TaskRun) -> Action:
        """Return what the run's last try does: its task's action, or the fallback."""
        task = self.task(run)
        if run.fallback_used:
            assert task.fallback is not None
            return task.fallback
        return task.action

    def is_closing(self, scope: Scope) -> bool:
        """Tell whether nothing may start in this scope any more.

        The closing task begins when everything else has ended, so from then on a cancel holds nothing back.
        """
        return scope.end is not None or (self.state == "cancelling" and self.closing_run is None)

    def inside(self, run: TaskRun) -> Scope | None:
        """Return the scope of the run's last try where that is a group."""
        scope = self.scopes.get(run.attempt)
        return scope if scope is not None and scope.owner == run.number else None

    def live_runs(self) -> Iterator[TaskRun]:
        """Yield the runs that have begun and not ended; safe while they end."""
        return (self.runs[number] for number in tuple(self.live))

    def root_runs(self) -> Iterable[tuple[TaskDefinition, TaskRun | None]]:
        """Yield each task of the workflow itself with its latest run, in written order."""
        root = self.scopes.get(ROOT)
        for node in self.graph.nodes.values():
            number = root.latest.get(node.name) if root else None
            yield node.task, None if number is None else self.runs[number]

    def waiting_for(self, task: str) -> tuple[str, ...]:
        """Return the names of the sources that a task which has not begun still waits for."""
        root = self.scopes.get(ROOT)
        sources = self.graph.nodes[task].sources
        return tuple(name for name in sources if root is None or name not in root.finished)


def blank(definition: WorkflowDefinition, graph: Graph | None = None) -> Execution:
    """Return an execution to which nothing has happened yet."""
    return Execution(definition=definition, graph=graph or Graph(definition.tasks))
