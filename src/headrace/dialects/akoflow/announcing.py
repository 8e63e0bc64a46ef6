"""Makes the webhook deliveries of a commit (section 5); the notifications room sends them.

Every activity gives exactly one event when it ends in any way, every workflow exactly one; what the webhooks
are stands in the definition.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from headrace.dialects.akoflow import render, views
from headrace.dialects.akoflow.spelling import (
    ACTIVITY_STATUS,
    CANCELLED,
    WORKFLOW_STATUS,
    instant,
    webhook_status,
)
from headrace.dialects.akoflow.views import Activity
from headrace.engine import events
from headrace.engine.execution import Execution
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import Delivery

_ACTIVITY, _WORKFLOW = "ACTIVITY_COMPLETED", "WORKFLOW_DONE"

_LANES = 8
"""Deliveries to one URL that are in flight at once."""


class _Told(msgspec.Struct, frozen=True):
    """One event."""

    type: str
    at: float
    place: int
    """Place of the activity in the document; behind the last one for the workflow."""
    data: dict[str, Any]


def announcer(
    take: Callable[[], int], _loaded: Mapping[str, Any], secrets: SecretsInUse
) -> Callable[[Execution, Sequence[events.AnyEvent], int], list[Delivery]]:
    """Return what makes deliveries; `take` gives numbers."""

    def announce(execution: Execution, happened: Sequence[events.AnyEvent], _before: int) -> list[Delivery]:
        hooks = execution.definition.annotations.get("webhooks", ())
        wanted = frozenset(type for hook in hooks for type in hook["events"])
        made = []
        for event in happened:
            for told in _told(execution, event, wanted):
                body = secrets.redactor.octets(msgspec.json.encode({"type": told.type, "data": told.data}))
                made += [
                    _delivery(execution, hook, told, body, take())
                    for hook in hooks
                    if told.type in hook["events"]
                ]
        return made

    return announce


def _told(execution: Execution, event: events.AnyEvent, wanted: frozenset[str]) -> Iterator[_Told]:
    """Yield what is told of an event, as far as anybody wants it."""
    if _ACTIVITY in wanted:
        yield from _told_of_activities(execution, event)
    if _WORKFLOW in wanted and isinstance(event, events.ExecutionEnded):
        yield _Told(_WORKFLOW, event.at, views.count_of(execution), _workflow(execution))


def _told_of_activities(execution: Execution, event: events.AnyEvent) -> Iterator[_Told]:
    match event:
        case events.TaskSucceeded(run=number) | events.TaskSkipped(run=number):
            yield from _completed(execution, execution.runs[number].task, event.at)
        case events.TaskFailed(run=number) | events.TaskReused(run=number):
            yield from _completed(execution, execution.runs[number].task, event.at)
        case events.ExecutionEnded():
            for each in views.activities(execution):
                if each.run is None:
                    yield _told_of(each, execution, CANCELLED, event.at)
        case _:
            return


def _completed(execution: Execution, name: str, at: float) -> Iterator[_Told]:
    if views.is_activity(execution, name):
        found = views.activity_named(execution, name)
        yield _told_of(found, execution, ACTIVITY_STATUS[found.state], at)


def _told_of(found: Activity, execution: Execution, status: int, at: float) -> _Told:
    run = found.run
    last = run.tries[-1] if run is not None and run.tries else None
    data = {
        "Id": found.id,
        "WorkflowId": execution.number,
        "Namespace": execution.definition.annotations.get("namespace", "default"),
        "Name": found.task.name,
        "Image": found.notes.get("image", ""),
        "ResourceK8sBase64": _resource(found),
        "Status": webhook_status(status),
        "ProcId": last.native if last is not None else None,
        "DependOnActivity": found.only_dependency,
        "CreatedAt": instant(execution.created_at),
        "StartedAt": instant(run.started_at if run is not None else None),
        "FinishedAt": instant(run.ended_at if run is not None and run.ended_at is not None else at),
    }
    return _Told(_ACTIVITY, at, found.index, data)


def _resource(found: Activity) -> str:
    """Return the activity with its defaults filled in, as base64 of JSON, which is YAML too."""
    return base64.b64encode(msgspec.json.encode(render.written(found))).decode()


def _workflow(execution: Execution) -> dict[str, Any]:
    notes = execution.definition.annotations
    runtime = notes.get("runtime", "")
    if not runtime:
        runtime = _shared_runtime([each.notes for each in views.activities(execution)])
    return {
        "ID": execution.number,
        "Namespace": notes.get("namespace", "default"),
        "Runtime": runtime,
        "Name": execution.definition.name,
        "RawWorkflow": notes.get("raw", ""),
        "Status": webhook_status(WORKFLOW_STATUS[execution.state]),
    }


def _shared_runtime(notes: Sequence[Mapping[str, Any]]) -> str:
    """Return the runtime that all activities name, whose name is compared without case; else nothing.

    Where they spell it differently, it is spelled as it is configured.
    """
    written = [str(each.get("runtime", "")) for each in notes]
    if len({name.lower() for name in written}) != 1:
        return ""
    configured = str(notes[0].get("effective", ""))
    is_same = configured.lower() == written[0].lower()  # not where it is tried out on local
    return configured if is_same and len(set(written)) > 1 else written[0]


def _delivery(execution: Execution, hook: dict[str, Any], told: _Told, body: bytes, number: int) -> Delivery:
    return Delivery(
        number=number,
        execution=execution.number,
        sequence=told.place + 1,
        event=told.type,
        url=hook["url"],
        body=body,
        queue=f"{execution.number} {hook['url']} {told.place % _LANES}",
        secret_ref=hook["secret"],
        is_last=told.type == _WORKFLOW,
        catches_up=True,
        created_at=told.at,
        next_try_at=told.at,
    )
