"""Requests from outside: cancel, pause, resume, answers, signals, timers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from headrace.definition.model import RunGroup, RunWorkflow
from headrace.definition.outcomes import Failure
from headrace.engine import events, messages
from headrace.engine.decision import Decision
from headrace.engine.ending import fail, succeed
from headrace.engine.execution import NO_ITEM, NOTHING, Scope, TaskRun
from headrace.engine.plans import Reason
from headrace.engine.starting import go_on, new_run, release
from headrace.engine.states import EXECUTION_ENDS
from headrace.errors import NotFound, TransitionRefused

End = Literal["cancelled", "timed_out"]
Policy = Literal["cancel_running", "allow_finish"]


def cancel(decision: Decision, asked: messages.Cancel) -> None:
    """Settle that the execution ends cancelled, and end what runs by the policy."""
    execution = decision.execution
    if execution.state == "cancelling":
        return
    _refuse_if_ended(decision, "a cancel")
    policy = asked.policy or execution.definition.cancel_policy
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
        _end_runs(decision, _family(decision, run), "cancelled", reason, "cancel_running")


def pause(decision: Decision, asked: messages.Pause) -> None:
    """Hold whatever would start from now on."""
    _refuse_if_ended(decision, "a pause")
    if decision.execution.state == "cancelling":
        raise TransitionRefused("The execution", "cancelling", "a pause")
    if decision.execution.state != "paused":
        sentence = asked.reason or "Paused on request."
        decision.emit(events.ExecutionPaused(decision.at, Reason("paused", sentence)))


def resume(decision: Decision) -> None:
    """Let go on what was held."""
    _refuse_if_ended(decision, "a resume")
    execution = decision.execution
    if execution.state == "cancelling":
        raise TransitionRefused("The execution", "cancelling", "a resume")
    if execution.state != "paused":
        return
    decision.emit(events.ExecutionResumed(decision.at))
    for run in execution.live_runs():
        if run.held:
            release(decision, run)


def respond(decision: Decision, asked: messages.Respond) -> None:
    """Answer an approval; the answer is the task's outputs."""
    run = _waiting(decision, asked.run, "an answer", ("approval",))
    succeed(decision, run, asked.outputs, run.tries[-1].started_at)


def withdraw(decision: Decision, asked: messages.Withdraw) -> None:
    """Take a wait back; the task fails."""
    run = _waiting(decision, asked.run, "a withdrawal", ("approval", "signal", "time"))
    sentence = asked.reason or f"The wait for {run.wait} was withdrawn."
    fail(decision, run, Failure(code="withdrawn", message=sentence, final=True))


def signal(decision: Decision, asked: messages.Signal) -> None:
    """Keep a signal, and give it to the task that has waited for it longest."""
    _refuse_if_ended(decision, "a signal")
    decision.emit(events.SignalReceived(decision.at, asked.name, asked.payload))
    for run in decision.execution.live_runs():
        if run.wait == "signal" and run.state == "blocked" and run.input.get("signal") == asked.name:
            succeed(decision, run, {"payload": asked.payload}, run.tries[-1].started_at)
            return


def timer(decision: Decision, fired: messages.TimerFired) -> None:
    """Do what a due timer stands for; one that is not due or not known any more decides nothing."""
    execution = decision.execution
    due_at = execution.timers.get(fired.key)
    if due_at is None or due_at > decision.at:
        return
    kind, _, number = fired.key.partition(":")
    if kind == "deadline":
        sentence = f"The execution ran longer than {execution.definition.timeout}."
        _end_early(decision, "timed_out", Reason("timed_out", sentence), "cancel_running")
        return
    if kind == "retry":
        run = execution.runs[int(number)]
        go_on(decision, run, fallback=False)
        return
    run = execution.runs[execution.attempts[int(number)]]
    match kind:
        case "mark":
            decision.emit(events.RunningLong(decision.at, run.number, run.attempt))
        case "wait" if run.wait == "time":
            succeed(decision, run, NOTHING, run.tries[-1].started_at)
        case "wait":
            sentence = f"The wait for {'an' if run.wait == 'approval' else 'a'} {run.wait} expired."
            fail(decision, run, Failure(code="timeout", message=sentence, final=True), "timed_out")
        case "limit":
            sentence = f"Task '{run.task}' ran longer than its timeout."
            reason = Reason("timeout", sentence)
            _end_runs(decision, _family(decision, run), "timed_out", reason, "cancel_running")


def _refuse_if_ended(decision: Decision, what: str) -> None:
    if decision.execution.state in EXECUTION_ENDS:
        raise TransitionRefused("The execution", decision.execution.state, what)


def _waiting(decision: Decision, number: int, what: str, kinds: tuple[str, ...]) -> TaskRun:
    run = decision.execution.runs.get(number)
    if run is None:
        raise NotFound(f"The execution has no task run {number}.")
    if run.state != "blocked" or run.wait not in kinds or decision.execution.state == "cancelling":
        raise TransitionRefused(f"Task run {number} ('{run.task}')", run.state, what)
    return run


def _end_early(decision: Decision, end: End, reason: Reason, policy: Policy) -> None:
    decision.emit(events.ExecutionCancelling(decision.at, end, reason, policy))
    execution = decision.execution
    runs = list(execution.live_runs())
    _end_runs(decision, runs, end, reason, policy)
    for scope in tuple(execution.scopes.values()):
        if scope.owner is None or scope.owner in execution.live:
            _cancel_unbegun(decision, scope)
            decision.resting.append(scope)


def _cancel_unbegun(decision: Decision, scope: Scope) -> None:
    failure = Failure(code="cancelled", message="The task had not begun.", final=True)
    for name in scope.graph.nodes:
        if name not in scope.visits:
            fail(decision, new_run(decision, scope, name, 1), failure, "cancelled")


def _family(decision: Decision, run: TaskRun) -> list[TaskRun]:
    """Return a run, its items, and what lives in the groups below it, outermost first."""
    execution = decision.execution
    family = {run.number: run}
    for other in execution.live_runs():
        owner = execution.scopes[other.scope].owner
        aggregate = execution.scopes[other.scope].latest.get(other.task) if other.item != NO_ITEM else None
        if owner in family or aggregate in family:
            family[other.number] = other
    return list(family.values())


def _end_runs(decision: Decision, runs: Iterable[TaskRun], end: End, reason: Reason, policy: Policy) -> None:
    """End live runs: what does not run at once, what runs by request and by the policy."""
    execution = decision.execution
    for position, run in enumerate(runs):
        if run.number not in execution.live or run.ending is not None:
            continue
        # Under a limit of its owner only the owner ends `timed_out`; what lives inside is cancelled.
        as_end: End = end if position == 0 or execution.state == "cancelling" else "cancelled"
        if execution.state == "cancelling":
            as_end = "cancelled"
        if run.state in ("blocked", "retrying") or run.held:
            failure = Failure(code=as_end, message=reason.sentence, final=True)
            fail(decision, run, failure, as_end)
            continue
        is_open_group = run.attempt in execution.scopes
        is_job = run.foreach is None and not is_open_group
        relayed = isinstance(execution.task(run).action, (RunWorkflow, RunGroup))
        if policy == "allow_finish" and is_job and run.state == "running" and not relayed:
            continue
        decision.emit(events.EndRequested(decision.at, run.number, as_end, reason))
        if is_open_group:
            inner = execution.scopes[run.attempt]
            if execution.state != "cancelling":
                _cancel_unbegun(decision, inner)
            decision.resting.append(inner)
        elif run.foreach is not None:
            decision.aggregates.append(run)
