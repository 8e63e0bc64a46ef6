"""Executions and task runs as answers: what the engine's state and the store's rows look like from outside.

Reads the working state of an execution and keeps nothing of it.
"""

from __future__ import annotations

from typing import Any

from headrace.api import answers
from headrace.api.values import MASK, ShownValues, labels_shown, moment, moment_of
from headrace.definition.model import TaskDefinition
from headrace.engine.execution import NO_ITEM, Execution, TaskRun
from headrace.engine.plans import Reason
from headrace.engine.states import EXECUTION_ENDS
from headrace.store.rows import ExecutionRow, TaskRunRow


def execution_listed(row: ExecutionRow) -> answers.ExecutionListed:
    """Return an execution as lists show it."""
    return answers.ExecutionListed(**_head(row))


def _head(row: ExecutionRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "id": row.id,
        "alias": row.alias,
        "name": row.name,
        "dialect": row.dialect,
        "workflow": row.workflow,
        "version": row.version,
        "state": row.state,
        "reason": row.reason,
        "created_at": moment_of(row.created_at),
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "parent": row.parent,
        "labels": labels_shown(row.labels),
    }


async def execution_shown(
    row: ExecutionRow, execution: Execution, values: ShownValues
) -> answers.ExecutionShown:
    """Return an execution with the latest run of each of its tasks."""
    head = _head(row)
    head["state"] = execution.state
    head["reason"] = execution.reason.code if execution.reason is not None else None
    head["started_at"] = moment(execution.started_at)
    head["ended_at"] = moment(execution.ended_at)
    secret = {port.name for port in execution.definition.inputs if port.secret}
    inputs = await values.show(execution.inputs)
    return answers.ExecutionShown(
        **head,
        detail=reason_shown(execution.reason),
        inputs={name: MASK if name in secret else value for name, value in inputs.items()},
        outputs=await values.show(execution.outputs),
        warnings=tuple(answers.ReasonShown(warning.code, warning.sentence) for warning in execution.warnings),
        failed=tuple(dict.fromkeys(execution.runs[number].task for number in execution.failed)),
        seq=execution.seq,
        tasks=[await _in_view(execution, task, run, values) for task, run in execution.root_runs()],
    )


async def _in_view(
    execution: Execution, task: TaskDefinition, run: TaskRun | None, values: ShownValues
) -> answers.TaskRunInView:
    if run is None:
        return answers.TaskRunInView(
            number=None,
            task=task.name,
            type=task.kind,
            visit=0,
            item=None,
            scope=0,
            state="waiting",
            reason=explained(execution, task, None).reason,
            attempts=0,
            started_at=None,
            ended_at=None,
            outputs={},
            error=None,
        )
    return answers.TaskRunInView(
        **_run_head(execution, run), outputs=await values.show(run.outputs), error=run.failure
    )


def _run_head(execution: Execution, run: TaskRun) -> dict[str, Any]:
    return {
        "number": run.number,
        "task": run.task,
        "type": execution.task(run).kind,
        "visit": run.visit,
        "item": None if run.item == NO_ITEM else run.item,
        "scope": run.scope,
        "state": run.state,
        "reason": reason_shown(run.reason),
        "attempts": len(run.tries),
        "started_at": moment(run.started_at),
        "ended_at": moment(run.ended_at),
    }


def task_run_listed(row: TaskRunRow) -> answers.TaskRunListed:
    """Return a task run as lists show it."""
    return answers.TaskRunListed(
        number=row.number,
        task=row.task,
        type=row.type,
        visit=row.visit,
        item=None if row.item == NO_ITEM else row.item,
        scope=row.scope,
        state=row.state,
        reason=answers.ReasonShown(row.reason) if row.reason is not None else None,
        attempts=row.attempts,
        started_at=moment(row.started_at),
        ended_at=moment(row.ended_at),
    )


async def task_run_shown(execution: Execution, run: TaskRun, values: ShownValues) -> answers.TaskRunShown:
    """Return a task run with everything that is known of it."""
    inputs = await values.show(run.input)
    if run.sealed is not None:
        inputs = {**inputs, **dict.fromkeys(run.sealed.entries, MASK)}
    tries = [
        answers.TryShown(
            attempt=position,
            number=each.number,
            fallback=each.fallback,
            outcome=each.outcome,
            queued_at=moment_of(each.queued_at),
            started_at=moment(each.started_at),
            ended_at=moment(each.ended_at),
            error=each.failure,
            usage=each.usage,
            native=each.native,
            node=each.node,
        )
        for position, each in enumerate(run.tries, 1)
    ]
    return answers.TaskRunShown(
        **_run_head(execution, run),
        execution=execution.number,
        inputs=inputs,
        outputs=await values.show(run.outputs),
        error=run.failure,
        waits_for=run.wait if run.state == "blocked" else None,
        due_at=moment(run.due_at),
        tries=tries,
    )


def explain(execution: Execution) -> answers.Explained:
    """Return why an execution and each of its tasks stand where they stand."""
    reason = reason_shown(execution.reason)
    if reason is None:
        sentences = {
            "pending": "It has not begun.",
            "running": "Something of it is running, waiting or about to start.",
            "succeeded": "All that had to be done was done.",
        }
        reason = answers.ReasonShown(execution.state, sentences.get(execution.state))
    tasks = [explained(execution, task, run) for task, run in execution.root_runs()]
    return answers.Explained(state=execution.state, reason=reason, tasks=tasks)


_SENTENCES = {
    "waiting": "It is about to start.",
    "queued": "It waits for a free place on its runtime.",
    "running": "It is running.",
    "succeeded": "It has succeeded.",
    "retrying": "Its last try failed; the next one is due soon.",
}


def explained(execution: Execution, task: TaskDefinition, run: TaskRun | None) -> answers.TaskExplained:
    """Return why a task stands where it stands."""
    if run is not None:
        reason = reason_shown(run.reason)
        if reason is None:
            reason = answers.ReasonShown(run.state, _SENTENCES.get(run.state))
            if run.wait is not None and run.state == "blocked":
                reason = answers.ReasonShown(f"waits_for_{run.wait}", f"It waits for {_awaited(run)}.")
        return answers.TaskExplained(task=task.name, state=run.state, reason=reason)
    if execution.state in EXECUTION_ENDS:
        reason = answers.ReasonShown("not_reached", "Nothing led to it.")
        return answers.TaskExplained(task=task.name, state="waiting", reason=reason)
    sources = execution.waiting_for(task.name)
    named = ", ".join(f"'{name}'" for name in sources[:10])
    more = f" and {len(sources) - 10} more" if len(sources) > 10 else ""
    reason = answers.ReasonShown(
        "waiting_for", f"It waits for {named}{more}." if sources else "It is about to start."
    )
    return answers.TaskExplained(task=task.name, state="waiting", reason=reason, waiting_for=sources)


def _awaited(run: TaskRun) -> str:
    until = moment(run.due_at)
    match run.wait:
        case "approval":
            what = "an answer"
        case "signal":
            what = f"the signal '{run.input.get('signal')}'"
        case _:
            return f"the time {until}"
    return f"{what}, until {until} at most" if until is not None else what


def reason_shown(reason: Reason | None) -> answers.ReasonShown | None:
    """Return a reason with its sentence."""
    return None if reason is None else reason_of(reason)


def reason_of(reason: Reason) -> answers.ReasonShown:
    """Return a reason that is there, with its sentence."""
    return answers.ReasonShown(reason.code, reason.sentence)
