"""How each event changes an execution: the only place where one is changed.

`evolve` never refuses and never decides; it must never read a clock, a number or an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headrace.definition.model import RunGroup, RunWorkflow
from headrace.definition.outcomes import Failure
from headrace.engine import events
from headrace.engine.arrivals import arrive, begin
from headrace.engine.execution import NO_ITEM, NOTHING, ROOT, Execution, Foreach, Scope, TaskRun, Try
from headrace.engine.graph import Graph
from headrace.engine.plans import UPSTREAM_FAILED, Reason
from headrace.engine.states import TASK_FAILURES, TaskState, next_execution_state, next_task_state

_Ending = events.AttemptFailed | events.TaskSucceeded | events.TaskFailed

Apply = Callable[[Execution, Any], None]


def evolve(execution: Execution, happened: Iterable[events.AnyEvent]) -> Execution:
    """Change the execution by each event in turn and return it."""
    for event in happened:
        apply(execution, event)
    return execution


def apply(execution: Execution, event: events.AnyEvent) -> None:
    """Change the execution by one event."""
    execution.seq += 1
    execution.at = event.at
    _APPLY[type(event)](execution, event)


def _execution_started(execution: Execution, event: events.ExecutionStarted) -> None:
    execution.number, execution.id = event.number, event.id
    execution.workflow, execution.version = event.workflow, event.version
    execution.inputs, execution.seed, execution.depth = event.inputs, event.seed, event.depth
    execution.parent, execution.plan, execution.pins = event.parent, event.plan, event.pins
    execution.labels, execution.variables = event.labels, dict(event.variables)
    execution.credentials = event.credentials
    execution.created_at = execution.started_at = event.at
    execution.state = next_execution_state(execution.state, "running")
    execution.scopes[ROOT] = Scope(ROOT, None, execution.graph, NOTHING)
    if event.deadline is not None:
        _set_timer(execution, "deadline", event.deadline)


def _paused(execution: Execution, event: events.ExecutionPaused) -> None:
    execution.state = next_execution_state(execution.state, "paused")
    execution.reason = event.reason


def _resumed(execution: Execution, _: events.ExecutionResumed) -> None:
    execution.state = next_execution_state(execution.state, "running")
    execution.reason = None


def _cancelling(execution: Execution, event: events.ExecutionCancelling) -> None:
    execution.state = next_execution_state(execution.state, "cancelling")
    execution.reason, execution.end, execution.policy = event.reason, event.end, event.policy
    if event.policy == "cancel_running":
        _clear_timer(execution, "deadline")


def _cancel_tightened(execution: Execution, _: events.CancelTightened) -> None:
    execution.policy = "cancel_running"
    _clear_timer(execution, "deadline")


def _flawed(execution: Execution, event: events.ExecutionFlawed) -> None:
    execution.flaws.append((event.task, event.reason))


def _ended(execution: Execution, event: events.ExecutionEnded) -> None:
    execution.state = next_execution_state(execution.state, event.state)
    execution.reason, execution.outputs, execution.warnings = event.reason, event.outputs, event.warnings
    execution.failed, execution.ended_at = event.failed, event.at
    for key in tuple(execution.timers):
        _clear_timer(execution, key)


def _signal_received(execution: Execution, event: events.SignalReceived) -> None:
    execution.signals.setdefault(event.name, []).append(event.payload)


def _visit_began(execution: Execution, event: events.VisitBegan) -> None:
    scope = execution.scopes[event.scope]
    run = TaskRun(event.run, event.scope, event.task, event.visit, event.item, event.at)
    execution.runs[run.number] = run
    execution.live[run.number] = None
    execution.changes.runs[run.number] = None
    scope.active += 1
    if event.item != NO_ITEM:
        run.aggregate = event.aggregate
        aggregate = execution.runs[event.aggregate]
        assert aggregate.foreach is not None
        aggregate.foreach.runs.append(run.number)
        run.variables, run.rounds = aggregate.variables, aggregate.rounds
        return
    if scope.graph.nodes.get(event.task) is None:
        execution.closing_run = run.number
    run.variables, run.rounds = begin(scope, event.task, event.visit)
    scope.latest[event.task] = run.number


def _held(execution: Execution, event: events.TaskHeld) -> None:
    run = _move(execution, event.run, "queued")
    run.held = event.then
    run.reason = Reason("paused", "The execution is paused.")


def _queued(execution: Execution, event: events.TaskQueued) -> None:
    run = _move(execution, event.run, "queued")
    if event.input is not None:
        run.input, run.sealed, run.timeout = event.input, event.sealed, event.timeout
    _open_try(execution, run, Try(event.attempt, event.fallback, event.at))
    if run.timeout is not None and isinstance(execution.action(run), RunWorkflow):
        _set_timer(execution, f"limit:{event.attempt}", event.at + run.timeout)


def _started(execution: Execution, event: events.TaskStarted) -> None:
    run = _move(execution, event.run, "running")
    current = run.tries[-1]
    current.started_at, current.native, current.node = event.at, event.native, event.node
    run.started_at = run.started_at if run.started_at is not None else event.at


def _blocked(execution: Execution, event: events.TaskBlocked) -> None:
    run = _move(execution, event.run, "blocked")
    run.input, run.wait = event.input, event.wait
    run.reason = Reason(event.wait, f"Waits for {'an' if event.wait == 'approval' else 'a'} {event.wait}.")
    if event.wait == "signal":
        execution.awaiting.setdefault(event.input["signal"], {})[run.number] = None
    _open_try(execution, run, Try(event.attempt, event.fallback, event.at, event.at))
    run.due_at = event.until
    if event.until is not None:
        _set_timer(execution, f"wait:{event.attempt}", event.until)


def _group_opened(execution: Execution, event: events.GroupOpened) -> None:
    run = _move(execution, event.run, "running")
    _open_try(execution, run, Try(event.attempt, event.fallback, event.at, event.at))
    action = execution.action(run)
    assert isinstance(action, RunGroup)
    node = execution.node(run)
    graph = Graph(action.tasks) if node is None else node.inner(action)
    execution.scopes[event.attempt] = Scope(event.attempt, run.number, graph, run.variables)
    if event.until is not None:
        _set_timer(execution, f"limit:{event.attempt}", event.until)


def _expanded(execution: Execution, event: events.ItemsExpanded) -> None:
    run = _move(execution, event.run, "running")
    run.foreach = Foreach(event.items, event.count)
    if event.is_earlier_list:
        run.foreach.earlier = execution.plan[run.task].items
    run.started_at = event.at


def _attempt_failed(execution: Execution, event: events.AttemptFailed) -> None:
    run = _move(execution, event.run, "retrying")
    _close_try(execution, run, event.outcome, event, event.failure)
    run.reason = Reason(event.failure.code, event.failure.message)
    run.failure, run.due_at, run.ending = event.failure, event.retry_at, None
    if event.retry_at is not None:
        _set_timer(execution, f"retry:{run.number}", event.retry_at)


def _succeeded(execution: Execution, event: events.TaskSucceeded) -> None:
    run = execution.runs[event.run]
    run.outputs, run.failure = event.outputs, None
    if event.attempt:
        if run.wait == "signal":
            _consume(execution, run)
        _close_try(execution, run, "succeeded", event, None)
    _end(execution, run, "succeeded", None, _ended_at(event))


def _failed(execution: Execution, event: events.TaskFailed) -> None:
    run = execution.runs[event.run]
    run.failure, run.outputs = event.failure, event.outputs
    if event.attempt:
        outcome = "lost" if event.reason.code == "lost" else event.state
        _close_try(execution, run, outcome, event, event.failure)
    _end(execution, run, event.state, event.reason, _ended_at(event))


def _skipped(execution: Execution, event: events.TaskSkipped) -> None:
    run = execution.runs[event.run]
    _blame(execution, run, event.reason)
    _end(execution, run, "skipped", event.reason, event.at)


def _blame(execution: Execution, run: TaskRun, reason: Reason | None) -> None:
    """Remember to which failure a skip is owed, so that those who wait for it need not look further."""
    if reason is not None and reason.code == UPSTREAM_FAILED:
        run.cause = next(iter(execution.failed_behind(run)), run.number)


def _reused(execution: Execution, event: events.TaskReused) -> None:
    run = execution.runs[event.run]
    run.outputs, run.failure, run.earlier = event.outputs, event.failure, event.earlier
    if event.published:
        run.variables = {**run.variables, **event.published}
        execution.variables.update(event.published)
    if event.state == "skipped":
        _blame(execution, run, event.reason)
    _end(execution, run, event.state, event.reason, event.at)


def _end_requested(execution: Execution, event: events.EndRequested) -> None:
    run = execution.runs[event.run]
    run.ending, run.reason = event.end, event.reason
    execution.changes.runs[run.number] = None
    _clear_timer(execution, f"limit:{run.attempt}")
    scope = execution.inside(run)
    if scope is not None:
        scope.end = event.end


def _transitions_taken(execution: Execution, event: events.TransitionsTaken) -> None:
    run = execution.runs[event.run]
    run.taken = event.taken
    scope = execution.scopes[run.scope]
    node = scope.graph.nodes[run.task]
    leads = False
    for index, published in event.taken:
        transition = node.task.next[index]
        variables = run.variables
        if published:
            variables = {**variables, **published}
            execution.variables.update(published)
            scope.published.update(published)
        leads = leads or bool(transition.to)
        for target in transition.to:
            arrive(scope, node, run, target, variables)
    if run.state in TASK_FAILURES and (not leads or execution.definition.unhandled == "every_failure"):
        scope.unhandled.append(run.number)


def _arrivals_dropped(execution: Execution, event: events.ArrivalsDropped) -> None:
    execution.scopes[event.scope].pending.pop(event.task, None)


def _running_long(execution: Execution, event: events.RunningLong) -> None:
    _clear_timer(execution, f"mark:{event.attempt}")


def _move(execution: Execution, number: int, state: TaskState) -> TaskRun:
    run = execution.runs[number]
    run.state = next_task_state(run.state, state)
    _leave(execution, run)
    run.reason = None
    return run


def _leave(execution: Execution, run: TaskRun) -> None:
    """Forget what belongs to the state that a run leaves."""
    run.due_at = run.held = None
    execution.changes.runs[run.number] = None
    if execution.timers:
        _clear_timer(execution, f"retry:{run.number}")
    if run.wait is not None:
        if run.wait == "signal":
            name = run.input["signal"]
            del execution.awaiting[name][run.number]
            if not execution.awaiting[name]:
                del execution.awaiting[name]
        run.wait = None


def _end(execution: Execution, run: TaskRun, state: TaskState, reason: Reason | None, at: float) -> None:
    number = run.number
    run.state = next_task_state(run.state, state)
    _leave(execution, run)
    run.reason, run.ended_at = reason, at
    del execution.live[number]
    scope = execution.scopes[run.scope]
    scope.active -= 1
    inside = execution.inside(run)
    if inside is not None and inside.published:
        run.variables = {**run.variables, **inside.published}
        if run.item == NO_ITEM:
            scope.published.update(inside.published)
    if not execution.is_closing(scope):
        run.taken = ()
    if run.item != NO_ITEM:
        foreach = execution.runs[run.aggregate].foreach
        assert foreach is not None
        foreach.ended += 1
        if state != "succeeded":
            foreach.failed.append(run.item)
        return
    node = scope.graph.nodes.get(run.task)
    if node is None:
        return
    before = scope.finished.get(run.task)
    if before is None:
        scope.finished[run.task] = number
        if not node.near_cycle:
            known = scope.known
            for target in node.targets:
                known[target] = known.get(target, 0) + 1
    elif execution.runs[before].visit < run.visit:
        scope.finished[run.task] = number


def _open_try(execution: Execution, run: TaskRun, opened: Try) -> None:
    run.tries.append(opened)
    execution.attempts[opened.number] = run.number
    if run.started_at is None:
        run.started_at = opened.started_at
    mark = execution.task(run).mark_after
    if mark is not None:
        _set_timer(execution, f"mark:{opened.number}", opened.queued_at + mark.total_seconds())


def _close_try(
    execution: Execution,
    run: TaskRun,
    outcome: str,
    event: _Ending,
    failure: Failure | None,
) -> None:
    current = run.tries[-1]
    del execution.attempts[current.number]
    current.outcome, current.failure = outcome, failure
    current.usage = event.usage
    current.ended_at = _ended_at(event)
    if event.native is not None:
        current.native = event.native
    if event.node is not None:
        current.node = event.node
    if current.started_at is None:
        current.started_at = event.started_at
    if run.started_at is None:
        run.started_at = current.started_at
    if execution.timers:
        for kind in ("wait", "limit", "mark"):
            _clear_timer(execution, f"{kind}:{current.number}")


def _ended_at(event: _Ending) -> float:
    return event.at if event.ended_at is None else event.ended_at


def _consume(execution: Execution, run: TaskRun) -> None:
    name = run.input["signal"]
    execution.signals[name].pop(0)
    if not execution.signals[name]:
        del execution.signals[name]


def _set_timer(execution: Execution, key: str, due_at: float) -> None:
    execution.timers[key] = due_at
    execution.changes.timers[key] = due_at


def _clear_timer(execution: Execution, key: str) -> None:
    if execution.timers.pop(key, None) is not None:
        execution.changes.timers[key] = None


_APPLY: dict[type, Apply] = {
    events.ExecutionStarted: _execution_started,
    events.ExecutionPaused: _paused,
    events.ExecutionResumed: _resumed,
    events.ExecutionCancelling: _cancelling,
    events.ExecutionFlawed: _flawed,
    events.ExecutionEnded: _ended,
    events.SignalReceived: _signal_received,
    events.CancelTightened: _cancel_tightened,
    events.VisitBegan: _visit_began,
    events.TaskHeld: _held,
    events.TaskQueued: _queued,
    events.TaskStarted: _started,
    events.TaskBlocked: _blocked,
    events.GroupOpened: _group_opened,
    events.ItemsExpanded: _expanded,
    events.AttemptFailed: _attempt_failed,
    events.TaskSucceeded: _succeeded,
    events.TaskFailed: _failed,
    events.TaskSkipped: _skipped,
    events.TaskReused: _reused,
    events.EndRequested: _end_requested,
    events.TransitionsTaken: _transitions_taken,
    events.ArrivalsDropped: _arrivals_dropped,
    events.RunningLong: _running_long,
}
