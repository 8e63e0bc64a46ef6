"""Routes of runs: start, list, look, wait, cancel, tasks, and the webhook's log."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow import render, runs
from headrace.dialects.dataflow.parse import style_of
from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.lookup import definition_of, run_of, workflow_of
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.dialects.dataflow.routes.refusals import Refusal, invalid_query
from headrace.dialects.dataflow.routes.reruns import rerun
from headrace.dialects.dataflow.routes.shelves import shelf_of, view_of
from headrace.dialects.dataflow.routes.starts import start_run
from headrace.dialects.dataflow.spelling import RUN_STATES
from headrace.engine.states import EXECUTION_ENDS
from headrace.http import cursors
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionFilter


class ExecutionRoutes:
    """Runs of workflows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        workflow, run = "/workflows/{id}", "/workflows/{id}/executions/{eid}"
        return [
            Operation("POST", f"{workflow}/executions", "run", self.start, 202),
            Operation("POST", f"{workflow}/execute", "run", self.execute, 202),
            Operation("GET", f"{workflow}/executions", "read", self.list_executions),
            Operation("GET", run, "read", self.get_execution),
            Operation("POST", f"{run}/cancel", "run", self.cancel, 202),
            Operation("POST", f"{run}/rerun", "run", self.rerun, 202),
            Operation("GET", f"{run}/tasks", "read", self.list_tasks),
            Operation("GET", f"{run}/tasks/{{task}}", "read", self.get_task),
            Operation("GET", f"{run}/deliveries", "read", self.list_deliveries),
            Operation("POST", f"{run}/deliveries/{{sequence}}/redeliver", "run", self.redeliver, 202),
        ]

    async def start(self, request: Request) -> Response:
        """Start a run; its id begins with we-."""
        return await start_run(request, self._services, "we")

    async def execute(self, request: Request) -> Response:
        """Start a run; its id begins with ex-."""
        return await start_run(request, self._services, "ex")

    async def list_executions(self, request: Request) -> Response:
        """List the runs of a workflow, newest first."""
        services = self._services
        row = await workflow_of(request, services)
        page = await services.executions.newest(
            ExecutionFilter(workflow=row.number, states=_states(request)),
            limit=requests.page_size(request),
            cursor=cursors.opened(request, request.query_params.get("cursor")),
        )
        style = style_of(await definition_of(row, services))
        following = cursors.sealed(request, page.cursor)
        return json_answer(render.executions(style, page.rows, following), services)

    async def get_execution(self, request: Request) -> Response:
        """Return the details of a run, when it has ended or after the seconds of wait."""
        run = await run_of(request, self._services, requests.seconds_to_wait(request))
        return json_answer(runs.details(await view_of(run, self._services)), self._services)

    async def cancel(self, request: Request) -> Response:
        """End a run early; may be repeated while it lives."""
        services = self._services
        run = await run_of(request, services)
        if run.execution.state in EXECUTION_ENDS:
            raise Refusal(409, "execution_ended", f"The run {request.path_params['eid']} is over.")
        await services.executions.cancel(run.row, "Cancelled by a request.")
        run = await run_of(request, services)
        return json_answer(runs.details(await view_of(run, services)), services, 202)

    async def rerun(self, request: Request) -> Response:
        """Start a run that uses the results of an ended one again."""
        return await rerun(request, self._services)

    async def list_tasks(self, request: Request) -> Response:
        """Return every task of a run with its inputs and tries."""
        services = self._services
        run = await run_of(request, services)
        kept = {ref for _, task_run in run.execution.root_runs() for ref in runs.shown_in_task(task_run)}
        return json_answer(runs.tasks(run.view(await shelf_of(run, kept, services))), services)

    async def get_task(self, request: Request) -> Response:
        """Return one task of a run with its inputs and tries."""
        services = self._services
        run = await run_of(request, services)
        task, task_run = run.task(request.path_params["task"])
        shelf = await shelf_of(run, runs.shown_in_task(task_run), services)
        return json_answer(runs.task(run.view(shelf), task, task_run), services)

    async def list_deliveries(self, request: Request) -> Response:
        """Return the log of a run's webhook."""
        run = await run_of(request, self._services)
        page = await self._services.store.deliveries.log(
            run.row.number,
            limit=requests.page_size(request),
            cursor=cursors.opened(request, request.query_params.get("cursor")),
        )
        following = cursors.sealed(request, page.cursor)
        return json_answer(render.deliveries(run.style, page.rows, following), self._services)

    async def redeliver(self, request: Request) -> Response:
        """Send one webhook again."""
        services = self._services
        run = await run_of(request, services)
        sequence = request.path_params["sequence"]
        again = await services.redeliver(await self._delivery(run.row.number, sequence))
        [answer] = render.deliveries(run.style, [again], None)["deliveries"]
        return json_answer(answer, services, 202)

    async def _delivery(self, execution: int, sequence: str) -> int:
        """Return the number of the delivery with this sequence number; raises Refusal 404."""
        cursor: str | None = None
        while True:
            page = await self._services.store.deliveries.log(execution, cursor=cursor)
            found = next((row.number for row in page.rows if str(row.sequence) == sequence), None)
            if found is not None:
                return found
            if (cursor := page.cursor) is None:
                raise Refusal(404, "not_found", f"The run has no delivery '{sequence[:20]}'.")


def _states(request: Request) -> tuple[str, ...] | None:
    status = request.query_params.get("status")
    if status is None:
        return None
    for known, states in RUN_STATES.items():
        if status == known:
            return states
    raise invalid_query(f"'status' must be one of {', '.join(RUN_STATES)}.")
