"""Running an ended execution again, in whole or in part, or only showing what that would do."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers, bodies
from headrace.api.idempotency import Repeats
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of, refuse
from headrace.api.starting import labels_of_rerun, location_of
from headrace.api.views import reason_of
from headrace.dialects.protocol import Dialect, Replanning
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.engine.rerun import plan_rerun, preview
from headrace.errors import NotFound
from headrace.http.credentials import HEADER, given_with
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow


class RerunRoutes:
    """A rerun is a new execution of the same version, with the inputs of the former one."""

    def __init__(self, services: Services, dialects: Mapping[str, Dialect], repeats: Repeats) -> None:
        self._services = services
        self._executions = services.executions
        self._dialects = dialects
        self._repeats = repeats

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        one = "/v1/executions/{key}/rerun"
        started, planned = answers.Started, answers.RerunPlan
        return [
            Operation(
                method="POST",
                path=one,
                endpoint=self.rerun,
                scope="run",
                answer=started,
                status=201,
                or_else=(200, planned),
                headers=("Idempotency-Key", HEADER),
            ),
            Operation(method="POST", path=f"{one}/plan", endpoint=self.plan, scope="read", answer=planned),
        ]

    async def rerun(self, key: str, request: Request, body: bodies.RerunBody | None = None) -> Response:
        """Run an ended execution again, or only show what that would do."""
        body = body or bodies.RerunBody()
        credentials = given_with(request)
        row = await self._executions.get(key_of(key, "execution"))
        if body.dry_run:
            return await self._preview(row, body)
        services, sent = self._services, await request.body()
        async with self._repeats.of(request, sent, location_of) as once, services.starts.start():
            execution = await self._executions.view(row)
            plan = await self._plan(row, execution, body)
            dialect = self._dialects.get(row.dialect)
            prefix = dialect.execution_prefix if dialect is not None else None
            names = await self._executions.names_for(execution.definition, prefix)
            url = f"/v1/executions/{names.number}"
            content = msgspec.json.encode(
                answers.Started(
                    number=names.number, id=names.id, workflow=row.workflow, version=row.version, url=url
                )
            )
            labels = await labels_of_rerun(dialect, execution, plan, names, services, credentials=credentials)
            await self._executions.start(
                StartRequest(
                    workflow=row.workflow,
                    version=row.version,
                    inputs=dict(execution.inputs),
                    names=names,
                    labels=labels,
                    plan=plan,
                    credentials=credentials,
                    idempotency=once.record(201, content),
                )
            )
        return Response(content, 201, {"location": url}, "application/json")

    async def plan(self, key: str, body: bodies.RerunBody | None = None) -> Response:
        """Show what a rerun would do with each task, and start nothing."""
        row = await self._executions.get(key_of(key, "execution"))
        return await self._preview(row, body or bodies.RerunBody())

    async def _preview(self, row: ExecutionRow, body: bodies.RerunBody) -> Response:
        execution = await self._executions.view(row)
        planned = await self._plan(row, execution, body)
        rows = [
            answers.TaskPlanned(task=task, mode=mode, reason=reason_of(reason))
            for task, mode, reason in preview(execution.definition, planned)
        ]
        return json_answer(answers.RerunPlan(tasks=rows))

    async def _plan(
        self, row: ExecutionRow, execution: Execution, body: bodies.RerunBody
    ) -> dict[str, Planned]:
        dialect = self._dialects.get(row.dialect)
        try:
            if isinstance(dialect, Replanning):
                return await dialect.plan_again(execution, body.tasks, self._services)
            return plan_rerun(execution, body.tasks)
        except NotFound as unknown:
            raise refuse("unknown_task", "/from", unknown.message) from None
