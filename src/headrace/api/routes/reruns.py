"""Running an ended execution again, in whole or in part, or only showing what that would do."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from headrace.api import answers, bodies
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of, refuse
from headrace.api.starting import labels_of_rerun
from headrace.api.views import reason_of
from headrace.dialects.protocol import Dialect
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.engine.rerun import plan_rerun, preview
from headrace.errors import NotFound
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.services import Services


class RerunRoutes:
    """A rerun is a new execution of the same version, with the inputs of the former one."""

    def __init__(self, services: Services, dialects: Mapping[str, Dialect]) -> None:
        self._services = services
        self._executions = services.executions
        self._dialects = dialects

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        one = "/v1/executions/{key}/rerun"
        started, planned = answers.Started, answers.RerunPlan
        return [
            Operation(method="POST", path=one, endpoint=self.rerun, scope="run", answer=started, status=201),
            Operation(method="POST", path=f"{one}/plan", endpoint=self.plan, scope="read", answer=planned),
        ]

    async def rerun(self, key: str, body: bodies.RerunBody | None = None) -> Response:
        """Run an ended execution again."""
        row = await self._executions.get(key_of(key, "execution"))
        execution = await self._executions.view(row)
        plan = _plan(execution, body or bodies.RerunBody())
        dialect = self._dialects.get(row.dialect)
        names = self._executions.name(dialect.execution_prefix if dialect is not None else None)
        labels = await labels_of_rerun(dialect, execution, plan, names, self._services)
        await self._executions.start(
            StartRequest(
                workflow=row.workflow,
                version=row.version,
                inputs=dict(execution.inputs),
                names=names,
                labels=labels,
                plan=plan,
            )
        )
        url = f"/v1/executions/{names.number}"
        started = answers.Started(
            number=names.number, id=names.id, workflow=row.workflow, version=row.version, url=url
        )
        return json_answer(started, 201, {"location": url})

    async def plan(self, key: str, body: bodies.RerunBody | None = None) -> Response:
        """Show what a rerun would do with each task, and start nothing."""
        row = await self._executions.get(key_of(key, "execution"))
        execution = await self._executions.view(row)
        plan = _plan(execution, body or bodies.RerunBody())
        rows = [
            answers.TaskPlanned(task=task, mode=mode, reason=reason_of(reason))
            for task, mode, reason in preview(execution.definition, plan)
        ]
        return json_answer(answers.RerunPlan(tasks=rows))


def _plan(execution: Execution, body: bodies.RerunBody) -> dict[str, Planned]:
    try:
        return plan_rerun(execution, body.tasks)
    except NotFound as unknown:
        raise refuse("unknown_task", "/from", unknown.message) from None
