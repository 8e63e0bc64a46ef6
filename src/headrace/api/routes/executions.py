"""Executions: start, list, look, wait, explain, cancel, pause, resume, signal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers, bodies, views
from headrace.api.idempotency import Repeats
from headrace.api.lists import Cursor, Limit
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of, refuse
from headrace.api.starting import location_of, ready
from headrace.api.values import ShownValues
from headrace.dialects.protocol import Dialect
from headrace.engine.execution import Execution
from headrace.engine.states import EXECUTION, EXECUTION_ENDS
from headrace.http import cursors
from headrace.http.credentials import HEADER, given_with
from headrace.http.streaming import Streams
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionFilter, ExecutionRow

LONGEST_WAIT = 60.0
"""Seconds for which an answer may be held back."""

Wait = Annotated[
    float,
    Query(ge=0, le=LONGEST_WAIT, description="Seconds to hold the answer back until the execution is over."),
]


class ExecutionRoutes:
    """Executions as a whole."""

    def __init__(
        self,
        services: Services,
        dialects: Mapping[str, Dialect],
        values: ShownValues,
        streams: Streams,
        repeats: Repeats,
    ) -> None:
        self._services = services
        self._executions = services.executions
        self._dialects = dialects
        self._values = values
        self._streams = streams
        self._repeats = repeats

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        shown = answers.ExecutionShown
        started = answers.Started
        one = "/v1/executions/{key}"
        listed = answers.Listed[answers.ExecutionListed]
        return [
            Operation(method="GET", path=one, endpoint=self.get, scope="read", answer=shown),
            Operation(
                method="POST",
                path="/v1/workflows/{key}/executions",
                endpoint=self.start,
                scope="run",
                answer=started,
                status=201,
                or_else=(200, shown),
                headers=("Idempotency-Key", HEADER),
            ),
            Operation(method="GET", path="/v1/executions", endpoint=self.newest, scope="read", answer=listed),
            Operation(
                method="GET",
                path=f"{one}/explain",
                endpoint=self.explain,
                scope="read",
                answer=answers.Explained,
            ),
            Operation(method="POST", path=f"{one}/cancel", endpoint=self.cancel, scope="run", answer=shown),
            Operation(method="POST", path=f"{one}/pause", endpoint=self.pause, scope="run", answer=shown),
            Operation(method="POST", path=f"{one}/resume", endpoint=self.resume, scope="run", answer=shown),
            Operation(method="POST", path=f"{one}/signal", endpoint=self.signal, scope="run", answer=shown),
        ]

    async def start(
        self, key: str, request: Request, body: bodies.StartBody | None = None, wait: Wait = 0
    ) -> Response:
        """Start an execution of a workflow."""
        body = body or bodies.StartBody()
        services = self._services
        credentials = given_with(request)
        sent = await request.body()
        async with self._repeats.of(request, sent, location_of) as once, services.starts.start():
            workflow = await services.workflows.get(key_of(key, "workflow"))
            version = body.version or workflow.version
            definition = await services.workflows.definition(workflow.number, version)
            dialect = self._dialects.get(definition.dialect)
            prefix = dialect.execution_prefix if dialect is not None else None
            names = await self._executions.names_for(definition, prefix)
            made = await ready(
                dialect, workflow, definition, body, names.number, services, credentials=credentials
            )
            content = msgspec.json.encode(
                answers.Started(
                    number=names.number,
                    id=names.id,
                    workflow=workflow.number,
                    version=version,
                    url=f"/v1/executions/{names.number}",
                    warnings=made.warnings,
                )
            )
            row = await self._executions.start(
                StartRequest(
                    workflow=workflow.number,
                    version=version,
                    inputs=made.inputs,
                    names=names,
                    labels=made.labels,
                    credentials=credentials,
                    idempotency=once.record(201, content),
                )
            )
        if wait:
            return await self._waited(row, wait)
        return Response(content, 201, {"location": f"/v1/executions/{names.number}"}, "application/json")

    async def get(self, key: str, wait: Wait = 0) -> Response:
        """Look at an execution, at once or when it is over."""
        row = await self._row(key)
        if wait:
            return await self._waited(row, wait)
        return await self._shown(row, await self._executions.view(row))

    async def newest(
        self,
        request: Request,
        *,
        workflow: str | None = None,
        state: Annotated[list[str] | None, Query(max_length=8)] = None,
        dialect: str | None = None,
        parent: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """List executions, newest first."""
        for wanted in state or ():
            if wanted not in EXECUTION:
                message = f"'{wanted[:40]}' is no state; there are {', '.join(EXECUTION)}."
                raise refuse("invalid_value", "/state", message)
        number = None
        if workflow is not None:
            number = (await self._services.workflows.get(key_of(workflow, "workflow"))).number
        which = ExecutionFilter(
            workflow=number, states=tuple(state) if state else None, dialect=dialect, parent=parent
        )
        page = await self._executions.newest(which, limit=limit, cursor=cursors.opened(request, cursor))
        return json_answer(
            answers.Listed(
                [views.execution_listed(row) for row in page.rows], cursors.sealed(request, page.cursor)
            )
        )

    async def explain(self, key: str) -> Response:
        """Tell why an execution and each of its tasks stand where they stand."""
        execution = await self._executions.view(await self._row(key))
        return json_answer(self._values.masked(msgspec.to_builtins(views.explain(execution))))

    async def cancel(self, key: str, body: bodies.CancelBody | None = None) -> Response:
        """End an execution early."""
        row = await self._row(key)
        body = body or bodies.CancelBody()
        return await self._shown(row, await self._executions.cancel(row, body.reason, body.policy))

    async def pause(self, key: str, body: bodies.ReasonBody | None = None) -> Response:
        """Start nothing new until the execution is resumed."""
        row = await self._row(key)
        return await self._shown(row, await self._executions.pause(row, body.reason if body else ""))

    async def resume(self, key: str) -> Response:
        """Let a paused execution go on."""
        row = await self._row(key)
        return await self._shown(row, await self._executions.resume(row))

    async def signal(self, key: str, body: bodies.SignalBody) -> Response:
        """Tell an execution that something happened."""
        row = await self._row(key)
        return await self._shown(row, await self._executions.signal(row, body.name, body.payload))

    async def _row(self, key: str) -> ExecutionRow:
        return await self._executions.get(key_of(key, "execution"))

    async def _waited(self, row: ExecutionRow, seconds: float) -> Response:
        """Answer when the execution is over, the time has passed, or the server is about to stop."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            execution = await self._executions.wait(row, max(0.0, min(left, 1.0)))
            if execution.state in EXECUTION_ENDS or left <= 1.0 or self._streams.is_closed:
                return await self._shown(row, execution)

    async def _shown(self, row: ExecutionRow, execution: Execution) -> Response:
        return json_answer(await views.execution_shown(row, execution, self._values))
