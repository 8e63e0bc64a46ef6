"""Task runs: list, look, answer, take back, cancel."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers, bodies, views
from headrace.api.lists import Cursor, Limit
from headrace.api.measured import MetricsShown, metrics_shown
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of
from headrace.api.routes.logs import Attempt, attempt_number
from headrace.api.values import ShownValues
from headrace.engine.execution import Execution
from headrace.http import cursors
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow


class TaskRunRoutes:
    """The tasks of one execution; `{run}` is a number or the name of a task, which is its latest run."""

    def __init__(self, services: Services, values: ShownValues) -> None:
        self._services = services
        self._executions = services.executions
        self._values = values

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        shown = answers.TaskRunShown
        all_ = "/v1/executions/{key}/tasks"
        one = f"{all_}/{{run:path}}"  # a task may be called `a/b`
        listed = answers.Listed[answers.TaskRunListed]
        return [
            Operation(method="GET", path=all_, endpoint=self.all, scope="read", answer=listed),
            Operation(
                method="GET",
                path=f"{one}/metrics",
                endpoint=self.metrics,
                scope="read",
                answer=MetricsShown,
            ),
            Operation(method="POST", path=f"{one}/respond", endpoint=self.respond, scope="run", answer=shown),
            Operation(
                method="POST", path=f"{one}/withdraw", endpoint=self.withdraw, scope="run", answer=shown
            ),
            Operation(method="POST", path=f"{one}/cancel", endpoint=self.cancel, scope="run", answer=shown),
            Operation(method="GET", path=one, endpoint=self.get, scope="read", answer=shown),
        ]

    async def all(self, request: Request, key: str, limit: Limit = 1000, cursor: Cursor = None) -> Response:
        """List the task runs of an execution, oldest first."""
        row = await self._row(key)
        page = await self._services.store.executions.task_runs(
            row.number, limit=limit, cursor=cursors.opened(request, cursor)
        )
        return json_answer(
            answers.Listed(
                [views.task_run_listed(run) for run in page.rows], cursors.sealed(request, page.cursor)
            )
        )

    async def get(self, key: str, run: str) -> Response:
        """Look at a task run, with its inputs, outputs and tries."""
        row = await self._row(key)
        execution = await self._executions.view(row)
        return await self._shown(execution, self._executions.task_run(execution, run).number)

    async def metrics(self, key: str, run: str, attempt: Attempt = None) -> Response:
        """Tell what an attempt used over time."""
        execution = await self._executions.view(await self._row(key))
        number = attempt_number(self._executions.task_run(execution, run), attempt)
        samples = None if number is None else await asyncio.to_thread(self._services.samples, number)
        return json_answer(metrics_shown(number, samples))

    async def respond(self, key: str, run: str, body: bodies.AnswerBody) -> Response:
        """Answer an approval."""
        row, number = await self._named(key, run)
        return await self._shown(await self._executions.respond(row, number, body.outputs), number)

    async def withdraw(self, key: str, run: str, body: bodies.ReasonBody | None = None) -> Response:
        """Take a wait back; the task fails."""
        row, number = await self._named(key, run)
        reason = body.reason if body else ""
        return await self._shown(await self._executions.withdraw(row, number, reason), number)

    async def cancel(self, key: str, run: str, body: bodies.ReasonBody | None = None) -> Response:
        """End one task run early; it counts as a failure."""
        row, number = await self._named(key, run)
        reason = body.reason if body else ""
        return await self._shown(await self._executions.cancel_task(row, number, reason), number)

    async def _row(self, key: str) -> ExecutionRow:
        return await self._executions.get(key_of(key, "execution"))

    async def _named(self, key: str, run: str) -> tuple[ExecutionRow, int]:
        row = await self._row(key)
        execution = await self._executions.view(row)
        return row, self._executions.task_run(execution, run).number

    async def _shown(self, execution: Execution, number: int) -> Response:
        return json_answer(await views.task_run_shown(execution, execution.runs[number], self._values))
