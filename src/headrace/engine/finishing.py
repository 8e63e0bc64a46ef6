"""What happens when nothing in a scope can move: leftovers are skipped, groups and executions end."""

from __future__ import annotations

from typing import Any, Literal

from headrace.definition import types
from headrace.definition.model import RunGroup
from headrace.definition.outcomes import Failure
from headrace.engine import events
from headrace.engine.decision import Decision
from headrace.engine.ending import FAILURE_CODES, fail, succeed
from headrace.engine.execution import NOTHING, Scope, TaskRun
from headrace.engine.graph import Node
from headrace.engine.plans import Reason
from headrace.engine.rendering import explained, render_object, render_value
from headrace.engine.starting import SHOWN_NAMES, new_run, skip_unreached, start
from headrace.engine.states import TASK_FAILURES
from headrace.expressions import ExpressionError, TooLarge, WrongType

End = Literal["succeeded", "failed", "cancelled", "timed_out"]


def rest(decision: Decision, scope: Scope) -> None:
    """End a scope in which nothing is active, unless a task near a cycle has yet to be declared skipped."""
    if scope.active or decision.execution.ended_at is not None:
        return
    if not decision.is_closing(scope):
        left = _first_left(scope)
        if left is not None:
            skip_unreached(decision, scope, left)
            return
    if scope.owner is not None:
        _end_group(decision, scope)
    elif not _begin_closing_task(decision, scope):
        _end_execution(decision, scope)


def _first_left(scope: Scope) -> Node | None:
    """Return the first task in topological order that never began, or whose next visit lacks arrivals."""
    nodes, cyclic = scope.graph.nodes, scope.graph.cyclic
    left = [nodes[name] for name in scope.pending]
    if scope.reached < len(cyclic):
        left.append(nodes[cyclic[scope.reached]])
    return min(left, key=lambda node: node.order, default=None)


def end_aggregate(decision: Decision, run: TaskRun) -> None:
    """End a foreach whose items have all ended."""
    foreach = run.foreach
    assert foreach is not None
    runs = decision.execution.runs
    items = [runs[number] for number in foreach.runs]
    failed = sorted(foreach.failed)
    outputs = {
        "results": [item.outputs if item.state == "succeeded" else None for item in items],
        "total_count": foreach.count,
        "succeeded_count": len(items) - len(failed),
        "failed_count": foreach.count - len(items) + len(failed),
        "failed_items": [_failed_item(items[index]) for index in failed],
    }
    if run.ending is not None:
        assert run.reason is not None
        fail(
            decision,
            run,
            Failure(code=FAILURE_CODES[run.ending], message=run.reason.sentence, final=True),
            run.ending,
            outputs=outputs,
        )
    elif failed:
        sentence = f"{len(failed)} of {foreach.count} items of task '{run.task}' did not succeed."
        fail(decision, run, Failure(code="items_failed", message=sentence, final=True), outputs=outputs)
    else:
        succeed(decision, run, outputs)


def _failed_item(item: TaskRun) -> dict[str, Any]:
    error = item.failure.message if item.failure else item.reason.sentence if item.reason else ""
    return {"index": item.item, "status": item.state, "error": error}


def _end_group(decision: Decision, scope: Scope) -> None:
    execution = decision.execution
    assert scope.owner is not None
    run = execution.runs[scope.owner]
    if run.current is None or run.attempt != scope.number:
        return
    if scope.end is not None:
        assert run.reason is not None
        fail(decision, run, Failure(code=FAILURE_CODES[scope.end], message=run.reason.sentence), scope.end)
    elif scope.unhandled:
        fail(decision, run, _group_failure(decision, scope))
    else:
        action = execution.action(run)
        assert isinstance(action, RunGroup)
        try:
            outputs, _ = render_object(action.outputs, decision.scope_names(scope))
        except ExpressionError as error:
            message = f"task '{run.task}' outputs: {error.message}"
            fail(decision, run, Failure(code="expression", message=message, final=True))
        else:
            succeed(decision, run, outputs)


def _roots(decision: Decision, scope: Scope) -> list[int]:
    """Return the unhandled failures in written order, whichever came first."""
    runs, nodes = decision.execution.runs, scope.graph.nodes
    return sorted(scope.unhandled, key=lambda number: (nodes[runs[number].task].index, runs[number].visit))


def _group_failure(decision: Decision, scope: Scope) -> Failure:
    first = decision.execution.runs[_roots(decision, scope)[0]]
    told = first.failure.message if first.failure is not None else first.state
    return Failure(code="group_failed", message=f"Task '{first.task}' inside failed: {told}")


def _begin_closing_task(decision: Decision, scope: Scope) -> bool:
    execution = decision.execution
    closing = execution.definition.closing
    if closing is None or execution.closing_run is not None:
        return False
    start(decision, new_run(decision, scope, closing.name, 1))
    return True


def _end_execution(decision: Decision, scope: Scope) -> None:
    execution = decision.execution
    failed = _roots(decision, scope)
    state: End = execution.end or ("failed" if failed or execution.flaws else "succeeded")
    if execution.closing_run is not None and execution.runs[execution.closing_run].state in TASK_FAILURES:
        failed.append(execution.closing_run)
        state = "failed"
    outputs: dict[str, Any] = NOTHING
    warnings: tuple[Reason, ...] = ()
    reason = execution.reason
    if state == "succeeded":
        outputs, warnings = _declared_outputs(decision, scope)
        reason = None
    elif state == "failed":
        reason = _why_failed(decision, failed)
    decision.emit(events.ExecutionEnded(decision.at, state, reason, outputs, warnings, tuple(failed)))


def _declared_outputs(decision: Decision, scope: Scope) -> tuple[dict[str, Any], tuple[Reason, ...]]:
    names = decision.scope_names(scope)
    outputs: dict[str, Any] = {}
    warnings: list[Reason] = []
    for output in decision.execution.definition.outputs:
        lacking = next((name for name in output.needs if name not in outputs), None)
        if lacking is not None:
            sentence = f"Output '{output.name}' is not available: it needs output '{lacking}', which is not."
            warnings.append(Reason("output_unavailable", sentence))
            continue
        try:
            value = render_value(output.value, names)
        except ExpressionError as error:
            sentence = f"Output '{output.name}' is not available: {explained(error).rstrip('?')}."
            warnings.append(Reason(_code_of(error), sentence))
            continue
        if output.type is None or value is None or types.accepts(output.type, value):
            outputs[output.name] = value
        else:
            found = types.type_of(value)
            sentence = f"Output '{output.name}' is declared {output.type}; its value is {found}."
            warnings.append(Reason("type_mismatch", sentence))
    return outputs, tuple(warnings)


def _code_of(error: ExpressionError) -> str:
    match error:
        case TooLarge():
            return "output_too_large"
        case WrongType():
            return "type_mismatch"
        case _:
            return "output_unavailable"


def _why_failed(decision: Decision, failed: list[int]) -> Reason:
    execution = decision.execution
    if not failed:
        _, reason = execution.flaws[0]
        return reason
    first = execution.runs[failed[0]]
    told = first.failure.message if first.failure is not None else f"it {first.state}"
    if len(failed) == 1:
        return Reason("task_failed", f"Task '{first.task}' failed: {told}")
    named = ", ".join(f"'{execution.runs[number].task}'" for number in failed[:SHOWN_NAMES])
    more = f" and {len(failed) - SHOWN_NAMES} more" if len(failed) > SHOWN_NAMES else ""
    return Reason("task_failed", f"Tasks {named}{more} failed; the first: {told}")
