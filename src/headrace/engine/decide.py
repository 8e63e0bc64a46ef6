"""What happens next: a message in, events out.

`decide` evolves the execution by each event that it returns, so that the next message stands on it.
It may refuse (`TransitionRefused`, `NotFound`; nothing has changed then), may decide nothing, and may raise
`NeedsValue` for large values: the execution is then no longer to be used and must be read again.
"""

from __future__ import annotations

from typing import Any, assert_never

from headrace.definition.outcomes import Failure
from headrace.engine import control, events, messages
from headrace.engine.commands import is_job
from headrace.engine.decision import Decision, Moment
from headrace.engine.ending import FAILURE_CODES, Told, fail, succeed
from headrace.engine.execution import NOTHING, ROOT, Execution, Scope, TaskRun, Try
from headrace.engine.finishing import end_aggregate, rest
from headrace.engine.names import Names
from headrace.engine.plans import Reason
from headrace.engine.rendering import render_value
from headrace.engine.starting import consider, enter, fill_window, go_on, new_item, open_scope
from headrace.errors import TransitionRefused
from headrace.expressions import ExpressionError

HEARD_LATE = 0.1
"""Seconds between an end and the decision about it from which on the journal tells both; an end that is heard
sooner, as nearly all are, needs no second moment there."""


def decide(execution: Execution, message: messages.Message, moment: Moment) -> list[events.AnyEvent]:
    """Return the events that follow from a message, in order; the execution has been evolved by them."""
    decision = Decision(execution, moment)
    match message:
        case messages.AttemptEnded():
            _attempt_ended(decision, message)
        case messages.AttemptStarted():
            _attempt_started(decision, message)
        case messages.Start():
            _start(decision, message)
        case messages.TimerFired():
            control.timer(decision, message)
        case messages.Cancel():
            control.cancel(decision, message)
        case messages.CancelTask():
            control.cancel_task(decision, message)
        case messages.Pause():
            control.pause(decision, message)
        case messages.Resume():
            control.resume(decision)
        case messages.Respond():
            control.respond(decision, message)
        case messages.Withdraw():
            control.withdraw(decision, message)
        case messages.Signal():
            control.signal(decision, message)
        case _:
            assert_never(message)
    _settle(decision)
    return decision.events


def _settle(decision: Decision) -> None:
    """Look at everything that the events so far have made possible, until nothing is left."""
    while True:
        if decision.entries:
            enter(decision, *decision.entries.popleft())
        elif decision.candidates:
            consider(decision, *decision.candidates.popleft())
        elif decision.nexts:
            go_on(decision, *decision.nexts.popleft())
        elif decision.aggregates:
            _look_at_items(decision, decision.aggregates.popleft())
        elif decision.resting:
            rest(decision, decision.resting.popleft())
        else:
            return


def _start(decision: Decision, asked: messages.Start) -> None:
    execution = decision.execution
    if execution.state != "pending":
        raise TransitionRefused("The execution", execution.state, "a start")
    definition = execution.definition
    deadline = None if definition.timeout is None else decision.at + definition.timeout.total_seconds()
    variables, flaw = _initial_variables(decision, asked)
    decision.emit(
        events.ExecutionStarted(
            at=decision.at,
            number=asked.number,
            id=asked.id,
            workflow=asked.workflow,
            version=asked.version,
            inputs=asked.inputs,
            seed=asked.seed,
            depth=asked.depth,
            parent=asked.parent,
            plan=asked.plan,
            pins=asked.pins,
            labels=asked.labels,
            variables=variables,
            deadline=deadline,
            credentials=asked.credentials,
        )
    )
    if flaw is not None:
        decision.emit(events.ExecutionFlawed(decision.at, flaw, ""))
    open_scope(decision, execution.scopes[ROOT])


def _initial_variables(decision: Decision, asked: messages.Start) -> tuple[dict[str, Any], Reason | None]:
    """Evaluate the workflow's variables in order; one that breaks is left out and fails the execution."""
    definition, graph = decision.execution.definition, decision.execution.graph
    if not definition.variables:
        return NOTHING, None
    about = Execution(
        definition=definition,
        graph=graph,
        number=asked.number,
        id=asked.id,
        workflow=asked.workflow,
        version=asked.version,
        inputs=asked.inputs,
        seed=asked.seed,
        created_at=decision.at,
    )
    names = Names(about, Scope(ROOT, None, graph, NOTHING), None, decision.at, decision.moment.values)
    variables: dict[str, Any] = {}
    flaw: Reason | None = None
    for name, template in definition.variables:
        try:
            variables[name] = render_value(template, names)
        except ExpressionError as error:
            flaw = flaw or Reason("expression", f"variable '{name}': {error.message}")
        else:
            names.publish(name, variables[name])
    return variables, flaw


def _attempt_started(decision: Decision, report: messages.AttemptStarted) -> None:
    number = decision.execution.attempts.get(report.attempt)
    if number is None or decision.execution.runs[number].state != "queued":
        return
    at = min(report.at, decision.at)
    decision.emit(
        events.TaskStarted(max(at, decision.execution.at), number, report.attempt, report.native, report.node)
    )


def _attempt_ended(decision: Decision, report: messages.AttemptEnded) -> None:
    number = decision.execution.attempts.get(report.attempt)
    if number is None:
        return
    run = decision.execution.runs[number]
    if not is_job(decision.execution, run):
        return
    told = Told(
        report.started_at,
        report.usage,
        report.native,
        report.node,
        _real_end(decision, run.tries[-1], report),
    )
    if report.outcome == "succeeded":
        succeed(decision, run, report.outputs, told)
        return
    failure = report.failure or Failure(code=report.outcome, message=f"The attempt {report.outcome}.")
    outcome = report.outcome
    if run.ending is not None:
        sentence = run.reason.sentence if run.reason is not None else failure.message
        outcome = run.ending
        failure = Failure(code=FAILURE_CODES[outcome], message=sentence)
    elif outcome == "cancelled":
        outcome = "failed"
    fail(
        decision,
        run,
        failure,
        outcome,
        outputs=report.outputs or NOTHING,
        told=told,
        repeatable=report.repeatable,
    )


def _real_end(decision: Decision, current: Try, report: messages.AttemptEnded) -> float | None:
    """Return when an attempt ended of whose end nobody could hear, and None where that is now."""
    if decision.at - report.ended_at < HEARD_LATE:
        return None
    began = current.started_at or report.started_at or current.queued_at
    return max(report.ended_at, began)


def _look_at_items(decision: Decision, run: TaskRun) -> None:
    execution = decision.execution
    foreach = run.foreach
    items = execution.task(run).items
    if foreach is None or items is None or run.number not in execution.live:
        return
    scope = execution.scopes[run.scope]
    is_stopped = decision.is_closing(scope) or run.ending is not None
    if not is_stopped:
        fill_window(decision, run)
        if items.fail_fast and foreach.failed:
            _skip_rest(decision, run)
    if foreach.ended == len(foreach.runs) and (is_stopped or foreach.ended == foreach.count):
        end_aggregate(decision, run)


def _skip_rest(decision: Decision, run: TaskRun) -> None:
    foreach = run.foreach
    assert foreach is not None
    reason = Reason("fail_fast", "An earlier item did not succeed.")
    for index in range(len(foreach.runs), foreach.count):
        item = new_item(decision, run, index)
        decision.emit(events.TaskSkipped(decision.at, item.number, reason))
