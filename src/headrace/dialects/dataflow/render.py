"""Answers about workflows, lists, task types, files, deliveries, and what is wrong (section 2).

Pure: rows and documents in, JSON values out; answers about runs are in `runs.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, to_builtins

from headrace.definition.differences import Differences
from headrace.definition.types import Port, TaskTypeSpec, TypeName
from headrace.dialects.dataflow.names import fold
from headrace.dialects.dataflow.parse import Parsed
from headrace.dialects.dataflow.spelling import (
    execution_id,
    execution_key,
    moment,
    ours,
    run_status,
    title_key,
)
from headrace.dialects.dataflow.wire import MOST_PROBLEMS, WORKFLOW, Style
from headrace.errors import Problem
from headrace.security.redaction import without_query
from headrace.store.rows import DeliveryEntry, ExecutionRow, FileRow, VersionSummary, WorkflowRow

Answer = dict[str, Any]

_KEY_HEADER = "X-OpenAI-Key"
_STATES = {"pending": "WAITING", "delivered": "DELIVERED"}


def error(
    code: str, message: str, problems: Sequence[Problem] = (), warnings: Sequence[Problem] = ()
) -> Answer:
    """Return the body of every error answer."""
    return {
        "error": code,
        "message": message,
        "errors": [told(problem) for problem in problems],
        "warnings": [told(problem) for problem in warnings],
    }


def told(problem: Problem) -> Answer:
    """Return one entry of `errors` or `warnings`."""
    answer: Answer = {
        "path": problem.path,
        "code": problem.code,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }
    if problem.task is not None:
        answer["task"] = problem.task
    if problem.code == "missing_credential":
        answer["header"] = _KEY_HEADER
    return answer


def counted(what: str, problems: Sequence[Problem]) -> str:
    """Return the sentence of an error answer, with the number of problems."""
    count = len(problems)
    if count > MOST_PROBLEMS:
        return f"{what} has more than {MOST_PROBLEMS} problems."
    return f"{what} has {count} problem{'s' if count != 1 else ''}."


def with_warnings(answer: Answer, warnings: Sequence[Problem]) -> Answer:
    """Add warnings when there are some, so that a clean request gets exactly the documented body."""
    return {**answer, "warnings": [told(warning) for warning in warnings]} if warnings else answer


def created(style: Style, workflow_id: str, version: int, warnings: Sequence[Problem]) -> Answer:
    """Answer a create; family A says no version."""
    if style.family == "A":
        return with_warnings(ours(style, {"workflow_id": workflow_id}), warnings)
    return updated(style, workflow_id, version, warnings)


def updated(style: Style, workflow_id: str, version: int, warnings: Sequence[Problem]) -> Answer:
    """Answer an update."""
    return with_warnings(ours(style, {"workflow_id": workflow_id, "workflow_version": version}), warnings)


def without_added(document: Any) -> Any:
    """Return a document without the keys that `workflow` adds, so that a GET may be sent back unchanged."""
    if not isinstance(document, dict):
        return document
    return {key: value for key, value in document.items() if fold(key) not in WORKFLOW.ignored}


def workflow(
    style: Style, document: Any, workflow_id: str, version: int, created_at: float, updated_at: float
) -> Answer:
    """Answer a workflow or one of its versions: the document as it was sent, with four keys at its top."""
    added = {
        "workflow_id": workflow_id,
        "workflow_version": version,
        "created_at": moment(created_at),
        "updated_at": moment(updated_at),
    }
    return {**ours(style, added), **document}


def workflows(rows: Iterable[tuple[WorkflowRow, Style]], cursor: str | None) -> Answer:
    """Answer the list of workflows; each in the style of its own document."""
    listed = [
        ours(
            style,
            {
                "workflow_id": row.alias,
                "workflow_version": row.version,
                title_key(style): row.name,
                "description": row.description,
                "created_at": moment(row.created_at),
                "updated_at": moment(row.updated_at),
            },
        )
        for row, style in rows
    ]
    return _page({"workflows": listed}, cursor)


def versions(style: Style, rows: Iterable[VersionSummary], cursor: str | None) -> Answer:
    """Answer the list of versions, newest first."""
    listed = [
        ours(style, {"workflow_version": row.version, "created_at": moment(row.created_at)}) for row in rows
    ]
    return ours(style, _page({"versions": listed}, cursor))


def differences(style: Style, workflow_id: str, versions: tuple[int, int], found: Differences) -> Answer:
    """Answer a comparison of two versions, the older one first."""
    return ours(
        style,
        {
            "workflow_id": workflow_id,
            "from_version": versions[0],
            "to_version": versions[1],
            "tasks": [
                ours(
                    style,
                    {
                        style.label: each.task,
                        "kind": each.kind,
                        "waited_for": list(each.waited_for),
                        "waits_for": list(each.waits_for),
                        "changes": [to_builtins(change) for change in each.changes],
                    },
                )
                for each in found.tasks
            ],
            "changes": [to_builtins(change) for change in found.changes],
            "text": found.text,
        },
    )


def executions(style: Style, rows: Iterable[ExecutionRow], cursor: str | None) -> Answer:
    """Answer the list of runs of a workflow, newest first."""
    listed = [
        ours(
            style,
            {
                execution_key(style): execution_id(style, row.alias or row.id),
                "status": run_status(row.state),
                "created_at": moment(row.created_at),
                "started_at": moment(row.started_at),
                "completed_at": moment(row.ended_at),
            },
        )
        for row in rows
    ]
    return ours(style, _page({"executions": listed}, cursor))


def _page(answer: Answer, cursor: str | None) -> Answer:
    return answer if cursor is None else {**answer, "next_cursor": cursor}


def validated(parsed: Parsed) -> Answer:
    """Answer `POST /workflows/validate`."""
    return {
        "valid": parsed.definition is not None,
        "errors": [told(problem) for problem in parsed.problems],
        "warnings": [told(problem) for problem in parsed.warnings],
        "plan": [
            ours(
                parsed.style,
                {
                    "task": step.task,
                    "type": step.type,
                    "depends_on": list(step.depends_on),
                    "because": step.because,
                },
            )
            for step in parsed.plan
        ],
    }


def file(row: FileRow) -> Answer:
    """Return the file object of a stored file."""
    return {
        "file_id": row.id,
        "name": row.name,
        "content_type": row.content_type,
        "size": row.size,
        "sha256": row.sha256,
        "url": f"/files/{row.id}/content",
    }


def task_types(specs: Iterable[TaskTypeSpec]) -> Answer:
    """Answer the list of task types."""
    return {
        "task_types": [
            {
                "type": spec.type,
                "category": spec.category,
                "description": spec.description,
                "available": spec.available,
            }
            for spec in specs
        ]
    }


def task_type(spec: TaskTypeSpec) -> Answer:
    """Answer one task type; `aliases` has other names of ports."""
    return {
        "specification": {
            "type": spec.type,
            "category": spec.category,
            "description": spec.description,
            "inputs": [_input(port) for port in spec.inputs],
            "outputs": [_output(port) for port in spec.outputs],
            "aliases": {alias: port.name for port in (*spec.inputs, *spec.outputs) for alias in port.aliases},
            "available": spec.available,
        }
    }


def _input(port: Port) -> Answer:
    answer: Answer = {
        "name": port.name,
        "type": _type_word(port.type),
        "required": port.required and port.default is UNSET,
        "description": port.description,
        "example": port.example,
    }
    if port.default is not UNSET:
        answer["default"] = port.default
    for bound in ("minimum", "maximum", "choices"):
        if (value := getattr(port, bound)) is not None:
            answer[bound] = value
    return answer


def _output(port: Port) -> Answer:
    return {
        "name": port.name,
        "type": _type_word(port.type),
        "default": port.is_default,
        "description": port.description,
        "example": port.example,
    }


def _type_word(type_name: TypeName) -> str:
    """Return the page's word for a type: lists and values of unknown type are objects here."""
    return "object" if type_name in {"list", "any"} else type_name


def deliveries(style: Style, rows: Iterable[DeliveryEntry], cursor: str | None) -> Answer:
    """Answer the log of a run's webhook."""
    listed = [
        ours(
            style,
            {
                "sequence": row.sequence,
                "event": row.event,
                "url": without_query(row.url),
                "status": _STATES.get(row.state, "FAILED"),
                "tries": [
                    ours(
                        style,
                        {
                            "at": moment(each.at),
                            "status_code": each.status_code,
                            "error": each.error,
                            "duration_ms": each.duration_ms,
                        },
                    )
                    for each in row.attempts
                ],
                "next_try_at": moment(row.next_try_at),
            },
        )
        for row in rows
    ]
    return ours(style, _page({"deliveries": listed}, cursor))
