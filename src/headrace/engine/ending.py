"""From the end of an attempt to where the task leads: retry, fallback, end, transitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, assert_never

from headrace.definition.model import Retry, Transition
from headrace.definition.outcomes import Failure, Usage
from headrace.engine import events
from headrace.engine.decision import Decision
from headrace.engine.execution import NO_ITEM, NOTHING, TaskRun
from headrace.engine.names import Names
from headrace.engine.plans import Reason
from headrace.engine.rendering import render_value
from headrace.engine.states import TASK_FAILURES
from headrace.expressions import ExpressionError, holds, parse

FAILURE_CODES = {"cancelled": "cancelled", "timed_out": "timeout"}
"""How the failure of a run is called that was ended early."""

Outcome = Literal["failed", "timed_out", "cancelled", "lost"]


class Told(NamedTuple):
    """What is told of an attempt that has ended besides how it ended."""

    started_at: float | None = None
    """None when it never ran, or when that is known already."""
    usage: Usage | None = None
    native: str | None = None
    node: str | None = None
    ended_at: float | None = None
    """None is now."""


_NOTHING_TOLD = Told()


def succeed(
    decision: Decision,
    run: TaskRun,
    outputs: dict[str, Any],
    told: Told = _NOTHING_TOLD,
) -> None:
    """End a run well, its outputs under the names that the task gives them."""
    renames = decision.execution.task(run).renames
    if renames:
        outputs = {renames.get(name, name): value for name, value in outputs.items()}
    decision.emit(
        events.TaskSucceeded(
            decision.at,
            run.number,
            run.attempt,
            outputs,
            told.started_at,
            told.usage,
            told.native,
            told.node,
            told.ended_at,
        )
    )
    after_end(decision, run)


def fail(
    decision: Decision,
    run: TaskRun,
    failure: Failure,
    outcome: Outcome = "failed",
    *,
    outputs: dict[str, Any] = NOTHING,
    told: Told = _NOTHING_TOLD,
    repeatable: bool = False,
) -> None:
    """Decide what follows a bad end: another try, the fallback, or the end of the task.

    Where no attempt lives (an expression broke before the start) nothing is retried, but the fallback runs.
    """
    current = run.current
    follows = _what_follows(decision, run, failure, outcome, repeatable=repeatable)
    if follows is None:
        give_up(
            decision,
            run,
            failure,
            outcome,
            outputs=outputs,
            told=told,
        )
        return
    then, wait = follows
    retry_at = decision.at + wait if wait else None
    if current is not None:
        decision.emit(
            events.AttemptFailed(
                decision.at,
                run.number,
                current.number,
                outcome,
                failure,
                told.started_at,
                told.usage,
                retry_at,
                told.native,
                told.node,
                told.ended_at,
            )
        )
    if retry_at is None:
        decision.nexts.append((run, then))


def give_up(
    decision: Decision,
    run: TaskRun,
    failure: Failure,
    outcome: Outcome = "failed",
    *,
    outputs: dict[str, Any] = NOTHING,
    told: Told = _NOTHING_TOLD,
) -> None:
    """End a run badly, whatever tries it has left."""
    current = run.current
    state: Literal["failed", "timed_out", "cancelled"] = "failed" if outcome == "lost" else outcome
    code = "lost" if outcome == "lost" else failure.code
    decision.emit(
        events.TaskFailed(
            decision.at,
            run.number,
            current.number if current is not None else 0,
            state,
            Reason(code, failure.message),
            failure,
            outputs,
            told.started_at,
            told.usage,
            told.native,
            told.node,
            told.ended_at,
        )
    )
    after_end(decision, run)


def _what_follows(
    decision: Decision, run: TaskRun, failure: Failure, outcome: Outcome, *, repeatable: bool
) -> tuple[Literal["again", "fallback"], float] | None:
    """Return what is tried next and after how many seconds, or None when the task has ended.

    The items of a foreach have their own tries, so the aggregate has none once it is expanded.
    """
    execution = decision.execution
    is_over = outcome == "cancelled" or run.fallback_used or run.foreach is not None
    if is_over or decision.is_closing(execution.scopes[run.scope]):
        return None
    if run.current is not None:
        wait = _wait_before_retry(decision, run, failure, outcome, repeatable=repeatable)
        if wait is not None:
            return "again", wait
    return ("fallback", 0.0) if execution.task(run).fallback is not None else None


def after_end(decision: Decision, run: TaskRun) -> None:
    """Follow an ended run: its transitions, the foreach that it belongs to, the rest of its scope."""
    scope = decision.execution.scopes[run.scope]
    if run.item != NO_ITEM:
        decision.aggregates.append(decision.execution.runs[run.aggregate])
        return
    node = scope.graph.nodes.get(run.task)
    if node is not None and not decision.is_closing(scope):
        if node.task.next:
            _lead_on(decision, run, node.task.next)
        elif run.state in TASK_FAILURES:
            decision.emit(events.TransitionsTaken(decision.at, run.number, ()))
        candidates = decision.candidates
        for target in node.targets:
            candidates.append((scope, target))
        for target in node.backs:
            candidates.append((scope, target))
    if scope.active == 0:
        decision.resting.append(scope)


def _lead_on(decision: Decision, run: TaskRun, transitions: tuple[Transition, ...]) -> None:
    taken = _recorded(decision, run)
    if taken is None:
        taken = tuple(_taken(decision, run, transitions))
    if taken or run.state in TASK_FAILURES:
        decision.emit(events.TransitionsTaken(decision.at, run.number, taken))


def _taken(
    decision: Decision, run: TaskRun, transitions: tuple[Transition, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the index of each transition that is taken, with what it publishes."""
    names: Names | None = None
    for index, transition in enumerate(transitions):
        if run.state == "skipped" if not transition.resolved else run.state == "cancelled":
            continue
        if transition.when is None and not transition.publish:
            yield index, NOTHING
            continue
        names = names or decision.names(run)
        published = _published(decision, run, index, transition, names)
        names.restore(run)
        if published is not None:
            yield index, published


def _published(
    decision: Decision, run: TaskRun, index: int, transition: Transition, names: Names
) -> dict[str, Any] | None:
    """Return what a transition publishes, None when it does not hold or breaks."""
    place = "when"
    published: dict[str, Any] = {}
    try:
        if transition.when is not None and not holds(parse(transition.when), names):
            return None
        for name, template in transition.publish:
            place = f"publish.{name}"
            published[name] = render_value(template, names)
            names.publish(name, published[name])
    except ExpressionError as error:
        sentence = f"task '{run.task}' next[{index}].{place}: {error.message}"
        decision.emit(events.ExecutionFlawed(decision.at, Reason("expression", sentence), run.task))
        return None
    return published


def _recorded(decision: Decision, run: TaskRun) -> tuple[tuple[int, dict[str, Any]], ...] | None:
    """Return the transitions that a reused run took; None where they are to be evaluated."""
    if run.earlier is None:
        return None
    return decision.execution.plan[run.task].recordings[run.visit - 1].taken


def _wait_before_retry(
    decision: Decision, run: TaskRun, failure: Failure, outcome: Outcome, *, repeatable: bool
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
            if not holds(parse(retry.on), decision.names(run, (outcome, failure))):
                return None
        except ExpressionError as error:
            reason = Reason("expression", f"task '{run.task}' retry.on: {error.message}")
            decision.emit(events.ExecutionFlawed(decision.at, reason, run.task))
            return None
    return delay(retry, tries, failure.retry_after, decision.chance(run))


def delay(retry: Retry, tries: int, retry_after: float | None, chance: float) -> float:
    """Return the seconds before the retry after try number `tries`, from 1; `chance` is from 0 to 1."""
    first, cap = retry.delay.total_seconds(), retry.max_delay.total_seconds()
    match retry.backoff:
        case "constant":
            wait = first
        case "linear":
            wait = first * tries
        case "exponential":
            try:
                wait = first * retry.factor ** (tries - 1)
            except OverflowError:
                wait = cap if first else 0.0
        case _:
            assert_never(retry.backoff)
    wait *= 1.0 + retry.jitter * (2.0 * chance - 1.0)
    if retry_after is not None:
        wait = max(wait, retry_after)
    return min(wait, cap)
