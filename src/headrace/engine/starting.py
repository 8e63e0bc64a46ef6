"""From a met join to a scheduled attempt: plan, checks, items, rendered input."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, assert_never

from headrace.definition.model import (
    Action,
    AwaitApproval,
    AwaitSignal,
    AwaitTime,
    CallTask,
    ForEach,
    Nothing,
    RunCommand,
    RunGroup,
    RunWorkflow,
)
from headrace.definition.outcomes import Failure
from headrace.definition.templates import Expr, Template, Text, ValueRef
from headrace.engine import events
from headrace.engine.arrivals import is_ready, is_unmet, missing_sources
from headrace.engine.decision import Decision
from headrace.engine.ending import Told, after_end, fail, give_up, succeed
from headrace.engine.execution import NO_ITEM, NOTHING, ROOT, Scope, TaskRun
from headrace.engine.graph import Node
from headrace.engine.names import Names
from headrace.engine.plans import Reason, Recording
from headrace.engine.rendering import explained, render_object, render_value, seconds
from headrace.expressions import ExpressionError, NeedsValue, TooLarge, as_text, holds, parse, render

Then = Literal["start", "again", "fallback"]

SHOWN_NAMES = 10
"""How many task names a reason lists before it counts."""


def enter(decision: Decision, scope: Scope, task: str) -> None:
    """Begin a task with which its scope begins."""
    _begin_visit(decision, scope, scope.graph.nodes[task])


def consider(decision: Decision, scope: Scope, task: str) -> None:
    """Begin the next visit of a task if it is ready, or skip it if that can never happen."""
    node = scope.graph.nodes[task]
    if is_ready(scope, node):
        _begin_visit(decision, scope, node)
    elif is_unmet(scope, node):
        skip_unreached(decision, scope, node)


def skip_unreached(decision: Decision, scope: Scope, node: Node) -> None:
    """Skip a task whose join cannot be met, naming the sources that did not lead there."""
    missing = missing_sources(scope, node)
    run = new_run(decision, scope, node.name, scope.visits.get(node.name, 0) + 1)
    kept = _recording(decision, run)
    if kept is not None and kept.state == "skipped":
        _reuse(decision, run, kept)
    else:
        decision.emit(events.TaskSkipped(decision.at, run.number, _unmet(node, missing)))
    after_end(decision, run)


def new_run(decision: Decision, scope: Scope, task: str, visit: int) -> TaskRun:
    """State that a task run exists, and return it."""
    number = decision.take()
    decision.emit(events.VisitBegan(decision.at, number, scope.number, task, visit, NO_ITEM))
    return decision.execution.runs[number]


def new_item(decision: Decision, aggregate: TaskRun, index: int) -> TaskRun:
    """State that the run of an element of a foreach exists, and return it."""
    number = decision.take()
    scope, task, visit = aggregate.scope, aggregate.task, aggregate.visit
    decision.emit(events.VisitBegan(decision.at, number, scope, task, visit, index, aggregate.number))
    return decision.execution.runs[number]


def start(decision: Decision, run: TaskRun) -> None:
    """Take a new run as far as it goes now: by its plan, past its checks, to an attempt."""
    if run.scope == ROOT and decision.execution.plan and _start_by_plan(decision, run):
        return
    if decision.execution.task(run).checks and not _checks_hold(decision, run):
        return
    go_on(decision, run, "start")


def go_on(decision: Decision, run: TaskRun, then: Then) -> None:
    """Make the first or the next attempt of a run, or hold it while the execution is paused."""
    if decision.execution.state == "paused":
        decision.emit(events.TaskHeld(decision.at, run.number, then))
        return
    task = decision.execution.task(run)
    match then:
        case "start" if task.items is not None and run.item == NO_ITEM:
            _expand(decision, run, task.items)
        case "start":
            _attempt(decision, run, task.action)
        case "again":
            _attempt_again(decision, run)
        case "fallback":
            _attempt_fallback(decision, run)
        case _:
            assert_never(then)


def broken(error: ExpressionError, place: str) -> Failure:
    """Return the failure of a task whose expression has no value."""
    part = f" '{error.part}'" if error.part else ""
    code = error.code if isinstance(error, TooLarge) else "expression"
    return Failure(code=code, message=f"{place}{part}: {explained(error)}", final=True)


def fill_window(decision: Decision, run: TaskRun) -> None:
    """Begin as many items of a foreach as its window has room for."""
    foreach = run.foreach
    items = decision.execution.task(run).items
    assert foreach is not None and items is not None
    while len(foreach.runs) < foreach.count and len(foreach.runs) - foreach.ended < items.concurrency:
        if items.fail_fast and foreach.failed:
            return
        index = len(foreach.runs)
        item = new_item(decision, run, index)
        earlier = foreach.earlier.get(index)
        if earlier is None:
            go_on(decision, item, "start")
            continue
        _reuse(decision, item, earlier)


def _begin_visit(decision: Decision, scope: Scope, node: Node) -> None:
    visit = scope.visits.get(node.name, 0) + 1
    limit = decision.execution.definition.max_visits
    if visit > limit:
        sentence = f"Task '{node.name}' exceeded {limit} visits"
        reason = Reason("too_many_visits", sentence)
        decision.emit(events.ExecutionFlawed(decision.at, reason, node.name))
        decision.emit(events.ArrivalsDropped(decision.at, scope.number, node.name))
        return
    start(decision, new_run(decision, scope, node.name, visit))


def _unmet(node: Node, missing: list[str]) -> Reason:
    named = ", ".join(f"'{name}'" for name in missing[:SHOWN_NAMES])
    if len(missing) > SHOWN_NAMES:
        named += f" and {len(missing) - SHOWN_NAMES} more"
    if not missing:
        return Reason("join_unmet", f"No task led to '{node.name}'.")
    return Reason("join_unmet", f"{named} did not lead to '{node.name}'.")


def _start_by_plan(decision: Decision, run: TaskRun) -> bool:
    planned = decision.execution.plan.get(run.task)
    if planned is None:
        return False
    at = decision.at
    match planned.mode:
        case "run":
            return False
        case "skip":
            decision.emit(events.TaskSkipped(at, run.number, planned.reason))
        case "noop":
            decision.emit(events.TaskSucceeded(at, run.number, 0, NOTHING, None, None))
        case "reuse":
            kept = _recording(decision, run)
            if kept is None:
                return False
            _reuse(decision, run, kept)
        case _:
            assert_never(planned.mode)
    after_end(decision, run)
    return True


def _recording(decision: Decision, run: TaskRun) -> Recording | None:
    """Return what this visit came to in the execution that is run again, where that is to be reused."""
    planned = decision.execution.plan.get(run.task) if run.scope == ROOT else None
    if planned is None or run.visit > len(planned.recordings):
        return None
    return planned.recordings[run.visit - 1]


def _reuse(decision: Decision, run: TaskRun, kept: Recording) -> None:
    reason = kept.reason or decision.execution.plan[run.task].reason
    decision.emit(
        events.TaskReused(
            decision.at, run.number, kept.state, kept.outputs, kept.failure, reason, kept.run, kept.published
        )
    )


def _checks_hold(decision: Decision, run: TaskRun) -> bool:
    names = decision.names(run)
    for check in decision.execution.task(run).checks:
        try:
            if holds(parse(check.expression), names):
                continue
            sentence = as_text(render(check.sentence, names))
        except ExpressionError as error:
            error.written = error.written or check.written
            fail(decision, run, broken(error, f"task '{run.task}' condition"))
            return False
        decision.emit(events.TaskSkipped(decision.at, run.number, Reason(check.code, sentence)))
        after_end(decision, run)
        return False
    return True


def _expand(decision: Decision, run: TaskRun, items: ForEach) -> None:
    try:
        value = render_value(items.items, decision.names(run))
    except ExpressionError as error:
        fail(decision, run, broken(error, f"task '{run.task}' items"))
        return
    value = _loaded(decision, value)
    if value is None:
        value = []
    elif not isinstance(value, list):
        value = [value]
    if items.batch_size is not None:
        size = items.batch_size
        value = [value[first : first + size] for first in range(0, len(value), size)]
    planned = decision.execution.plan.get(run.task) if run.scope == ROOT else None
    is_earlier_list = (
        planned is not None and bool(planned.items) and value == _loaded(decision, planned.item_list)
    )
    decision.emit(events.ItemsExpanded(decision.at, run.number, value, len(value), is_earlier_list))
    decision.aggregates.append(run)


def _loaded(decision: Decision, value: Any) -> Any:
    """Return a value that may have been a reference to a large one; raises NeedsValue."""
    if not isinstance(value, ValueRef):
        return value
    if value.sha256 not in decision.moment.values:
        raise NeedsValue((value,))
    return decision.moment.values[value.sha256]


def _attempt(decision: Decision, run: TaskRun, action: Action) -> None:
    """Make an attempt with freshly rendered input; what breaks there fails the task."""
    try:
        _begin_try(decision, run, action, fallback=False)
    except ExpressionError as error:
        fail(decision, run, broken(error, f"task '{run.task}' input"))


def _attempt_again(decision: Decision, run: TaskRun) -> None:
    """Make another attempt with the input of the one before."""
    action = decision.execution.task(run).action
    if isinstance(action, (CallTask, RunCommand, RunWorkflow)):
        number = decision.take()
        decision.emit(events.TaskQueued(decision.at, run.number, number, None, None, None, fallback=False))
    else:
        _attempt(decision, run, action)


def _attempt_fallback(decision: Decision, run: TaskRun) -> None:
    """Make the last attempt; when it breaks before its start, nothing else follows."""
    action = decision.execution.task(run).fallback
    assert action is not None
    try:
        _begin_try(decision, run, action, fallback=True)
    except ExpressionError as error:
        give_up(decision, run, broken(error, f"task '{run.task}' fallback"))


def _begin_try(decision: Decision, run: TaskRun, action: Action, *, fallback: bool) -> None:
    names = decision.names(run)
    timeout = seconds(decision.execution.task(run).timeout, names)
    match action:
        case CallTask() | RunWorkflow() | RunCommand():
            parts = _command_parts(action) if isinstance(action, RunCommand) else action.inputs
            input, sealed = render_object(parts, names) if parts else (NOTHING, None)
            number = decision.take()
            decision.emit(
                events.TaskQueued(decision.at, run.number, number, input, sealed, timeout, fallback)
            )
        case Nothing():
            decision.emit(events.TaskSucceeded(decision.at, run.number, 0, NOTHING, None, None))
            after_end(decision, run)
        case RunGroup():
            number = decision.take()
            until = None if timeout is None else decision.at + timeout
            decision.emit(events.GroupOpened(decision.at, run.number, number, until, fallback))
            open_scope(decision, decision.execution.scopes[number])
        case AwaitApproval() | AwaitTime() | AwaitSignal():
            _block(decision, run, _wait(decision, action, names), timeout, fallback=fallback)
        case _:
            assert_never(action)


def _command_parts(action: RunCommand) -> dict[str, Template]:
    parts: dict[str, Template] = {}
    if action.argv is not None:
        parts.update({f"argv.{index}": part for index, part in enumerate(action.argv)})
    if action.environment:
        parts.update({f"environment.{name}": value for name, value in action.environment.items()})
    if action.stdin is not None:
        parts["stdin"] = action.stdin
    if isinstance(action.directory, (Expr, Text)):
        parts["directory"] = action.directory
    if action.recording is not None:
        parts.update({f"source.{index}": part for index, part in enumerate(action.recording.sources)})
    return parts


def open_scope(decision: Decision, scope: Scope) -> None:
    """Put the entries of a new scope on the list."""
    decision.entries.extend((scope, name) for name in scope.graph.entries)
    decision.resting.append(scope)


class _Wait(NamedTuple):
    kind: Literal["approval", "time", "signal"]
    input: dict[str, Any]
    limit: float | None
    """Seconds until the wait is over or expires."""


def _wait(decision: Decision, action: AwaitApproval | AwaitTime | AwaitSignal, names: Names) -> _Wait:
    """Work out what is waited for and how long."""
    match action:
        case AwaitApproval():
            asked, _ = render_object(action.details, names)
            if action.prompt is not None:
                asked = {**asked, "prompt": render_value(action.prompt, names)}
            return _Wait("approval", asked, seconds(action.timeout, names))
        case AwaitSignal():
            asked = {"signal": as_text(render_value(action.signal, names))}
            return _Wait("signal", asked, seconds(action.timeout, names))
        case AwaitTime():
            until = seconds(action.until, names)
            if until is not None:
                return _Wait("time", NOTHING, max(0.0, until - decision.at))
            return _Wait("time", NOTHING, seconds(action.seconds, names) or 0.0)
        case _:
            assert_never(action)


def _block(decision: Decision, run: TaskRun, wait: _Wait, timeout: float | None, *, fallback: bool) -> None:
    limit = wait.limit
    if timeout is not None and wait.kind != "time":
        limit = timeout if limit is None else min(limit, timeout)
    until = None if limit is None else decision.at + limit
    number = decision.take()
    decision.emit(events.TaskBlocked(decision.at, run.number, number, wait.kind, wait.input, until, fallback))
    if wait.kind == "signal" and (kept := decision.execution.signals.get(wait.input["signal"])):
        succeed(decision, run, {"payload": kept[0]}, Told(started_at=decision.at))
