"""Routes of what activities used.

What is told is the sum that the machine gives when a process ends; there are no samples over time yet.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.definition.outcomes import Usage
from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.routes.lookup import run_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.spelling import instant
from headrace.engine.execution import Execution, Try
from headrace.orchestrator.services import Services


class MeasurementRoutes:
    """Processor time and memory of activities."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [
            Operation("GET", f"{PATH}/{{id}}/metrics", "read", self.get_timeline),
            Operation("GET", f"{PATH}/{{id}}/activities/{{aid}}/metrics", "read", self.get_metrics),
        ]

    async def get_timeline(self, request: Request) -> Response:
        """Return when each activity ran and what it used."""
        run = await run_of(request, self._services)
        shown = [_row(each, run.execution) for each in views.activities(run.execution)]
        return data_answer(shown, self._services)

    async def get_metrics(self, request: Request) -> Response:
        """Return what the last attempt of an activity used."""
        run = await run_of(request, self._services)
        tries = found.tries if (found := run.activity(request).run) is not None else []
        summary = _summary(tries[-1] if tries else None, self._services.clock.now())
        return data_answer({"cpu": [], "memory": [], "summary": summary}, self._services)


def _row(found: views.Activity, execution: Execution) -> dict[str, Any]:
    run = found.run
    used = [each.usage for each in run.tries if each.usage is not None] if run is not None else []
    return {
        "id": found.id,
        "name": found.task.name,
        "state": found.state,
        "created": instant(execution.created_at),
        "started": instant(run.started_at if run is not None else None),
        "finished": instant(run.ended_at if run is not None else execution.ended_at),
        "cpuSeconds": sum(each.cpu_seconds for each in used) if used else None,
        "maxMemoryBytes": max(each.max_rss_bytes for each in used) if used else None,
    }


def _summary(found: Try | None, now: float) -> dict[str, Any]:
    usage: Usage | None = found.usage if found is not None else None
    began = found.started_at if found is not None else None
    wall = None
    if found is not None and began is not None:
        wall = (now if found.ended_at is None else found.ended_at) - began
    return {
        "wallSeconds": wall,
        "cpuSeconds": usage.cpu_seconds if usage is not None else None,
        "avgCpu": usage.cpu_seconds / wall if usage is not None and wall else None,
        "maxMemoryBytes": usage.max_rss_bytes if usage is not None else None,
        "readBytes": None,
        "writtenBytes": None,
    }
