"""Routes of workflows: create, list, look, change, delete, and check without keeping anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow import render
from headrace.dialects.dataflow.findings import member
from headrace.dialects.dataflow.names import fold
from headrace.dialects.dataflow.parse import DIALECT, Parsed, parse, style_of
from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.lookup import definition_of, workflow_of
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.dialects.dataflow.routes.refusals import Refusal, invalid, invalid_query
from headrace.dialects.dataflow.routes.styles import Styles
from headrace.dialects.dataflow.wire import MOST_TASKS
from headrace.errors import Conflict, Problem
from headrace.http import cursors
from headrace.http.known import Known
from headrace.orchestrator.services import Services
from headrace.security import shortening
from headrace.security.documents import read
from headrace.store.protocol import KeyTaken
from headrace.store.rows import WorkflowRow

_PREFIX = "wf"
_JSON = "application/json"
_TRIES = 5
"""Names that are drawn before it is no coincidence any more that all are taken."""


class WorkflowRoutes:
    """Definitions and their versions."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._styles = Styles(services.workflows)

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        one = "/workflows/{id}"
        return [
            Operation("POST", "/workflows", "write", self.create, 201),
            Operation("GET", "/workflows", "read", self.list_workflows),
            Operation("POST", "/workflows/validate", "read", self.validate),
            Operation("GET", one, "read", self.get_workflow),
            Operation("PUT", one, "write", self.update),
            Operation("DELETE", one, "write", self.delete, 204),
            Operation("GET", f"{one}/versions", "read", self.list_versions),
            Operation("GET", f"{one}/versions/{{n}}", "read", self.get_version),
            Operation("GET", f"{one}/versions/{{n}}/diff", "read", self.compare_versions),
        ]

    async def create(self, request: Request) -> Response:
        """Create a workflow."""
        services = self._services
        body = await requests.read_source(request, services)
        once = requests.once(request, services, body, _location)
        if (earlier := await once.earlier()) is not None:
            return earlier
        document, parsed = await self._accepted(body)
        assert parsed.definition is not None
        for _ in range(_TRIES):
            names = services.workflows.name(_PREFIX)
            workflow_id = names.alias or ""
            answer = render.created(parsed.style, workflow_id, 1, parsed.warnings)
            record = once.record(201, msgspec.json.encode(answer))
            try:
                await services.workflows.create(
                    parsed.definition, _source_of(document), _JSON, names=names, idempotency=record
                )
            except KeyTaken as taken:
                if taken.key != "alias":
                    return await once.faster(taken)
                continue
            return json_answer(answer, services, 201, {"location": f"/workflows/{workflow_id}"})
        raise Refusal(503, "unavailable", "No free id was found; try again.")

    async def validate(self, request: Request) -> Response:
        """Check a document without keeping it."""
        body = await requests.read_source(request, self._services)
        parsed = await self._parsed(requests.document_of(body))
        return json_answer(render.validated(parsed), self._services)

    async def list_workflows(self, request: Request) -> Response:
        """List the workflows written in this dialect, newest first."""
        services = self._services
        page = await services.workflows.newest(
            dialect=DIALECT,
            limit=requests.page_size(request),
            cursor=cursors.opened(request, request.query_params.get("cursor")),
        )
        rows = [(row, await self._styles.of(row)) for row in page.rows]
        return json_answer(render.workflows(rows, cursors.sealed(request, page.cursor)), services)

    async def get_workflow(self, request: Request) -> Response:
        """Return a workflow as it was sent."""
        row = await workflow_of(request, self._services)
        return await self._shown(request, row, row.version)

    async def update(self, request: Request) -> Response:
        """Make a changed document the next version."""
        services = self._services
        row = await workflow_of(request, services)
        body = await requests.read_source(request, services)
        document, parsed = await self._accepted(body, workflow_id=row.alias)
        assert parsed.definition is not None
        expected = requests.expected_version(request, row.version)
        changed = await services.workflows.update(
            row.number, parsed.definition, _source_of(document), _JSON, expected=expected
        )
        answer = render.updated(parsed.style, changed.alias or "", changed.version, parsed.warnings)
        return json_answer(answer, services, 200, {"etag": f'"{changed.version}"'})

    async def delete(self, request: Request) -> Response:
        """Forget a workflow that no run uses any more."""
        async with self._services.starts.deletion():
            row = await workflow_of(request, self._services)
            expected = requests.expected_version(request, row.version)
            try:
                await self._services.workflows.delete(row.number, expected=expected)
            except Conflict:
                message = f"A run of {row.alias} is not over."
                raise Refusal(409, "workflow_in_use", message) from None
        return Response(status_code=204)

    async def list_versions(self, request: Request) -> Response:
        """List the versions of a workflow, newest first."""
        services = self._services
        row = await workflow_of(request, services)
        page = await services.workflows.versions(
            row.number,
            limit=requests.page_size(request),
            cursor=cursors.opened(request, request.query_params.get("cursor")),
        )
        style = style_of(await definition_of(row, services))
        following = cursors.sealed(request, page.cursor)
        return json_answer(render.versions(style, page.rows, following), services)

    async def get_version(self, request: Request) -> Response:
        """Return one version as it was sent."""
        row = await workflow_of(request, self._services)
        return await self._shown(request, row, _version_of(row, request.path_params["n"]))

    async def compare_versions(self, request: Request) -> Response:
        """Tell what is different from the version before, or from the version of the parameter from."""
        services = self._services
        row = await workflow_of(request, services)
        new = _version_of(row, request.path_params["n"])
        given = request.query_params.get("from")
        if given is None and new == 1:
            raise invalid_query("The first version has none before it; name one in 'from'.")
        old = new - 1 if given is None else _version_of(row, given)
        found = await services.workflows.differences(row.number, old, new)
        style = style_of(await services.workflows.definition(row.number, new))
        return json_answer(render.differences(style, row.alias or "", (old, new), found), services)

    async def _shown(self, request: Request, row: WorkflowRow, number: int) -> Response:
        services = self._services
        known = Known(request, str(number))
        if known.answer is not None:
            return known.answer
        version = await services.workflows.version(row.number, number)
        style = style_of(await services.workflows.definition(row.number, number))
        answer = render.workflow(
            style,
            read(version.source).value,
            row.alias or "",
            number,
            row.created_at,
            version.created_at,
        )
        return json_answer(answer, services, 200, known.headers)

    async def _accepted(self, body: bytes, *, workflow_id: str | None = None) -> tuple[Any, Parsed]:
        """Return a document without problems; raises Refusal with all of them.

        Where it is known which workflow the path names, the document must not name another.
        """
        document = requests.document_of(body)
        parsed = await self._parsed(document)
        problems = (*_of_another(document, workflow_id), *parsed.problems)
        if problems:
            raise invalid("invalid_workflow", "The workflow", problems, parsed.warnings)
        return document, parsed

    async def _parsed(self, document: Any) -> Parsed:
        most = min(self._services.settings.max_tasks, MOST_TASKS)
        tasks = document.get("tasks") if isinstance(document, dict) else None
        if isinstance(tasks, list) and len(tasks) > _MANY:
            return await asyncio.to_thread(parse, document, self._services.library, max_tasks=most)
        return parse(document, self._services.library, max_tasks=most)


def _version_of(row: WorkflowRow, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 0 < int(text) <= row.version):
        raise Refusal(404, "not_found", f"{row.alias} has no version '{shortening.beginning(text, 60)}'.")
    return int(text)


def _of_another(document: Any, workflow_id: str | None) -> Iterator[Problem]:
    """Tell where a document says that it is another workflow than that of the path."""
    if workflow_id is None or not isinstance(document, dict):
        return
    for key, value in document.items():
        if fold(key) == "workflowid" and value not in (None, workflow_id):
            message = f"The path names {workflow_id}, and the body another workflow."
            yield Problem(path=member("", key), code="invalid_value", message=message, suggestion=workflow_id)


def _location(answer: bytes) -> str:
    made = msgspec.json.decode(answer)
    return f"/workflows/{made.get('workflow_id') or made.get('workflowId')}"


_MANY = 500
"""Tasks from which reading a document would keep other requests waiting for too long."""


def _source_of(document: Any) -> bytes:
    """Return the document as it is kept, without what our own answers add to it."""
    return msgspec.json.encode(render.without_added(document))
