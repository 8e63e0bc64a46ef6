"""Finds what is recorded of the files of a run, also what it reuses of the runs that it repeats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.copies import traced
from headrace.dialects.akoflow.labels import RERUN_OF
from headrace.dialects.akoflow.routes.lookup import Run
from headrace.engine.execution import Execution
from headrace.errors import NotFound
from headrace.http.recorded_files import every_use
from headrace.orchestrator.services import Services
from headrace.store.provenance_rows import RecordedUse


class Source(NamedTuple):
    """A run in which activities really ran."""

    execution: Execution
    activities: set[str]
    """Those whose results there are the results of the run that was asked about."""


async def sources_of(execution: Execution, services: Services) -> AsyncIterator[Source]:
    """Yield the run itself, and then the runs that it repeats as far as it reuses them."""
    wanted = {each.task.name for each in views.activities(execution)}
    while wanted:
        reused = wanted & {
            each.task.name
            for each in views.activities(execution)
            if each.run is not None and each.run.earlier is not None
        }
        yield Source(execution, wanted - reused)
        label, wanted = execution.labels.get(RERUN_OF), reused
        if label is None:
            return
        try:
            row = await services.executions.get(int(label))
        except NotFound:
            return
        execution = await services.executions.view(row)


async def history_of(run: Run, services: Services) -> list[RecordedUse]:
    """Return what the activities of a run did, in the order in which it was done.

    What a reused activity did stands in the run in which it ran, and what was done with a copy that
    `standalone` made is told of the original.
    """
    found: list[RecordedUse] = []
    async for source in sources_of(run.execution, services):
        uses = await every_use(services.store.provenance, source.execution.number)
        found = [each for each in uses if each.use.task in source.activities] + found
    if run.execution.definition.annotations.get("storage_policy") != "standalone":
        return found
    homes = {each.task.name: each.directory for each in views.activities(run.execution) if each.directory}
    return await asyncio.to_thread(traced, found, homes)
