"""Routes of single outputs, whole and raw."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow.routes.contents import value_answer
from headrace.dialects.dataflow.routes.lookup import run_of
from headrace.dialects.dataflow.routes.operations import Operation
from headrace.dialects.dataflow.routes.refusals import Refusal
from headrace.orchestrator.services import Services


class ValueRoutes:
    """Outputs of runs and of their tasks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        run = "/workflows/{id}/executions/{eid}"
        return [
            Operation("GET", f"{run}/outputs/{{name}}", "read", self.get_output),
            Operation("GET", f"{run}/tasks/{{task}}/outputs/{{name}}", "read", self.get_task_output),
        ]

    async def get_output(self, request: Request) -> Response:
        """Return an output of a completed run."""
        run = await run_of(request, self._services)
        name = request.path_params["name"]
        if name not in {output.name for output in run.execution.definition.outputs}:
            raise Refusal(404, "not_found", f"The workflow has no output '{name[:100]}'.")
        if run.execution.state != "succeeded":
            raise Refusal(409, "not_ready", "A run has outputs when it is COMPLETED.")
        return await value_answer(request, run.execution.outputs.get(name), name, self._services)

    async def get_task_output(self, request: Request) -> Response:
        """Return an output of a completed task."""
        run = await run_of(request, self._services)
        task, task_run = run.task(request.path_params["task"])
        if task_run is None or task_run.state != "succeeded":
            raise Refusal(409, "not_ready", f"Task '{task.name}' has outputs when it is COMPLETED.")
        name = request.path_params["name"]
        if name not in task_run.outputs:
            raise Refusal(404, "not_found", f"Task '{task.name}' has no output '{name[:100]}'.")
        return await value_answer(request, task_run.outputs[name], name, self._services)
