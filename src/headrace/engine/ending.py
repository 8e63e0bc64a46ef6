"""From the end of an attempt to where the task leads: retry, fallback, end, transitions."""

from __future__ import annotations

from typing import Any, Literal

from headrace.definition.model import Retry, Transition
from headrace.definition.outcomes import Failure, Usage
from headrace.engine import events
from headrace.engine.decision import Decision
from headrace.engine.execution import NO_ITEM, NOTHING, ROOT, TaskRun
from headrace.engine.names import Names
from headrace.engine.plans import Reason
from headrace.engine.rendering import render_value
from headrace.engine.states import TASK_FAILURES
from headrace.expressions import ExpressionError, holds, parse

Outcome = Literal["failed", "timed_out", "cancelled", "lost"]


def succeed(
    decision: Decision,
    run: TaskRun,
    outputs: dict[str, Any],
    started_at: float | None = None,
    usage: Usage | None = None,
    native: str | None = None,
) -> None:
    """End a run well, its outputs under the names that the task gives them."""
    renames = decision.execution.task(run).renames
    if renames:
        outputs = {renames.get(name, name): value for name, value in outputs.items()}
    decision.emit(
        events.TaskSucceeded(decision.at, run.number, run.attempt, outputs, started_at, usage, native)
    )
    after_end(decision, run)


def fail(
    decision: Decision,
    run: TaskRun,
    failure: Failure,
    outcome: Outcome = "failed",
    *,
    started_at: float | None = None,
    usage: Usage | None = None,
    outputs: dict[str, Any] = NOTHING,
    repeatable: bool = False,
    before_start: bool = False,
) -> None:
    """Decide what follows a bad end of an attempt: another try, the fallback, or the end of the task.

    `before_start` says that no attempt was made (an expression broke): no retry, but the fallback still runs.
    """
    execution = decision.execution
    current = run.tries[-1] if run.tries and run.tries[-1].outcome is None else None
    attempt = current.number if current is not None else 0
    follows: Literal["retry", "fallback", "nothing"] = "nothing"
    retry_at: float | None = None
    if not decision.is_closing(execution.scopes[run.scope]) and run.ending != "cancelled":
        if current is not None and not current.fallback:
            wait = _wait_before_retry(decision, run, failure, outcome, repeatable)
            if wait is not None:
                follows, retry_at = "retry", decision.at + wait if wait else None
        has_fallback = execution.task(run).fallback is not None and not run.fallback_used
        if follows == "nothing" and has_fallback:
            follows = "fallback"
    if follows == "nothing":
        _end_badly(decision, run, attempt, failure, outcome, started_at, usage, outputs)
        return
    if current is not None:
        decision.emit(
            events.AttemptFailed(
                decision.at, run.number, attempt, outcome, failure, started_at, usage, retry_at
            )
        )
    if retry_at is None:
        decision.nexts.append((run, follows == "fallback"))


def may_retry(decision: Decision, run: TaskRun) -> bool:
    """Tell whether the last failed try is followed by a try and not by the fallback."""
    last = run.tries[-1]
    assert last.failure is not None and last.outcome is not None
    outcome: Any = last.outcome
    return _wait_before_retry(decision, run, last.failure, outcome, False) is not None


def after_end(decision: Decision, run: TaskRun) -> None:
    """Follow an ended run: its transitions, the foreach that it belongs to, the rest of its scope."""
    scope = decision.execution.scopes[run.scope]
    if run.item != NO_ITEM:
        decision.aggregates.append(decision.execution.runs[scope.latest[run.task]])
        return
    node = scope.graph.nodes.get(run.task)
    if node is not None and not decision.is_closing(scope):
        if node.task.next:
            _lead_on(decision, run, node.task.next)
        elif run.state in TASK_FAILURES:
            decision.emit(events.TransitionsTaken(decision.at, run.number, ()))
        candidates = decision.candidates
        for target in node.targets:
            candidates.append((scope, target, False))
        for target in node.backs:
            candidates.append((scope, target, False))
    if scope.active == 0:
        decision.resting.append(scope)


def _lead_on(decision: Decision, run: TaskRun, transitions: tuple[Transition, ...]) -> None:
    kept = _recorded(decision, run)
    if kept is not None:
        decision.emit(events.TransitionsTaken(decision.at, run.number, kept))
        return
    taken: list[tuple[int, dict[str, Any]]] = []
    names: Names | None = None
    for index, transition in enumerate(transitions):
        if transition.resolved:
            if run.state == "cancelled":
                continue
        elif run.state == "skipped":
            continue
        if transition.when is None and not transition.publish:
            taken.append((index, NOTHING))
            continue
        if names is None:
            names = decision.names(run)
        place = f"task '{run.task}' next[{index}]"
        try:
            if transition.when is not None:
                place_when = f"{place}.when"
                if not holds(parse(transition.when), names):
                    continue
            published: dict[str, Any] = {}
            for name, template in transition.publish:
                place_when = f"{place}.publish.{name}"
                published[name] = render_value(template, names)
                names.publish(name, published[name])
        except ExpressionError as error:
            reason = Reason("expression", f"{place_when}: {error.message}")
            decision.emit(events.ExecutionFlawed(decision.at, reason, run.task))
        else:
            taken.append((index, published))
        if transition.publish:
            names.restore(run)
    if taken or run.state in TASK_FAILURES:
        decision.emit(events.TransitionsTaken(decision.at, run.number, tuple(taken)))


def _recorded(decision: Decision, run: TaskRun) -> tuple[tuple[int, dict[str, Any]], ...] | None:
    if run.earlier is None or run.scope != ROOT:
        return None
    planned = decision.execution.plan[run.task]
    return planned.recordings[run.visit - 1].taken


def _end_badly(
    decision: Decision,
    run: TaskRun,
    attempt: int,
    failure: Failure,
    outcome: Outcome,
    started_at: float | None,
    usage: Usage | None,
    outputs: dict[str, Any],
) -> None:
    state: Literal["failed", "timed_out", "cancelled"] = "failed" if outcome == "lost" else outcome
    reason = Reason("lost" if outcome == "lost" else failure.code, failure.message)
    decision.emit(
        events.TaskFailed(
            decision.at, run.number, attempt, state, reason, failure, outputs, started_at, usage
        )
    )
    after_end(decision, run)


def _wait_before_retry(
    decision: Decision, run: TaskRun, failure: Failure, outcome: Outcome, repeatable: bool
) -> float | None:
    """Return the seconds until the next try, or None when there is none."""
    task = decision.execution.task(run)
    lost_before = sum(1 for tried in run.tries if tried.outcome == "lost")
    if task.repeatable is not None:
        repeatable = task.repeatable
    if outcome == "lost" and repeatable and lost_before == 0:
        return 0.0
    retry = task.retry
    if retry is None or failure.final:
        return None
    tries = len(run.tries) - (lost_before if repeatable else 0)
    if tries > retry.count:
        return None
    if retry.exit_codes is not None and failure.exit_code not in retry.exit_codes:
        return None
    if retry.on is not None:
        try:
            if not holds(parse(retry.on), decision.names(run, failure)):
                return None
        except ExpressionError as error:
            reason = Reason("expression", f"task '{run.task}' retry.on: {error.message}")
            decision.emit(events.ExecutionFlawed(decision.at, reason, run.task))
            return None
    return delay(retry, tries, failure.retry_after, decision.chance(run))


def delay(retry: Retry, tries: int, retry_after: float | None, chance: float) -> float:
    """Return the seconds before the retry that follows try number `tries`, from 1; `chance` is from 0 to 1."""
    first, cap = retry.delay.total_seconds(), retry.max_delay.total_seconds()
    match retry.backoff:
        case "constant":
            wait = first
        case "linear":
            wait = first * tries
        case "exponential":
            power = retry.factor ** min(tries - 1, 64)
            wait = first * power
    wait *= 1.0 + retry.jitter * (2.0 * chance - 1.0)
    if retry_after is not None:
        wait = max(wait, retry_after)
    return min(wait, cap)
