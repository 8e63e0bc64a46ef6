"""Routes of workflows: list, look, definition, cancel, rerun."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow import render, reruns, views
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.disk_usage import directories_of, disk_bytes
from headrace.dialects.akoflow.routes.lookup import Run, row_of, run_of, warnings_of
from headrace.dialects.akoflow.routes.opening import Opening
from headrace.dialects.akoflow.routes.operations import Operation, data_answer, json_answer
from headrace.dialects.akoflow.routes.refusals import Refusal, of_problems
from headrace.dialects.akoflow.routes.replanning import plan_again
from headrace.dialects.akoflow.routes.summaries import Summaries
from headrace.dialects.akoflow.spelling import WORKFLOW_STATUS
from headrace.dialects.akoflow.wire import DIALECT
from headrace.engine.execution import Execution
from headrace.engine.rerun import preview
from headrace.engine.states import EXECUTION_ENDS
from headrace.errors import InvalidDefinition, InvalidInput, NotFound, TransitionRefused
from headrace.http import cursors
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionFilter

PATH = "/akoflow-api/workflows"
_PAGE, _LARGEST_PAGE = 50, 500


class WorkflowRoutes:
    """Workflows, each of which is one run."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._summaries = Summaries(services)

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        one = f"{PATH}/{{id}}"
        return [
            Operation("GET", PATH, "read", self.list_workflows),
            Operation("GET", one, "read", self.get_workflow),
            Operation("GET", f"{one}/definition", "read", self.get_definition),
            Operation("POST", f"{one}/cancel", "run", self.cancel, 202),
            Operation("POST", f"{one}/rerun", "run", self.rerun),
        ]

    async def list_workflows(self, request: Request) -> Response:
        """List the workflows, newest first."""
        services = self._services
        limit = requests.whole_number(request, "limit", _PAGE, 1, _LARGEST_PAGE)
        state = requests.choice(request, "state", tuple(WORKFLOW_STATUS))
        expanded = requests.choice(request, "expand", ("activities",)) is not None
        which = ExecutionFilter(dialect=DIALECT, states=(state,) if state else None)
        name = request.query_params.get("name")
        cursor = cursors.opened(request, request.query_params.get("cursor"))
        if name:
            page = await services.executions.newest_named(name, which, limit=limit, cursor=cursor)
        else:
            page = await services.executions.newest(which, limit=limit, cursor=cursor)
        if expanded:
            shown = [
                await self._shown(await services.executions.view(row), warnings_of(row)) for row in page.rows
            ]
        else:
            shown = await self._summaries.of(page.rows)
        return data_answer(shown, services, next=cursors.sealed(request, page.cursor))

    async def _shown(self, execution: Execution, warnings: list[render.Answer]) -> render.Answer:
        """Return a workflow with its activities."""
        shown = render.workflow(execution, self._services.clock.now(), warnings, expanded=True)
        held = await disk_bytes({execution.number: directories_of(execution)}, self._services)
        return render.with_disk_usage(shown, held[execution.number])

    async def get_workflow(self, request: Request) -> Response:
        """Return a workflow with its activities."""
        services = self._services
        run = await run_of(request, services)
        return data_answer(await self._shown(run.execution, run.warnings), services)

    async def get_definition(self, request: Request) -> Response:
        """Return the document as it was sent, byte for byte."""
        row = await row_of(request, self._services)
        version = await self._services.workflows.version(row.workflow, row.version)
        return Response(version.source, media_type="application/yaml")

    async def cancel(self, request: Request) -> Response:
        """End a workflow early."""
        services = self._services
        row = await row_of(request, services)
        if row.state in EXECUTION_ENDS:
            raise Refusal(409, "already_ended", f"Workflow {row.number} is over.")
        await services.executions.cancel(row, "Cancelled by a request.")
        [shown] = await self._summaries.of([row])
        answer = {"data": shown, "timestamp": int(services.clock.now())}
        return json_answer(answer, services, 202)

    async def rerun(self, request: Request) -> Response:
        """Run a workflow again: what failed, everything, or the activities that are named."""
        services = self._services
        run = await run_of(request, services)
        body = await requests.read_source(request, services)
        once = requests.once(request, services, body)
        if (earlier := await once.earlier()) is not None:
            return earlier
        document = requests.object_of(body)
        try:
            asked = reruns.read(document)
        except InvalidDefinition as error:
            raise of_problems(error.problems) from None
        async with services.starts.start():
            return await self._again(run, asked, Opening(services, once))

    async def _again(self, run: Run, asked: reruns.Asked, opening: Opening) -> Response:
        """Plan a rerun, and begin or only show it."""
        services = self._services
        try:
            plan = await plan_again(run.execution, asked.start_from, services)
        except TransitionRefused:
            message = "The workflow is not over; cancel it, or wait for its end."
            raise Refusal(409, "not_ended", message) from None
        except NotFound as error:
            raise Refusal(400, "unknown_activity", error.message) from None
        except InvalidInput as error:
            raise Refusal(409, error.problems[0].code, error.message, error.problems) from None
        warnings = [render.problem(each) for each in asked.warnings]
        if asked.is_preview:
            rows = preview(run.execution.definition, plan)
            shown = [
                {"name": name, "mode": mode, "reason": why.sentence}
                for name, mode, why in rows[: views.count_of(run.execution)]
            ]
            return data_answer({"activities": shown, "warnings": warnings}, services)
        return await opening.again(run, plan, warnings)
