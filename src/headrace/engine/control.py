"""Requests from outside: cancel, pause, resume, answers, signals, timers."""

from __future__ import annotations

from typing import Literal

from headrace.definition.outcomes import Failure
from headrace.engine import events, messages
from headrace.engine.commands import is_child, is_job
from headrace.engine.decision import Decision
from headrace.engine.ending import FAILURE_CODES, Told, fail, succeed
from headrace.engine.execution import NOTHING, ROOT, Scope, TaskRun
from headrace.engine.plans import Reason
from headrace.engine.starting import go_on, new_run
from headrace.engine.states import EXECUTION_ENDS
from headrace.errors import NotFound, TransitionRefused

End = Literal["cancelled", "timed_out"]
Policy = Literal["cancel_running", "allow_finish"]


def cancel(decision: Decision, asked: messages.Cancel) -> None:
    """Settle that the execution ends cancelled, and end what runs by the policy.

    Where that is settled already, a stricter policy still ends what was left to end by itself.
    """
    execution = decision.execution
    policy = asked.policy or execution.definition.cancel_policy
    if execution.state == "cancelling":
        if policy == "cancel_running":
            _tighten(decision)
        return
    _refuse_unless_live(decision, "a cancel")
    _end_early(decision, "cancelled", Reason("cancelled", asked.reason or "Cancelled on request."), policy)


def cancel_task(decision: Decision, asked: messages.CancelTask) -> None:
    """End one task run; it counts as a failure."""
    run = decision.execution.runs.get(asked.run)
    if run is None:
        raise NotFound(f"The execution has no task run {asked.run}.")
    if run.number not in decision.execution.live:
        raise TransitionRefused(f"Task run {run.number} ('{run.task}')", run.state, "a cancel")
    if run.ending is None:
        reason = Reason("cancelled", asked.reason or "Cancelled on request.")
        _end_family(decision, run, "cancelled", reason)


def pause(decision: Decision, asked: messages.Pause) -> None:
    """Hold whatever would start from now on."""
    _refuse_unless_live(decision, "a pause")
    if decision.execution.state == "cancelling":
        raise TransitionRefused("The execution", "cancelling", "a pause")
    if decision.execution.state != "paused":
        sentence = asked.reason or "Paused on request."
        decision.emit(events.ExecutionPaused(decision.at, Reason("paused", sentence)))


def resume(decision: Decision) -> None:
    """Let go on what was held."""
    _refuse_unless_live(decision, "a resume")
    execution = decision.execution
    if execution.state == "cancelling":
        raise TransitionRefused("The execution", "cancelling", "a resume")
    if execution.state != "paused":
        return
    decision.emit(events.ExecutionResumed(decision.at))
    _release(decision)


def respond(decision: Decision, asked: messages.Respond) -> None:
    """Answer an approval; the answer is the task's outputs."""
    run = _waiting(decision, asked.run, "an answer", ("approval",))
    succeed(decision, run, asked.outputs, Told(started_at=run.tries[-1].started_at))


def withdraw(decision: Decision, asked: messages.Withdraw) -> None:
    """Take a wait back; the task fails."""
    run = _waiting(decision, asked.run, "a withdrawal", ("approval", "signal", "time"))
    sentence = asked.reason or f"The wait for {run.wait} was withdrawn."
    fail(decision, run, Failure(code="withdrawn", message=sentence, final=True))


def signal(decision: Decision, asked: messages.Signal) -> None:
    """Keep a signal, and give it to the task that has waited for it longest."""
    _refuse_unless_live(decision, "a signal")
    decision.emit(events.SignalReceived(decision.at, asked.name, asked.payload))
    waiting = decision.execution.awaiting.get(asked.name)
    if waiting:
        run = decision.execution.runs[next(iter(waiting))]
        succeed(decision, run, {"payload": asked.payload}, Told(started_at=run.tries[-1].started_at))


def timer(decision: Decision, fired: messages.TimerFired) -> None:
    """Do what a due timer stands for; one that is not due or not known any more decides nothing."""
    execution = decision.execution
    due_at = execution.timers.get(fired.key)
    if due_at is None or due_at > decision.at:
        return
    kind, _, number = fired.key.partition(":")
    if kind == "deadline" and execution.state == "cancelling":
        _tighten(decision)
        return
    if kind == "deadline":
        sentence = f"The execution ran longer than {execution.definition.timeout}."
        _end_early(decision, "timed_out", Reason("timed_out", sentence), "cancel_running")
        return
    if kind == "retry":
        go_on(decision, execution.runs[int(number)], "again")
        return
    run = execution.runs[execution.attempts[int(number)]]
    if kind == "mark":
        decision.emit(events.RunningLong(decision.at, run.number, run.attempt))
    elif kind == "limit":
        reason = Reason("timeout", f"Task '{run.task}' ran longer than its timeout.")
        _end_family(decision, run, "timed_out", reason)
    elif run.wait == "time":
        succeed(decision, run, NOTHING, Told(started_at=run.tries[-1].started_at))
    else:
        sentence = f"The wait for {'an' if run.wait == 'approval' else 'a'} {run.wait} expired."
        fail(decision, run, Failure(code="timeout", message=sentence, final=True), "timed_out")


def _refuse_unless_live(decision: Decision, what: str) -> None:
    state = decision.execution.state
    if state == "pending" or state in EXECUTION_ENDS:
        raise TransitionRefused("The execution", state, what)


def _waiting(decision: Decision, number: int, what: str, kinds: tuple[str, ...]) -> TaskRun:
    run = decision.execution.runs.get(number)
    if run is None:
        raise NotFound(f"The execution has no task run {number}.")
    if run.state != "blocked" or run.wait not in kinds:
        raise TransitionRefused(f"Task run {number} ('{run.task}')", run.state, what)
    return run


def _end_early(decision: Decision, end: End, reason: Reason, policy: Policy) -> None:
    """Settle the end of the execution; only the closing task goes on, where it has begun."""
    execution = decision.execution
    decision.emit(events.ExecutionCancelling(decision.at, end, reason, policy))
    if execution.closing_run is not None:
        _release(decision)
        return
    for run in execution.live_runs():
        _end_run(decision, run, "cancelled", reason, policy)
    _cancel_unbegun(decision, execution.scopes[ROOT])


def _tighten(decision: Decision) -> None:
    """End what a cancel let go on; sub-workflows, which were asked to end already, are asked again."""
    execution = decision.execution
    if execution.policy == "cancel_running":
        return
    reason = execution.reason
    assert reason is not None
    decision.emit(events.CancelTightened(decision.at))
    if execution.closing_run is not None:
        return
    for run in execution.live_runs():
        if run.ending is not None and is_child(execution, run):
            decision.emit(events.EndRequested(decision.at, run.number, run.ending, reason))
        else:
            _end_run(decision, run, "cancelled", reason, "cancel_running")


def _release(decision: Decision) -> None:
    for run in decision.execution.live_runs():
        if run.held is not None:
            go_on(decision, run, run.held)


def _cancel_unbegun(decision: Decision, scope: Scope) -> None:
    failure = Failure(code="cancelled", message="The task had not begun.", final=True)
    for name in scope.graph.nodes:
        if name not in scope.visits:
            fail(decision, new_run(decision, scope, name, 1), failure, "cancelled")
    decision.resting.append(scope)


def _end_family(decision: Decision, run: TaskRun, end: End, reason: Reason) -> None:
    """End a run as this, and as cancelled its items and whatever lives in the groups below it."""
    execution = decision.execution
    family = {run.number}
    for other in execution.live_runs():
        if execution.scopes[other.scope].owner in family or other.aggregate in family:
            family.add(other.number)
            _end_run(decision, other, "cancelled", reason, "cancel_running")
        elif other is run:
            _end_run(decision, run, end, reason, "cancel_running")


def _end_run(decision: Decision, run: TaskRun, end: End, reason: Reason, policy: Policy) -> None:
    """End a live run: at once when it does not run, else by a request, which the policy may spare it."""
    execution = decision.execution
    if run.number not in execution.live or run.ending is not None:
        return
    if run.state in ("blocked", "retrying") or run.held is not None:
        fail(decision, run, Failure(code=FAILURE_CODES[end], message=reason.sentence, final=True), end)
        return
    if not is_job(execution, run):
        decision.emit(events.EndRequested(decision.at, run.number, end, reason))
        inner = execution.inside(run)
        if inner is not None:
            _cancel_unbegun(decision, inner)
        else:
            decision.aggregates.append(run)
    elif policy == "cancel_running" or run.state == "queued" or is_child(execution, run):
        decision.emit(events.EndRequested(decision.at, run.number, end, reason))
