"""An ended execution to the plan of a new one: what runs again, and what stands as it was.

The chosen tasks run again and so do all that can be reached from them, ways back included; of the others,
results, taken transitions and published values are recorded in the plan and never evaluated anew.
A plan is only data: `preview` shows it before anything runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from headrace.definition.model import WorkflowDefinition
from headrace.engine.execution import NO_ITEM, NOTHING, ROOT, Execution, TaskRun
from headrace.engine.plans import Planned, Reason, Recording
from headrace.engine.states import EXECUTION_ENDS, TASK_FAILURES
from headrace.errors import NotFound, TransitionRefused

StartFrom = Literal["failed", "start"] | Sequence[str]
Mode = Literal["run", "reuse", "skip", "noop"]


def plan_rerun(execution: Execution, start_from: StartFrom) -> dict[str, Planned]:
    """Return what is planned for each task when the execution is run again.

    `failed` chooses what failed unhandled, timed out, was cancelled or never ran; `start` chooses everything;
    else the names are those of tasks of the workflow itself.
    Raises TransitionRefused while the execution lives, and NotFound for an unknown name.
    """
    if execution.state not in EXECUTION_ENDS:
        raise TransitionRefused("The execution", execution.state, "a rerun")
    if start_from == "start":
        everything = Reason("from_start", "Everything runs again.")
        return {name: _again(execution, name, everything) for name in execution.graph.nodes}
    chosen = _failed(execution) if start_from == "failed" else _named(execution, start_from)
    behind = _reached(execution, chosen)
    plan: dict[str, Planned] = {}
    visits = _visits(execution)
    for name in execution.graph.nodes:
        if name in chosen and (start_from != "failed" or name in behind):
            plan[name] = Planned(mode="run", reason=chosen[name])
        elif name in chosen:
            plan[name] = _with_items(execution, visits.get(name, []), chosen[name])
        elif name in behind:
            reason = Reason("downstream", f"It can be reached from '{behind[name]}', which runs again.")
            plan[name] = _again(execution, name, reason)
        else:
            plan[name] = _reused(execution, visits[name])
    return plan


def preview(definition: WorkflowDefinition, plan: Mapping[str, Planned]) -> list[tuple[str, Mode, Reason]]:
    """Return what a start with this plan would do with each task, in written order."""
    usual = Planned(mode="run", reason=Reason("planned", "It runs."))
    rows = [(task.name, plan.get(task.name, usual)) for task in definition.tasks]
    return [(name, planned.mode, planned.reason) for name, planned in rows]


def _failed(execution: Execution) -> dict[str, Reason]:
    """Return the tasks that have to run again for the execution to come to a good end, and why."""
    found: dict[str, Reason] = {}
    unhandled = set(execution.failed)
    flawed = {task for task, _ in execution.flaws}
    for run in execution.runs.values():
        name = _root_task(execution, run)
        if run.task in flawed and name not in found:
            found[name] = Reason(
                "flawed", f"An expression of '{run.task}' broke, or it was visited too often."
            )
        if run.scope != ROOT or run.item != NO_ITEM or name in found:
            continue
        if (
            run.state == "cancelled"
            or run.number in unhandled
            or (run.state in TASK_FAILURES and run.taken is None)
        ):
            found[name] = _failure(run)
    return {name: found[name] for name in execution.graph.nodes if name in found}


def _failure(run: TaskRun) -> Reason:
    told = run.failure.message if run.failure is not None else "Nothing more is known."
    how = {"failed": "failed", "timed_out": "timed out", "cancelled": "was cancelled"}[run.state]
    return Reason(run.state, f"It {how}: {told}")


def _root_task(execution: Execution, run: TaskRun) -> str:
    """Return the task of the workflow itself that a run belongs to."""
    owner = execution.scopes[run.scope].owner
    while owner is not None:
        run = execution.runs[owner]
        owner = execution.scopes[run.scope].owner
    return run.task


def _named(execution: Execution, names: Iterable[str]) -> dict[str, Reason]:
    known = execution.graph.nodes
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise NotFound(f"The workflow has no task '{name}'.{hint}")
    asked = Reason("chosen", "It was asked for.")
    return dict.fromkeys(names, asked)


def _reached(execution: Execution, chosen: Iterable[str]) -> dict[str, str]:
    """Return each task that can be reached from a chosen one, with the task through which it was found."""
    nodes = execution.graph.nodes
    found: dict[str, str] = {}
    left = list(chosen)
    while left:
        name = left.pop()
        node = nodes[name]
        for target in (*node.targets, *node.backs):
            if target not in found:
                found[target] = name
                left.append(target)
    return found


def _visits(execution: Execution) -> dict[str, list[TaskRun]]:
    """Return the runs of each task of the workflow itself, in the order of their visits."""
    found: dict[str, list[TaskRun]] = {}
    for run in execution.runs.values():
        if run.scope == ROOT and run.item == NO_ITEM:
            found.setdefault(run.task, []).append(run)
    return found


def _again(execution: Execution, name: str, reason: Reason) -> Planned:
    """Return that a task runs again, unless the earlier execution was told to pass over it."""
    before = execution.plan.get(name)
    if before is not None and before.mode in ("skip", "noop"):
        return before
    return Planned(mode="run", reason=reason)


def _with_items(execution: Execution, runs: list[TaskRun], reason: Reason) -> Planned:
    """Return that a task runs again, of a foreach only the items that did not succeed."""
    foreach = runs[-1].foreach if runs else None
    if foreach is None:
        return Planned(mode="run", reason=reason)
    reused = Reason("reused", f"The item succeeded in execution {execution.number}.")
    items = {
        item.item: _recording(execution, item, reused)
        for item in (execution.runs[number] for number in foreach.runs)
        if item.state == "succeeded"
    }
    left = foreach.count - len(items)
    sentence = f"{left} of {foreach.count} items run again if the list is the same: {reason.sentence}"
    return Planned(mode="run", reason=Reason(reason.code, sentence), items=items, item_list=foreach.items)


def _reused(execution: Execution, runs: list[TaskRun]) -> Planned:
    reason = Reason("reused", f"Its result in execution {execution.number} is used.")
    recordings = tuple(_recording(execution, run, run.reason) for run in runs)
    return Planned(mode="reuse", reason=reason, recordings=recordings)


def _recording(execution: Execution, run: TaskRun, reason: Reason | None) -> Recording:
    inside = execution.inside(run)
    published = inside.published if inside is not None else NOTHING
    if run.earlier is not None and run.item == NO_ITEM:
        published = execution.plan[run.task].recordings[run.visit - 1].published
    assert run.state in ("succeeded", "failed", "timed_out", "skipped", "cancelled")
    return Recording(
        state=run.state,
        outputs=run.outputs,
        failure=run.failure,
        reason=reason,
        taken=run.taken,
        published=published,
        run=run.earlier or run.number,
    )
