"""The shapes of section 4.4: workflows and activities as answers show them, keys in camelCase."""

from __future__ import annotations

from typing import Any

from headrace.definition.model import TaskDefinition
from headrace.definition.templates import Literal
from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.activities import RETRY_DELAY
from headrace.dialects.akoflow.labels import RERUN_OF
from headrace.dialects.akoflow.spelling import (
    ACTIVITY_STATUS,
    COUNTS,
    WORKFLOW_STATUS,
    instant,
    stamp,
    whole_seconds,
)
from headrace.dialects.akoflow.views import Activity
from headrace.engine.execution import Execution, Try
from headrace.errors import Problem

Answer = dict[str, Any]

PATH = "/akoflow-api/workflows"
UI = "/ui/executions"
"""Where the user interface shows executions, each by its number or its id."""


def submitted(name: str, workflow_id: int, execution_id: str, warnings: list[Answer]) -> Answer:
    """Return the answer to a submission; each known client finds in it what it reads."""
    return {
        "workflow_entity": name,
        "workflow": name,
        "workflow_id": workflow_id,
        "id": workflow_id,
        "message": "Workflow has been deployed successfully.",
        "status": 0,
        "state": "pending",
        "warnings": warnings,
        "links": {"self": f"{PATH}/{workflow_id}/", "ui": f"{UI}/{execution_id}"},
    }


def problem(found: Problem) -> Answer:
    """Return one problem or warning."""
    return {
        "code": found.code,
        "pointer": found.path,
        "line": found.line,
        "column": found.column,
        "message": found.message,
        "suggestion": found.suggestion,
    }


def workflow(
    execution: Execution,
    now: float,
    warnings: list[Answer],
    *,
    expanded: bool,
) -> Answer:
    """Return a workflow; its activities only when `expanded`."""
    notes = execution.definition.annotations
    code, sentence = views.reason_of(execution)
    shown = list(views.activities(execution))
    counts = dict.fromkeys(COUNTS, 0)
    for each in shown:
        counts[COUNTS[ACTIVITY_STATUS[each.state]]] += 1
    rerun_of = execution.labels.get(RERUN_OF)
    return {
        "id": execution.number,
        "name": execution.definition.name,
        "status": WORKFLOW_STATUS[execution.state],
        "state": execution.state,
        "reason": sentence,
        "reasonCode": code,
        "spec": {
            "image": notes.get("image", ""),
            "namespace": notes.get("namespace", "default"),
            "runtime": notes.get("runtime", ""),
            "schedule": notes.get("schedule", ""),
            "storageClassName": notes.get("storage_class", ""),
            "storageSize": notes.get("storage_size", ""),
            "storagePolicy": {"type": notes.get("storage_policy", "default")},
            "mountPath": notes.get("mount_path", ""),
            "volumes": notes.get("volumes", []),
            "webhooks": [_webhook(hook) for hook in notes.get("webhooks", ())],
            "activities": [activity(each, execution, now) for each in shown] if expanded else [],
            "createdAt": stamp(execution.created_at),
            "startExecution": stamp(execution.started_at),
            "endExecution": stamp(execution.ended_at),
            "executionTime": whole_seconds(execution.started_at, execution.ended_at, now),
            "longestActivity": _longest(shown, execution, now),
            "diskUsage": "",
        },
        "counts": counts,
        "warnings": warnings,
        "rerunOf": int(rerun_of) if rerun_of else None,
        "executionId": execution.id,
    }


def with_disk_usage(shown: Answer, size: int | None) -> Answer:
    """Return a workflow with what its directories hold, in bytes; None where nothing is known of them."""
    usage = "" if size is None else f"{size / 1_000_000:.2f}"
    return {**shown, "spec": {**shown["spec"], "diskUsage": usage}}


def written(found: Activity) -> Answer:
    """Return what the document says of an activity, with its defaults filled in; nothing of its run."""
    notes, command = found.notes, found.command
    return {
        "name": found.task.name,
        "run": (command.script or "") if command is not None else notes.get("run", ""),
        "command": notes.get("command"),
        "runtime": notes.get("runtime", ""),
        "image": notes.get("image", ""),
        "mountPath": notes.get("mount_path", ""),
        "dependsOn": notes.get("depends_on", []),
        "cpuLimit": notes.get("cpu_limit", ""),
        "memoryLimit": notes.get("memory_limit", ""),
        "nodeSelector": notes.get("node_selector", ""),
        "keepDisk": notes.get("keep_disk", False),
        "inputs": notes.get("inputs", []),
        "outputs": command.outputs if command is not None else notes.get("outputs", []),
        "policy": _policy(found.task),
    }


def activity(found: Activity, execution: Execution, now: float) -> Answer:
    """Return an activity of a run."""
    run, notes = found.run, found.notes
    code, sentence = found.reason()
    last = run.tries[-1] if run is not None and run.tries else None
    ended = run.ended_at if run is not None else execution.ended_at
    return {
        "id": found.id,
        "workflowId": execution.number,
        "status": ACTIVITY_STATUS[found.state],
        "state": found.state,
        "reason": sentence,
        "reasonCode": code,
        **written(found),
        "effectiveRuntime": notes.get("effective", notes.get("runtime", "")),
        "directory": found.directory,
        "limits": notes.get("limits", {}),
        "createdAt": stamp(execution.created_at),
        "startedAt": stamp(run.started_at if run is not None else None),
        "finishedAt": stamp(ended),
        "executionTime": whole_seconds(run.started_at, ended, now) if run is not None else "",
        "exitCode": _exit_code(found),
        "attempt": len(run.tries) if run is not None else 0,
        "procId": last.native if last is not None else None,
        "node": last.node if last is not None else None,
        "placement": None,
        "clashes": found.clashes,
        "warnings": notes.get("warnings", []),
    }


def _webhook(hook: Answer) -> Answer:
    return {
        "name": hook["name"],
        "url": hook["url"],
        "events": hook["events"],
        "secretRef": hook["secret"] or "",
    }


def _policy(task: TaskDefinition) -> Answer:
    """Return how often an activity is tried, with the defaults of section 2.4; durations in seconds."""
    retry, timeout = task.retry, task.timeout
    return {
        "maxAttempts": 1 if retry is None else 1 + retry.count,
        "retryDelay": (RETRY_DELAY if retry is None else retry.delay).total_seconds(),
        "timeout": timeout.value if isinstance(timeout, Literal) else None,
    }


def with_attempts(found: Activity, execution: Execution, now: float) -> Answer:
    """Return an activity with everything that was tried."""
    tries = found.run.tries if found.run is not None else []
    shown = [_attempt(each, position, now) for position, each in enumerate(tries, 1)]
    return {**activity(found, execution, now), "attempts": shown}


def _attempt(found: Try, position: int, now: float) -> Answer:
    failure = found.failure
    return {
        "attempt": position,
        "state": found.outcome or ("running" if found.started_at is not None else "queued"),
        "queuedAt": instant(found.queued_at),
        "startedAt": instant(found.started_at),
        "finishedAt": instant(found.ended_at),
        "executionTime": whole_seconds(found.started_at, found.ended_at, now),
        "exitCode": 0 if found.outcome == "succeeded" else failure.exit_code if failure else None,
        "reason": failure.message if failure is not None else "",
        "reasonCode": failure.code if failure is not None else "",
        "procId": found.native,
        "node": found.node,
        "cpuSeconds": found.usage.cpu_seconds if found.usage is not None else None,
        "maxMemoryBytes": found.usage.max_rss_bytes or None if found.usage is not None else None,
    }


def _exit_code(found: Activity) -> int | None:
    run = found.run
    if run is None:
        return None
    if run.state == "succeeded":
        return 0 if found.command is not None else None
    return run.failure.exit_code if run.failure is not None else None


def _longest(shown: list[Activity], execution: Execution, now: float) -> Answer:
    longest, seconds = None, -1.0
    for each in shown:
        run = each.run
        if run is not None and run.ended_at is not None and run.started_at is not None:
            took = run.ended_at - run.started_at
            if took > seconds:
                longest, seconds = each, took
    if longest is not None:
        return activity(longest, execution, now)
    values = activity(shown[0], execution, now)
    return {key: _zero(value) for key, value in values.items()}


def _zero(value: Any) -> Any:
    return None if value is None else type(value)()
