"""Answers about runs and their tasks, made of the engine's view of an execution (section 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from headrace.definition.model import OutputDefinition, RunCommand, TaskDefinition
from headrace.definition.outcomes import Failure
from headrace.definition.places import sources
from headrace.dialects.dataflow.shown import (
    LARGEST_RUN_OUTPUT,
    LARGEST_TASK_OUTPUT,
    Needed,
    Shelf,
    masked,
    needed,
    shown,
)
from headrace.dialects.dataflow.spelling import (
    TaskStatus,
    execution_id,
    execution_key,
    milliseconds,
    moment,
    ours,
    run_status,
    task_status,
)
from headrace.dialects.dataflow.wire import Style
from headrace.engine.execution import ROOT, Execution, TaskRun, Try
from headrace.engine.states import EXECUTION_ENDS
from headrace.expressions import parse

Answer = dict[str, Any]

_EXPRESSIONS = {"Type error": "type_mismatch", "too expensive": "too_large"}
"""What the engine says of an expression to the page's name of that failure."""

_UNORDERED = re.compile(
    r"(?:Type error: )'(<=|>=|<|>)' needs two numbers or two strings, not (\w+) and (\w+)"
)
_KINDS = {"string": "text", "bool": "boolean", "array": "list"}
"""The engine's words for types of values to the page's."""

_OF_OUTPUTS = frozenset({"output_unavailable", "output_too_large", "type_mismatch"})
"""Warnings of the engine, in the order of the outputs that are not there."""

_MOST_NAMES = 10
"""Names in a sentence; the list beside it has all."""


class RunView(Struct, frozen=True):
    """One run and how to speak of it."""

    execution: Execution
    workflow_id: str
    alias: str
    """Either of the run's two ids."""
    style: Style
    """With the family of the route."""
    shelf: Shelf = Shelf()

    @property
    def id(self) -> str:
        """The run's id in this family."""
        return execution_id(self.style, self.alias)

    @property
    def url(self) -> str:
        """Path of the run's own route."""
        return f"/workflows/{self.workflow_id}/executions/{self.id}"


def shown_in_details(execution: Execution) -> set[Needed]:
    """Return the large values and files that `details` shows, which must be on the shelf."""
    runs = (run for _, run in execution.root_runs() if run is not None)
    found = _needed((execution.inputs, execution.outputs), LARGEST_RUN_OUTPUT)
    return found | _needed((run.outputs for run in runs), LARGEST_TASK_OUTPUT)


def shown_in_task(run: TaskRun | None) -> set[Needed]:
    """Return the large values and files that `task` shows."""
    return set() if run is None else _needed((run.input, run.outputs), LARGEST_TASK_OUTPUT)


def _needed(shown: Iterable[Mapping[str, Any]], largest: int) -> set[Needed]:
    return {each for values in shown for value in values.values() for each in needed(value, largest)}


def started(view: RunView, version: int) -> Answer:
    """Answer a start, a cancel before it, or a rerun: the moment of queuing."""
    style = view.style
    head: Answer = {"workflow_id": view.workflow_id, "workflow_version": version}
    if style.family == "A":
        head = {"workflow_execution_id": view.id, **head}
    else:
        head["execution_id"] = view.id
    return ours(style, {**head, "status": "PENDING"})


def details(view: RunView) -> Answer:
    """Answer `GET R`."""
    return details_with(view, [task_in_details(view, *each) for each in view.execution.root_runs()])


def details_with(view: RunView, tasks: list[Any]) -> Answer:
    """Answer `GET R` with tasks that are rendered already, by `task_in_details` in their order."""
    execution, style = view.execution, view.style
    return ours(
        style,
        {
            execution_key(style): view.id,
            "workflow_id": view.workflow_id,
            "workflow_version": execution.version,
            "status": run_status(execution.state),
            "tasks": tasks,
            "inputs": _inputs(view),
            "outputs": _outputs(view),
            "error": _run_error(execution),
            "created_at": moment(execution.created_at),
            "started_at": moment(execution.started_at),
            "completed_at": moment(execution.ended_at),
            "duration_ms": milliseconds(execution.started_at, execution.ended_at),
            "cancel_requested": "cancelled" in {execution.state, execution.end},
            "paused": execution.state == "paused",
            "warnings": _warnings(execution),
        },
    )


def tasks(view: RunView) -> Answer:
    """Answer `GET R/tasks`."""
    return {"tasks": [task(view, definition, run) for definition, run in view.execution.root_runs()]}


def task(view: RunView, definition: TaskDefinition, run: TaskRun | None) -> Answer:
    """Answer `GET R/tasks/{task}`: as in the details, with inputs and tries."""
    tries = [_try(view.style, index, each) for index, each in enumerate(run.tries, 1)] if run else []
    answer = task_in_details(view, definition, run)
    answer["inputs"] = _task_inputs(view, definition, run)
    answer["tries"] = tries
    return answer


def _inputs(view: RunView) -> Answer:
    # null is an input that was not given, and an `@` begins the files that the definition itself names
    return {
        name: shown(value, view.url, LARGEST_RUN_OUTPUT, view.style, view.shelf)
        for name, value in view.execution.inputs.items()
        if value is not None and not name.startswith("@")
    }


def _outputs(view: RunView) -> Answer | None:
    execution = view.execution
    if execution.state != "succeeded":
        return None
    return {
        output.name: shown(
            execution.outputs.get(output.name),
            f"{view.url}/outputs/{output.name}",
            LARGEST_RUN_OUTPUT,
            view.style,
            view.shelf,
        )
        for output in execution.definition.outputs
    }


def task_in_details(view: RunView, definition: TaskDefinition, run: TaskRun | None) -> Answer:
    """Return a task as the details show it; it stays so once it has ended, or while it waits for the same."""
    status = status_of(view.execution, run)
    started_at, ended_at = (run.started_at, run.ended_at) if run else (None, view.execution.ended_at)
    outputs = run.outputs if run and status == "COMPLETED" else {}
    if run is None and status != "CANCELLED":
        ended_at = None
    return ours(
        view.style,
        {
            view.style.label: definition.name,
            "status": status,
            "type": definition.annotations.get("type", "unknown"),
            "reason": _reason(view.execution, view.style, definition, run, status),
            "attempts": sum(1 for each in run.tries if _was_made(each)) if run else 0,
            "fallback_used": run.fallback_used if run else False,
            "started_at": moment(started_at),
            "completed_at": moment(ended_at),
            "duration_ms": milliseconds(started_at, ended_at),
            "outputs": {
                name: shown(
                    value,
                    f"{view.url}/tasks/{definition.name}/outputs/{name}",
                    LARGEST_TASK_OUTPUT,
                    view.style,
                    view.shelf,
                )
                for name, value in outputs.items()
            },
            "error": failure(run.failure) if run and run.failure and status == "FAILED" else None,
        },
    )


def status_of(execution: Execution, run: TaskRun | None) -> TaskStatus:
    """Return a task's status; one that was not started when the run was cancelled is cancelled, too."""
    if run is not None:
        return task_status(run.state, len(run.tries))
    is_over = execution.state in EXECUTION_ENDS or execution.state == "cancelling"
    return "CANCELLED" if is_over else "PENDING"


def _was_made(each: Try) -> bool:
    return each.started_at is not None or each.outcome is not None


def _reason(
    execution: Execution, style: Style, definition: TaskDefinition, run: TaskRun | None, status: TaskStatus
) -> Answer | None:
    match status:
        case "SKIPPED" | "PENDING" if run is not None and run.reason is not None:
            return {"code": run.reason.code, "message": run.reason.sentence}
        case "PENDING" if run is not None and run.state == "queued":
            return {"code": "queued", "message": "Waits for a free machine."}
        case "RUNNING" if run is not None and run.state == "retrying":
            again = moment(run.due_at)
            sentence = f"Waits until {again} for the next try."
            return ours(style, {"code": "retrying", "message": sentence, "next_try_at": again})
        case "PENDING" if run is None:
            names = execution.waiting_for(definition.name)
            listed = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES])
            more = len(names) - _MOST_NAMES
            sentence = f"Waits for {listed}{f' and {more} more' if more > 0 else ''}."
            return {"code": "waiting_for", "message": sentence, "tasks": list(names)} if names else None
        case _:
            return None


def failure(failed: Failure) -> Answer:
    """Return the error object of a task that failed."""
    answer: Answer = {"code": _code(failed), "message": _message(failed)}
    if failed.status is not None:
        answer["status"] = failed.status
    return {**answer, "final": failed.final}


def _code(failed: Failure) -> str:
    """Return the page's name of a failure: a broken expression of the engine is a missing value here."""
    match failed.code:
        case "expression":
            return next(
                (code for told, code in _EXPRESSIONS.items() if told in failed.message), "missing_value"
            )
        case "timed_out":
            return "timeout"
        case code:
            return code


def _message(failed: Failure) -> str:
    """Return the sentence of a failure, in the page's words for the types of values."""
    if failed.code != "expression":
        return failed.message
    return _UNORDERED.sub(_unordered, failed.message)


def _unordered(found: re.Match[str]) -> str:
    left, right = (_KINDS.get(each, each) for each in found.group(2, 3))
    return f"'{found[1]}' compares two numbers or two texts; the values are {left} and {right}"


def _run_error(execution: Execution) -> Answer | None:
    if execution.state not in {"failed", "timed_out"}:
        return None
    reason = execution.reason
    if execution.state == "timed_out":
        return {"code": "timed_out", "message": reason.sentence if reason else "", "tasks": []}
    runs = [execution.runs[number] for number in execution.failed]
    names = [run.task for run in runs]
    if not runs:
        sentence = reason.sentence if reason else "The run failed."
        return {"code": reason.code if reason else "failed", "message": sentence, "tasks": names}
    first = runs[0].failure
    why = _message(first) if first else "it failed."
    if len(names) == 1:
        return {"code": "task_failed", "message": f"Task '{names[0]}' failed: {why}", "tasks": names}
    sentence = f"{len(names)} tasks failed; the first, '{names[0]}': {why}"
    return {"code": "task_failed", "message": sentence, "tasks": names}


def _warnings(execution: Execution) -> list[Answer]:
    unavailable = (output for output in execution.definition.outputs if output.name not in execution.outputs)
    told = []
    for reason in execution.warnings:
        output = next(unavailable, None) if reason.code in _OF_OUTPUTS else None
        skipped = _skipped_source(execution, output) if output is not None else None
        if output is not None and skipped is not None:
            sentence = f"Output '{output.name}' is not available: task '{skipped}' was skipped."
        else:
            sentence = reason.sentence
        told.append(_warning(reason.code, sentence))
    return told


def _skipped_source(execution: Execution, output: OutputDefinition) -> str | None:
    """Return the first task that an output reads and that was skipped."""
    latest = execution.scopes[ROOT].latest
    read = (each for source in sources(output.value) for each in parse(source).references if each.path)
    for name in (str(each.path[0]) for each in read):
        run = execution.runs.get(latest.get(name, 0))
        if run is not None and run.state == "skipped":
            return name
    return None


def _warning(code: str, message: str) -> Answer:
    return {"path": "", "code": code, "message": message, "suggestion": None}


def _task_inputs(view: RunView, definition: TaskDefinition, run: TaskRun | None) -> Answer:
    """Return what the last try was given, with every secret masked."""
    if run is None or not run.tries:
        return {}
    sealed = {name: masked(part) for name, part in run.sealed.entries.items()} if run.sealed else {}
    url = f"{view.url}/tasks/{definition.name}"
    given = {
        name: shown(value, url, LARGEST_TASK_OUTPUT, view.style, view.shelf)
        for name, value in {**run.input, **sealed}.items()
        if value is not None
    }
    action = definition.fallback if run.fallback_used else definition.action
    return _shell_inputs(action, given) if isinstance(action, RunCommand) else given


def _shell_inputs(action: RunCommand, given: Answer) -> Answer:
    """Return a command's input by the ports of `core.shell`."""
    answer: Answer = {"script": action.script}
    prefix = "environment."
    if action.environment:
        answer["env"] = {
            name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)
        }
    if "stdin" in given:
        answer["stdin"] = given["stdin"]
    return answer


def _try(style: Style, number: int, each: Try) -> Answer:
    status = "RUNNING" if each.started_at is not None else "PENDING"
    match each.outcome:
        case None:
            pass
        case "succeeded":
            status = "COMPLETED"
        case "cancelled":
            status = "CANCELLED"
        case _:
            status = "FAILED"
    usage = each.usage
    error = failure(each.failure) if each.failure else None
    if error and each.failure and each.failure.trace:
        error["trace"] = each.failure.trace
    return ours(
        style,
        {
            "attempt": number,
            "status": status,
            "started_at": moment(each.started_at),
            "duration_ms": milliseconds(each.started_at, each.ended_at),
            "usage": usage
            and ours(style, {"cpu_seconds": usage.cpu_seconds, "max_rss_bytes": usage.max_rss_bytes or None}),
            "error": error,
        },
    )
