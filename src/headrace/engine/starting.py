"""From a met join to a scheduled attempt: plan, checks, items, rendered input."""

from __future__ import annotations

from typing import Any

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
from headrace.definition.templates import Template, ValueRef
from headrace.engine import events
from headrace.engine.arrivals import is_ready, is_unmet, missing_sources
from headrace.engine.decision import Decision
from headrace.engine.ending import after_end, fail, may_retry
from headrace.engine.execution import NO_ITEM, NOTHING, ROOT, Scope, TaskRun
from headrace.engine.graph import Node
from headrace.engine.names import Names
from headrace.engine.plans import Reason
from headrace.engine.rendering import render_object, render_value, seconds
from headrace.expressions import ExpressionError, NeedsValue, as_text, evaluate, holds, parse, render

SHOWN_NAMES = 10
"""How many task names a reason lists before it counts."""


def consider(decision: Decision, scope: Scope, task: str, is_entry: bool) -> None:
    """Begin the next visit of a task if it is ready, or skip it if that can never happen."""
    if decision.is_closing(scope):
        return
    node = scope.graph.nodes[task]
    if is_entry or is_ready(scope, node):
        _begin_visit(decision, scope, node)
    elif is_unmet(scope, node):
        skip_unreached(decision, scope, node)


def skip_unreached(decision: Decision, scope: Scope, node: Node) -> None:
    """Skip a task whose join cannot be met, naming the sources that did not lead there."""
    missing = missing_sources(scope, node)
    run = new_run(decision, scope, node.name, scope.visits.get(node.name, 0) + 1)
    decision.emit(events.TaskSkipped(decision.at, run.number, _unmet(node, missing)))
    after_end(decision, run)


def new_run(decision: Decision, scope: Scope, task: str, visit: int, item: int = NO_ITEM) -> TaskRun:
    """State that a task run exists, and return it."""
    number = decision.take()
    decision.emit(events.VisitBegan(decision.at, number, scope.number, task, visit, item))
    return decision.execution.runs[number]


def start(decision: Decision, run: TaskRun) -> None:
    """Take a new run as far as it goes now: by its plan, past its checks, to an attempt."""
    if run.scope == ROOT and decision.execution.plan and _start_by_plan(decision, run):
        return
    if decision.execution.task(run).checks and not _checks_hold(decision, run):
        return
    if decision.execution.state == "paused":
        decision.emit(events.TaskHeld(decision.at, run.number))
    else:
        first_attempt(decision, run)


def first_attempt(decision: Decision, run: TaskRun) -> None:
    """Expand a foreach, or make the first attempt of its action."""
    task = decision.execution.task(run)
    if task.items is not None and run.item == NO_ITEM:
        _expand(decision, run, task.items)
    else:
        attempt(decision, run, task.action)


def attempt(decision: Decision, run: TaskRun, action: Action, *, fallback: bool = False) -> None:
    """Make the next attempt of a run with freshly rendered input; what breaks there fails the task."""
    try:
        _attempt(decision, run, action, fallback)
    except ExpressionError as error:
        fail(decision, run, broken(error, f"task '{run.task}' input"), before_start=True)


def attempt_again(decision: Decision, run: TaskRun) -> None:
    """Make another attempt with the input of the one before."""
    action = decision.execution.task(run).action
    if isinstance(action, (CallTask, RunCommand, RunWorkflow)):
        number = decision.take()
        decision.emit(events.TaskQueued(decision.at, run.number, number, None, None, None, False))
    else:
        attempt(decision, run, action)


def go_on(decision: Decision, run: TaskRun, *, fallback: bool) -> None:
    """Make the attempt that follows a failed one, or hold it while the execution is paused."""
    if decision.is_closing(decision.execution.scopes[run.scope]):
        return
    if decision.execution.state == "paused":
        decision.emit(events.TaskHeld(decision.at, run.number))
    elif fallback:
        action = decision.execution.task(run).fallback
        assert action is not None
        attempt(decision, run, action, fallback=True)
    else:
        attempt_again(decision, run)


def release(decision: Decision, run: TaskRun) -> None:
    """Go on with a run that was held by a pause."""
    if not run.tries:
        first_attempt(decision, run)
    else:
        has_fallback = decision.execution.task(run).fallback is not None
        go_on(decision, run, fallback=has_fallback and not may_retry(decision, run))


def broken(error: ExpressionError, place: str) -> Failure:
    """Return the failure of a task whose expression has no value."""
    return Failure(code="expression", message=f"{place}: {error.message}", final=True)


def fill_window(decision: Decision, run: TaskRun) -> None:
    """Begin as many items of a foreach as its window has room for."""
    foreach = run.foreach
    items = decision.execution.task(run).items
    assert foreach is not None and items is not None
    scope = decision.execution.scopes[run.scope]
    planned = decision.execution.plan.get(run.task) if run.scope == ROOT else None
    while len(foreach.runs) < foreach.count and len(foreach.runs) - foreach.ended < items.concurrency:
        index = len(foreach.runs)
        item = new_run(decision, scope, run.task, run.visit, index)
        earlier = planned.items.get(index) if planned and planned.item_list == foreach.items else None
        if earlier is not None:
            reason = Reason("reused", "The item succeeded in the earlier execution.")
            decision.emit(
                events.TaskReused(
                    decision.at, item.number, earlier.state, earlier.outputs, None, reason, earlier.run
                )
            )
            after_end(decision, item)
        elif decision.execution.state == "paused":
            decision.emit(events.TaskHeld(decision.at, item.number))
        else:
            attempt(decision, item, decision.execution.task(run).action)


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
    if planned is None or planned.mode == "run":
        return False
    at = decision.at
    match planned.mode:
        case "skip":
            decision.emit(events.TaskSkipped(at, run.number, planned.reason))
        case "noop":
            decision.emit(events.TaskSucceeded(at, run.number, 0, NOTHING, None, None))
        case "reuse":
            if run.visit > len(planned.recordings):
                return False
            kept = planned.recordings[run.visit - 1]
            decision.emit(
                events.TaskReused(
                    at, run.number, kept.state, kept.outputs, kept.failure, planned.reason, kept.run
                )
            )
    after_end(decision, run)
    return True


def _checks_hold(decision: Decision, run: TaskRun) -> bool:
    names = decision.names(run)
    for check in decision.execution.task(run).checks:
        try:
            if holds(parse(check.expression), names):
                continue
            sentence = as_text(render(check.sentence, names))
        except ExpressionError as error:
            fail(decision, run, broken(error, f"task '{run.task}' condition"), before_start=True)
            return False
        decision.emit(events.TaskSkipped(decision.at, run.number, Reason(check.code, sentence)))
        after_end(decision, run)
        return False
    return True


def _expand(decision: Decision, run: TaskRun, items: ForEach) -> None:
    try:
        value = render_value(items.items, decision.names(run))
    except ExpressionError as error:
        fail(decision, run, broken(error, f"task '{run.task}' items"), before_start=True)
        return
    if isinstance(value, ValueRef):
        if value.sha256 not in decision.moment.values:
            raise NeedsValue((value,))
        value = decision.moment.values[value.sha256]
    if value is None:
        value = []
    elif not isinstance(value, list):
        value = [value]
    if items.batch_size is not None:
        size = items.batch_size
        value = [value[first : first + size] for first in range(0, len(value), size)]
    decision.emit(events.ItemsExpanded(decision.at, run.number, value, len(value)))
    decision.aggregates.append(run)


def _attempt(decision: Decision, run: TaskRun, action: Action, fallback: bool) -> None:
    names = decision.names(run)
    timeout = seconds(decision.execution.task(run).timeout, names)
    match action:
        case CallTask(inputs=inputs) | RunWorkflow(inputs=inputs):
            _queue(decision, run, inputs, names, timeout, fallback)
        case RunCommand():
            _queue(decision, run, _command_parts(action), names, timeout, fallback)
        case Nothing():
            decision.emit(events.TaskSucceeded(decision.at, run.number, 0, NOTHING, None, None))
            after_end(decision, run)
        case RunGroup():
            _open_group(decision, run, timeout)
        case AwaitApproval() | AwaitTime() | AwaitSignal():
            _block(decision, run, action, names)


def _queue(
    decision: Decision,
    run: TaskRun,
    parts: dict[str, Template],
    names: Names,
    timeout: float | None,
    fallback: bool,
) -> None:
    input, sealed = render_object(parts, names) if parts else (NOTHING, None)
    number = decision.take()
    decision.emit(events.TaskQueued(decision.at, run.number, number, input, sealed, timeout, fallback))


def _command_parts(action: RunCommand) -> dict[str, Template]:
    parts: dict[str, Template] = {}
    if action.argv is not None:
        parts.update({f"argv.{index}": part for index, part in enumerate(action.argv)})
    if action.environment:
        parts.update({f"environment.{name}": value for name, value in action.environment.items()})
    if action.stdin is not None:
        parts["stdin"] = action.stdin
    return parts


def _open_group(decision: Decision, run: TaskRun, timeout: float | None) -> None:
    number = decision.take()
    until = None if timeout is None else decision.at + timeout
    decision.emit(events.GroupOpened(decision.at, run.number, number, until))
    open_scope(decision, decision.execution.scopes[number])


def open_scope(decision: Decision, scope: Scope) -> None:
    """Put the entries of a new scope on the list."""
    decision.candidates.extend((scope, name, True) for name in scope.graph.entries)
    decision.resting.append(scope)


def _block(
    decision: Decision, run: TaskRun, action: AwaitApproval | AwaitTime | AwaitSignal, names: Names
) -> None:
    execution, at = decision.execution, decision.at
    asked: dict[str, Any] = {}
    match action:
        case AwaitApproval():
            wait, limit = "approval", seconds(action.timeout, names)
            asked, _ = render_object(action.details, names)
            if action.prompt is not None:
                asked = {**asked, "prompt": render_value(action.prompt, names)}
        case AwaitSignal():
            wait, limit = "signal", seconds(action.timeout, names)
            asked = {"signal": as_text(render_value(action.signal, names))}
        case AwaitTime():
            wait, limit = "time", seconds(action.seconds, names)
            until = seconds(action.until, names)
            limit = limit if until is None else max(0.0, until - at)
            limit = limit or 0.0
    until = None if limit is None else at + limit
    number = decision.take()
    decision.emit(events.TaskBlocked(at, run.number, number, wait, asked, until))  # type: ignore[arg-type]
    if wait == "signal" and execution.signals.get(asked["signal"]):
        payload = execution.signals[asked["signal"]][0]
        decision.emit(events.TaskSucceeded(at, run.number, number, {"payload": payload}, at, None))
        after_end(decision, run)
