"""Routes of activities: all of a workflow, or one with everything that was tried."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow import render, views
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.lookup import run_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.spelling import ACTIVITY_STATUS
from headrace.http import cursors
from headrace.orchestrator.services import Services

_PAGE, _LARGEST_PAGE = 50, 500


class ActivityRoutes:
    """Activities of workflows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        path = f"{PATH}/{{id}}/activities"
        return [
            Operation("GET", path, "read", self.list_activities),
            Operation("GET", f"{path}/{{aid}}", "read", self.get_activity),
        ]

    async def list_activities(self, request: Request) -> Response:
        """List the activities of a workflow in the order of its document."""
        limit = requests.whole_number(request, "limit", _PAGE, 1, _LARGEST_PAGE)
        after = cursors.opened_number(request, request.query_params.get("cursor"))
        state = requests.choice(request, "state", tuple(ACTIVITY_STATUS))
        name = request.query_params.get("name")
        run = await run_of(request, self._services)
        now = self._services.clock.now()
        shown: list[render.Answer] = []
        following = None
        for each in views.activities(run.execution):
            if each.index < after or (state and each.state != state) or (name and each.task.name != name):
                continue
            if len(shown) == limit:
                following = str(each.index)
                break
            shown.append(render.activity(each, run.execution, now))
        return data_answer(shown, self._services, next=cursors.sealed(request, following))

    async def get_activity(self, request: Request) -> Response:
        """Return one activity with all its attempts."""
        run = await run_of(request, self._services)
        found = run.activity(request)
        now = self._services.clock.now()
        return data_answer(render.with_attempts(found, run.execution, now), self._services)
