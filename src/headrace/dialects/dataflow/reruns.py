"""Checks the body of a rerun, and what it would use again of the run that it repeats.

Pure; what of it only the server knows is checked as for a start (`start.check_tasks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.dataflow import fields
from headrace.dialects.dataflow.fields import Given
from headrace.dialects.dataflow.findings import Findings, member
from headrace.dialects.dataflow.names import Ambiguous, Found, NameTable, fold
from headrace.dialects.dataflow.start import check_workflow_id
from headrace.dialects.dataflow.wire import RERUN
from headrace.engine.plans import Planned
from headrace.engine.rerun import StartFrom
from headrace.errors import Problem

_INPUTS = "A rerun has the inputs of the run that it repeats; to give others, start the workflow."
_WEBHOOK = "A rerun tells the receiver of the run that it repeats; to name another one, start the workflow."
_OF_STARTS = {"inputs": _INPUTS, "input": _INPUTS, "monitoring": _WEBHOOK, "webhookurl": _WEBHOOK}
"""Folded keys that only a start has; to pass over them would begin something else than was asked for."""
_CHOICES = 'must be "failed", "start" or a list of names of tasks'
_MOST_NAMED = 10


class CheckedRerun(Struct, frozen=True):
    """What became of the body of a rerun."""

    start_from: StartFrom
    place: str
    """JSON pointer to where it says so, `""` where it does not."""
    problems: tuple[Problem, ...]
    """In document order; when there are some, nothing may be started."""
    warnings: tuple[Problem, ...]


def check_rerun(body: Any, workflow_id: str, definition: WorkflowDefinition) -> CheckedRerun:
    """Check a decoded body (None when it was empty); all problems are told at once."""
    findings = Findings()
    top = fields.read_fields({} if body is None else body, "", RERUN, findings)
    for key, value in body.items() if isinstance(body, dict) else ():
        if value is not None and (why := _OF_STARTS.get(fold(key))):
            findings.problem(member("", key), "unknown_field", why)
    check_workflow_id(top.get("workflow_id"), workflow_id, findings)
    given = top.get("from")
    start_from = "failed" if given is None else _start_from(given, definition, findings)
    return CheckedRerun(start_from, given.path if given else "", *findings.told(body))


def _start_from(given: Given, definition: WorkflowDefinition, findings: Findings) -> StartFrom:
    match given.value:
        case "start":
            return "start"
        case "failed":
            pass
        case [_, *_] as written:
            return _tasks(written, given.path, definition, findings)
        case str() as word:
            near = findings.nearest(word, ("failed", "start"))
            message = f"'{given.key}' {_CHOICES}, not '{word[:60]}'."
            findings.problem(given.path, "invalid_value", message, suggestion=near)
        case []:
            message = f"'{given.key}' names no task; without it what failed runs again."
            findings.problem(given.path, "empty", message)
        case other:
            message = f"'{given.key}' {_CHOICES}, not {fields.kind(other)}."
            findings.problem(given.path, "invalid_type", message)
    return "failed"


def _tasks(
    written: list[Any], path: str, definition: WorkflowDefinition, findings: Findings
) -> tuple[str, ...]:
    table = NameTable({task.name: task for task in definition.tasks})
    named: dict[str, None] = {}
    for index, name in enumerate(written):
        place = f"{path}/{index}"
        if not isinstance(name, str):
            message = f"The name of a task is a text, not {fields.kind(name)}."
            findings.problem(place, "invalid_type", message)
            continue
        match table.find(name):
            case Found(own, _, is_exact):
                named[own] = None
                if not is_exact:
                    message = f"'{name}' is another spelling of '{own}'."
                    findings.warn(place, "alias_used", message, suggestion=own)
            case Ambiguous(candidates):
                message = f"'{name}' may mean {' or '.join(candidates)}."
                findings.problem(place, "ambiguous_name", message)
            case None:
                near = findings.nearest(name, table.entries)
                message = f"There is no task '{name[:100]}'."
                findings.problem(place, "unknown_reference", message, suggestion=near)
    return tuple(named)


def check_plan(plan: Mapping[str, Planned], place: str = "") -> tuple[Problem, ...]:
    """Tell which tasks would be used again though they have no result; `place` is what chose the others.

    Their cancelled end would stand in the new run as a failure that nothing made.
    """
    without = [
        name
        for name, planned in plan.items()
        if planned.mode == "reuse" and planned.recordings[-1].state == "cancelled"
    ]
    if not without:
        return ()
    named = ", ".join(f"'{name}'" for name in without[:_MOST_NAMED])
    more = f" and {len(without) - _MOST_NAMED} more" if len(without) > _MOST_NAMED else ""
    message = (
        f"These tasks were cancelled, and have no result that can be used again: {named}{more}. "
        'Name them too, or run again from "failed" or "start".'
    )
    return (Problem(path=place, code="invalid_value", message=message),)
