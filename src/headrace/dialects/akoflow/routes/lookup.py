"""Finds what paths name: runs and activities by their ids."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from starlette.requests import Request

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.labels import WARNINGS
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.refusals import Refusal
from headrace.dialects.akoflow.views import Activity
from headrace.dialects.akoflow.wire import DIALECT
from headrace.engine.execution import Execution
from headrace.errors import NotFound
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow


class Run(NamedTuple):
    """A run that a path names."""

    row: ExecutionRow
    execution: Execution

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What was odd about its document."""
        return warnings_of(self.row)

    def activity(self, request: Request) -> Activity:
        """Return the activity that the path names; raises Refusal."""
        number = requests.id_of(request, "aid")
        found = views.activity_with(self.execution, number)
        if found is None:
            message = f"Workflow {self.row.number} has no activity {number}."
            raise Refusal(404, "not_found", message)
        return found


def warnings_of(row: ExecutionRow) -> list[dict[str, Any]]:
    """Return what was odd about the document of a run."""
    label = row.labels.get(WARNINGS)
    found: list[dict[str, Any]] = json.loads(label) if label else []
    return found


async def row_of(request: Request, services: Services) -> ExecutionRow:
    """Return the run of a path; raises Refusal `bad_id` or 404, also for one of another dialect."""
    number = requests.id_of(request, "id")
    try:
        row = await services.executions.get(number)
    except NotFound:
        pass
    else:
        if row.dialect == DIALECT:
            return row
    raise Refusal(404, "not_found", f"There is no workflow {number}.")


async def run_of(request: Request, services: Services) -> Run:
    """Return the run of a path with everything that has become of it."""
    row = await row_of(request, services)
    return Run(row, await services.executions.view(row))
