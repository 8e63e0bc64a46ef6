"""Routes of the task library."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow import render
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.dialects.dataflow.routes.refusals import Refusal
from headrace.errors import Problem
from headrace.orchestrator.services import Services


class TaskTypeRoutes:
    """What tasks may do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [
            Operation("GET", "/task-types", "read", self.list_task_types),
            Operation("GET", "/task-types/{type}", "read", self.get_task_type),
        ]

    async def list_task_types(self, _: Request) -> Response:
        """List the task types."""
        return json_answer(render.task_types(self._services.library.specs()), self._services)

    async def get_task_type(self, request: Request) -> Response:
        """Return the specification of a task type."""
        written, library = request.path_params["type"], self._services.library
        spec = library.resolve(written)
        if spec is None:
            message = f"There is no task type '{written[:100]}'."
            near = library.suggest(written[:100])
            problem = Problem(path="", code="unknown_task_type", message=message, suggestion=near)
            raise Refusal(404, "not_found", message, [problem])
        return json_answer(render.task_type(spec), self._services)
