"""Finds what is recorded of the files of a run, also what it reuses of the runs that it repeats."""

from __future__ import annotations

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.labels import RERUN_OF
from headrace.dialects.akoflow.routes.lookup import Run
from headrace.engine.execution import Execution
from headrace.errors import NotFound
from headrace.http.recorded_files import every_use
from headrace.orchestrator.services import Services
from headrace.store.provenance_rows import RecordedUse


async def history_of(run: Run, services: Services) -> list[RecordedUse]:
    """Return what the activities of a run did, in the order in which it was done.

    What a reused activity did stands in the run in which it ran.
    """
    found = await _own(run.execution, services)
    execution, wanted = run.execution, _reused(run.execution)
    earlier: list[RecordedUse] = []
    while wanted and (label := execution.labels.get(RERUN_OF)) is not None:
        try:
            row = await services.executions.get(int(label))
        except NotFound:
            break
        execution = await services.executions.view(row)
        uses = await _own(execution, services)
        earlier = [each for each in uses if each.use.task in wanted] + earlier
        wanted &= _reused(execution)
    return earlier + found


async def _own(execution: Execution, services: Services) -> list[RecordedUse]:
    uses = await every_use(services.store.provenance, execution.number)
    return [each for each in uses if views.is_activity(execution, each.use.task)]


def _reused(execution: Execution) -> set[str]:
    """Return the activities whose results are those of an earlier run."""
    return {
        each.task.name
        for each in views.activities(execution)
        if each.run is not None and each.run.earlier is not None
    }
