"""Random definitions, and a world that does to an execution whatever a world can do.

Everything is drawn beforehand as numbers, so that a failing world shrinks to a small one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal as OneOf

from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.definition import codec
from headrace.definition.model import (
    Action,
    AwaitApproval,
    AwaitSignal,
    AwaitTime,
    CallTask,
    Check,
    ForEach,
    Nothing,
    Retry,
    RunGroup,
    RunWorkflow,
    TaskDefinition,
    Transition,
    WorkflowDefinition,
)
from headrace.definition.outcomes import Failure
from headrace.definition.templates import Expr, Literal
from headrace.engine import commands, events, messages
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.evolve import evolve
from headrace.engine.execution import Execution, TaskRun, blank
from headrace.engine.plans import Planned
from headrace.engine.states import EXECUTION_ENDS
from headrace.errors import RequestError

CALL = CallTask(type="test.work")
START = 1_700_000_000.0
FORWARD = (*["succeeded()"] * 5, *["failed()"] * 2, None, "broken.here")
OUTCOMES = ("succeeded", "succeeded", "succeeded", "failed", "timed_out", "cancelled", "lost")
STARTS = (events.TaskQueued, events.TaskBlocked, events.GroupOpened, events.ItemsExpanded)
Outcome = OneOf["succeeded", "failed", "timed_out", "cancelled", "lost"]

some = st.sampled_from([False, False, True])
"""True now and then."""


@st.composite
def actions(draw: Any, prefix: str, depth: int) -> Action:
    kinds = (
        ["call"] * 5 + ["nothing", "child", "approval", "signal", "time"] + ["group"] * (2 if depth else 0)
    )
    match draw(st.sampled_from(kinds)):
        case "nothing":
            return Nothing()
        case "child":
            return RunWorkflow(workflow="other")
        case "approval":
            return AwaitApproval(timeout=draw(st.sampled_from([None, Literal(7)])))
        case "signal":
            return AwaitSignal(signal=Literal("go"), timeout=draw(st.sampled_from([None, Literal(7)])))
        case "time":
            return AwaitTime(seconds=draw(st.sampled_from([Literal(0), Literal(5), Expr("broken.here")])))
        case "group":
            return RunGroup(tasks=draw(graphs(f"{prefix}.", depth - 1)))
        case _:
            return CALL


@st.composite
def tasks(draw: Any, name: str, edges: tuple[Transition, ...], depth: int) -> TaskDefinition:
    check = draw(st.sampled_from([None] * 10 + ["false", "broken.here"]))
    has_timeout = draw(some)
    return TaskDefinition(
        name=name,
        action=draw(actions(name, depth)),
        next=edges,
        join=draw(st.sampled_from(["all", "any", 1, 2])),
        checks=() if check is None else (Check(expression=check, code="no", sentence=Literal("No.")),),
        items=draw(for_each) if draw(some) else None,
        retry=draw(retries) if draw(some) else None,
        fallback=draw(actions(f"{name}.f", 0)) if draw(some) else None,
        timeout=Literal(9) if has_timeout else None,
        mark_after=timedelta(seconds=4) if has_timeout else None,
        repeatable=draw(st.sampled_from([None, True])),
    )


for_each = st.builds(
    ForEach,
    items=st.sampled_from([Literal([1, 2, 3]), Literal([1, 2, 3, 4, 5]), Literal([]), Expr("broken.here")]),
    concurrency=st.integers(1, 3),
    batch_size=st.sampled_from([None, 2]),
    fail_fast=st.booleans(),
)
retries = st.builds(
    Retry,
    count=st.integers(1, 2),
    delay=st.sampled_from([timedelta(0), timedelta(seconds=5)]),
    on=st.sampled_from([None, "failed()", "broken.here"]),
)


@st.composite
def edges_forward(draw: Any, later: list[str]) -> list[Transition]:
    chosen = [name for name in later if draw(st.booleans())]
    edges = [Transition(to=(name,), when=draw(st.sampled_from(FORWARD))) for name in chosen]
    if draw(some):
        edges.append(Transition(publish=(("x", Expr("result().visit")),)))
    if later and draw(some):
        edges.append(Transition(to=(later[-1],), resolved=True))
    return edges


@st.composite
def graphs(draw: Any, prefix: str = "t", depth: int = 1, *, loops: bool = True) -> tuple[TaskDefinition, ...]:
    """Tasks with any edges forward, and ways back that end after some rounds."""
    count = draw(st.integers(3, 6) if depth else st.integers(1, 3))
    names = [f"{prefix}{index}" for index in range(count)]
    made = []
    for index, name in enumerate(names):
        edges = draw(edges_forward(names[index + 1 :]))
        if loops and draw(some):
            back = draw(st.sampled_from(names[: index + 1]))
            edges.append(Transition(to=(back,), when=f"result().visit < {draw(st.integers(1, 3))}"))
        made.append(draw(tasks(name, tuple(edges), depth)))
    return tuple(made)


@st.composite
def timeless_graphs(draw: Any, prefix: str = "t", depth: int = 1) -> tuple[TaskDefinition, ...]:
    """Tasks in whose fate the clock has no say; a loop is left only after its last round."""
    count = draw(st.integers(2, 6 if depth else 4))
    names = [f"{prefix}{index}" for index in range(count)]
    made = []
    for index, name in enumerate(names):
        edges = draw(edges_forward(names[index + 1 :]))
        rounds = draw(st.integers(1, 3)) if draw(some) else 1
        if rounds > 1:
            last = f"result().visit == {rounds}"
            edges = [replace(edge, when=f"({edge.when or 'true'}) and {last}") for edge in edges]
            edges.append(Transition(to=(name,), when=f"result().visit < {rounds}"))
        action: Action = draw(st.sampled_from([CALL, CALL, Nothing()]))
        if depth and draw(some):
            action = RunGroup(tasks=draw(timeless_graphs(f"{name}.", 0)))
        concurrency = draw(st.integers(0, 3))
        made.append(
            TaskDefinition(
                name=name,
                action=action,
                next=tuple(edges),
                join=draw(st.sampled_from(["all", "any", 2])),
                items=ForEach(items=Literal([1, 2, 3]), concurrency=concurrency) if concurrency else None,
                retry=draw(retries) if draw(some) else None,
                fallback=CALL if draw(some) else None,
            )
        )
    return tuple(made)


@st.composite
def definitions(draw: Any) -> WorkflowDefinition:
    closing = draw(tasks("closing", (), 1)) if draw(some) else None
    return WorkflowDefinition(
        name="random",
        dialect="test",
        tasks=draw(graphs(loops=draw(st.booleans()))),
        closing=closing,
        timeout=timedelta(seconds=40) if draw(some) else None,
        unhandled=draw(st.sampled_from(["not_taken", "every_failure"])),
        max_visits=draw(st.sampled_from([2, 5])),
    )


def deeds_of(seed: int, count: int) -> list[tuple[int, int]]:
    chance = random.Random(seed)
    return [(chance.randrange(20), chance.randrange(1000)) for _ in range(count)]


deeds = st.builds(deeds_of, st.integers(0, 2**32), st.integers(0, 60))
"""What the world does: a kind and which one.  Drawn lists would be short; a seed gives more."""


class World:
    """One execution, a twin that decides the same on its own, and the journal that both must equal."""

    def __init__(self, definition: WorkflowDefinition, plan: dict[str, Planned] | None = None) -> None:
        self.prepare(definition)
        self.tell(
            messages.Start(number=1000, id="x", workflow=1, version=1, inputs={}, seed=7, plan=plan or {})
        )

    def prepare(self, definition: WorkflowDefinition) -> None:
        """Make an execution that nobody has started."""
        self.definition = definition
        self.execution = blank(definition)
        self.twin = blank(definition, self.execution.graph)
        self.journal: list[events.AnyEvent] = []
        self.reports: list[messages.Message] = []
        self.now = START
        self.next_number = 1001

    def tell(self, message: messages.Message) -> list[events.AnyEvent] | None:
        """Let both decide; None is a refusal, which leaves everything as it was."""
        numbers, twins = itertools.count(self.next_number), itertools.count(self.next_number)
        before = self.execution.seq
        try:
            happened = decide(self.execution, message, Moment(at=self.now, take=lambda: next(numbers)))
        except RequestError:
            happened = None
        if happened is None:
            assert self.execution.seq == before, "something was decided and then refused"
            return None
        same = decide(self.twin, message, Moment(at=self.now, take=lambda: next(twins)))
        assert same == happened, "two executions decided differently"
        self.journal += [codec.decode(codec.encode(event), events.AnyEvent) for event in happened]  # type: ignore[arg-type]
        self.next_number = next(numbers)
        self._check(happened)
        return happened

    def crash(self) -> None:
        """Forget everything but the journal."""
        self.execution = evolve(blank(self.definition, self.execution.graph), self.journal)
        assert same_state(self.execution, self.twin), "the journal tells another story"

    def do(self, kind: int, which: int) -> None:
        """Do one of all things that can be done."""
        if kind <= 6:
            self.report(which, OUTCOMES[kind])
        elif kind <= 9:
            self.fire(which)
        elif kind == 10 and self.execution.attempts:
            attempt = pick(list(self.execution.attempts), which)
            self.tell(messages.AttemptStarted(attempt=attempt, at=self.now))
        elif kind == 11:
            self.crash()
        elif kind == 12 and self.reports:
            assert self.tell(pick(self.reports, which)) == [], "an old report decided something"
        else:
            self.tell(self.request(kind, which))

    def request(self, kind: int, which: int) -> messages.Message:
        """Return one of all requests that can be made."""
        run = pick([*self.execution.runs, 1], which)
        match kind:
            case 13:
                return messages.Pause()
            case 14:
                return messages.Resume()
            case 15:
                return messages.CancelTask(run=run)
            case 16 if which < 300:
                return messages.Cancel(policy="allow_finish" if which % 2 else "cancel_running")
            case 17:
                return messages.Withdraw(run=run)
            case 18:
                return messages.Respond(run=run, outputs={"ok": True})
            case _:
                return messages.Signal(name="go", payload=which)

    def report(self, which: int, outcome: str) -> None:
        """Let one of the jobs end; what was told once is told again and decides nothing."""
        jobs = [run for run in self.execution.live_runs() if commands.is_job(self.execution, run)]
        if not jobs:
            return
        failure = Failure(code="made_up", message="It failed.", final=which % 5 == 0)
        report = messages.AttemptEnded(
            attempt=pick(jobs, which).attempt,
            outcome=outcome,  # type: ignore[arg-type]
            started_at=self.now,
            ended_at=self.now,
            failure=None if outcome == "succeeded" else failure,
        )
        self.tell(report)
        self.reports.append(report)
        assert self.tell(report) == [], "a repeated report decided something"

    def fire(self, which: int) -> None:
        """Let time pass until one of the timers is due."""
        if self.execution.timers:
            key = pick(list(self.execution.timers), which)
            self.now = max(self.now, self.execution.timers[key])
            self.tell(messages.TimerFired(key=key))

    def finish(self) -> None:
        """Do whatever is waited for until the execution has ended."""
        for _ in range(3000):
            if self.execution.state in EXECUTION_ENDS:
                return
            self._help()
        raise AssertionError("the execution never ends")

    def _help(self) -> None:
        if self.execution.state == "paused":
            self.tell(messages.Resume())
        for run in self.execution.live_runs():
            if run.number not in self.execution.live:
                continue
            if run.wait == "approval":
                self.tell(messages.Respond(run=run.number, outputs={}))
            elif run.wait == "signal":
                self.tell(messages.Signal(name="go"))
            elif commands.is_job(self.execution, run):
                self.tell(
                    messages.AttemptEnded(
                        attempt=run.attempt, outcome="succeeded", started_at=None, ended_at=self.now
                    )
                )
        waits = [key for key in self.execution.timers if key.startswith(("wait", "retry"))]
        if waits:
            self.now = max(self.now, *(self.execution.timers[key] for key in waits))
            self.tell(messages.TimerFired(key=waits[0]))

    def _check(self, happened: list[events.AnyEvent]) -> None:
        execution = self.execution
        todo = commands.outstanding(execution)
        assert all(command in todo for command in commands.commands(execution, happened))
        stuck = [run.task for run in execution.live_runs() if not has_reason_to_wait(execution, run)]
        assert not stuck, f"nobody will ever wake {stuck}"
        assert execution.state in EXECUTION_ENDS or execution.live, "a living execution without a living run"
        if execution.state == "cancelling" and execution.closing_run is None:
            assert not any(isinstance(event, STARTS) for event in happened), (
                "something started while cancelling"
            )
        assert list(inconsistencies(execution)) == []
        assert execution.state not in EXECUTION_ENDS or list(leftovers(execution)) == []


def pick(among: list[Any], which: int) -> Any:
    return among[which % len(among)]


def same_state(one: Execution, other: Execution) -> bool:
    for execution in (one, other):
        execution.changes.runs.clear()
        execution.changes.timers.clear()
    return one == other


def has_reason_to_wait(execution: Execution, run: TaskRun) -> bool:
    """A job, an answer, a time, a signal, a pause, or something inside that has one of these."""
    if run.held is not None:
        return execution.state == "paused"
    if commands.is_job(execution, run):
        return True
    if run.state == "blocked":
        return run.wait in ("approval", "signal") or f"wait:{run.attempt}" in execution.timers
    if run.state == "retrying":
        return f"retry:{run.number}" in execution.timers
    inside = execution.inside(run)
    if inside is not None:
        return inside.active > 0
    return run.foreach is not None and any(number in execution.live for number in run.foreach.runs)


def leftovers(execution: Execution) -> Iterator[str]:
    """What was never decided although the execution has ended: every task has come to an end that is told."""
    for scope in execution.scopes.values():
        yield from (f"'{name}' never began" for name in scope.graph.nodes if name not in scope.visits)
        if scope.end is None and execution.end is None:
            yield from (f"an arrival at '{name}' was forgotten" for name in scope.pending)


def inconsistencies(execution: Execution) -> Iterator[str]:
    """What is written down twice must be the same twice."""
    living = [run for run in execution.runs.values() if run.ended_at is None]
    if [run.number for run in living] != list(execution.live):
        yield "the living runs are others"
    attempts = {run.current.number: run.number for run in execution.runs.values() if run.current is not None}
    if attempts != execution.attempts:
        yield "the living attempts are others"
    for scope in execution.scopes.values():
        if scope.active != sum(run.scope == scope.number for run in living):
            yield f"scope {scope.number} miscounts its living runs"
    waiting = {run.number for run in living if run.wait == "signal"}
    if waiting != {number for runs in execution.awaiting.values() for number in runs}:
        yield "the runs that wait for a signal are others"
    for key in execution.timers:
        kind, _, number = key.partition(":")
        known = execution.live if kind == "retry" else execution.attempts
        if number and int(number) not in known:
            yield f"timer {key} belongs to nobody"
    for run in execution.runs.values():
        foreach = run.foreach
        if foreach is not None and foreach.ended != sum(n not in execution.live for n in foreach.runs):
            yield f"foreach {run.number} miscounts its ended items"
