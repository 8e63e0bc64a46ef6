"""Routes of what activities used: over time, and altogether.

Of an attempt that is over the machine's own sum counts; while it runs, and where nobody was told that sum,
the sum of its samples.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.lookup import run_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.dialects.akoflow.routes.refusals import Refusal
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.spelling import instant
from headrace.engine.execution import Execution, Try
from headrace.orchestrator.services import Services
from headrace.runtimes.samples import Samples

Kept = Mapping[int, Samples | None]
"""Attempt to its samples, for those that were asked for."""


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
        shown = list(views.activities(run.execution))
        kept = await self._kept(
            each for activity in shown for each in _tries(activity) if each.usage is None and each.started_at
        )
        return data_answer([_row(each, run.execution, kept) for each in shown], self._services)

    async def get_metrics(self, request: Request) -> Response:
        """Return what an attempt of an activity used, the last one when none is named."""
        position = requests.whole_number(request, "attempt", 0, 1, 1000)
        run = await run_of(request, self._services)
        activity = run.activity(request)
        tries = _tries(activity)
        if position > len(tries):
            raise Refusal(404, "not_found", f"Activity {activity.id} has no attempt {position}.")
        found = tries[position - 1] if tries else None
        kept = await self._kept([found] if found is not None else [])
        samples = None if found is None else kept[found.number]
        points = () if samples is None else samples.points
        shown = {
            "cpu": [(instant(point.at), round(point.cores, 3)) for point in points],
            "memory": [(instant(point.at), point.memory) for point in points],
            "summary": _summary(found, kept, self._services.clock.now()),
        }
        return data_answer(shown, self._services)

    async def _kept(self, tries: Iterable[Try]) -> Kept:
        """Return the samples of these attempts; reading them is for a thread, however few they mostly are."""
        numbers = [each.number for each in tries]
        if not numbers:
            return {}
        return await asyncio.to_thread(lambda: {number: self._services.samples(number) for number in numbers})


class _Used(Struct, frozen=True):
    """What is known of an attempt; None for what is not."""

    cpu_seconds: float | None = None
    memory: int | None = None
    read: int | None = None
    written: int | None = None


def _used(found: Try, kept: Kept) -> _Used:
    if (usage := found.usage) is not None:
        return _Used(usage.cpu_seconds, usage.max_rss_bytes or None, usage.read_bytes, usage.written_bytes)
    samples = kept.get(found.number)
    return _Used() if samples is None else _Used(round(samples.cpu_seconds, 3), samples.max_memory)


def _tries(activity: views.Activity) -> list[Try]:
    return activity.run.tries if activity.run is not None else []


def _row(found: views.Activity, execution: Execution, kept: Kept) -> dict[str, Any]:
    run = found.run
    used = [_used(each, kept) for each in _tries(found)]
    seconds = [each.cpu_seconds for each in used if each.cpu_seconds is not None]
    return {
        "id": found.id,
        "name": found.task.name,
        "state": found.state,
        "created": instant(execution.created_at),
        "started": instant(run.started_at if run is not None else None),
        "finished": instant(run.ended_at if run is not None else execution.ended_at),
        "cpuSeconds": sum(seconds) if seconds else None,
        "maxMemoryBytes": max((each.memory for each in used if each.memory is not None), default=None),
    }


def _summary(found: Try | None, kept: Kept, now: float) -> dict[str, Any]:
    used = _Used() if found is None else _used(found, kept)
    wall = None
    if found is not None and found.started_at is not None:
        wall = max(0.0, (now if found.ended_at is None else found.ended_at) - found.started_at)
    return {
        "wallSeconds": wall,
        "cpuSeconds": used.cpu_seconds,
        "avgCpu": used.cpu_seconds / wall if used.cpu_seconds is not None and wall else None,
        "maxMemoryBytes": used.memory,
        "readBytes": used.read,
        "writtenBytes": used.written,
    }
