"""Routes that take documents: submission at three doors, and checking without keeping anything."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow import render, wfformat
from headrace.dialects.akoflow.findings import told
from headrace.dialects.akoflow.parse import Parsed
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.opening import Opening
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.dialects.akoflow.routes.reading import read_here
from headrace.dialects.akoflow.routes.refusals import Refusal, and_more, invalid_query, of_problems
from headrace.dialects.akoflow.routes.surroundings import surroundings_of
from headrace.dialects.akoflow.submission import document_in
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.errors import InvalidDefinition
from headrace.orchestrator.services import Services
from headrace.security.callers import authorise
from headrace.security.documents import read_json

_OWN_DOOR = "/akoflow-api/workflows"
_DOORS = ("/workflows", _OWN_DOOR, "/akoflow-server/workflow")
"""Paths of one operation, for which our own stands."""


class SubmissionRoutes:
    """Documents that come in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [
            *(Operation("POST", path, "write", self.submit) for path in _DOORS),
            Operation("POST", "/akoflow-api/workflows/validate", "read", self.validate),
            Operation("POST", "/akoflow-api/workflows/import", "read", self.take_in),
        ]

    async def submit(self, request: Request) -> Response:
        """Store a workflow and start it."""
        await authorise(request.scope, "run")  # a submission does two things, so it needs both scopes
        body = await requests.read_source(request, self._services)
        once = requests.once(request, self._services, body, _OWN_DOOR)
        if (earlier := await once.earlier()) is not None:
            return earlier
        return await self._start(_source(request, body), Opening(self._services, once))

    async def take_in(self, request: Request) -> Response:
        """Make a document of a description in another format, and start it where that is asked for."""
        if requests.choice(request, "format", ("wfformat",)) is None:
            raise invalid_query("'format' must be wfformat.")
        is_started = requests.choice(request, "submit", ("true", "false")) == "true"
        if is_started:
            await authorise(request.scope, "write")
            await authorise(request.scope, "run")
        body = await requests.read_source(request, self._services)
        once = requests.once(request, self._services, body)
        if is_started and (earlier := await once.earlier()) is not None:
            return earlier
        description = read_json(body)
        try:
            imported = await asyncio.to_thread(wfformat.document_of, description.value)
        except InvalidDefinition as error:
            wrong = told(error.problems, description)
            raise of_problems(wrong.shown, wrong.total) from None
        shown = {
            "yaml": imported.document,
            "warnings": [render.problem(each) for each in told(imported.warnings, description).shown],
        }
        if not is_started:
            return data_answer(shown, self._services)

        def shape(answer: render.Answer) -> render.Answer:
            return {"data": {**shown, "workflow": answer}, "timestamp": int(self._services.clock.now())}

        return await self._start(imported.document.encode(), Opening(self._services, once, shape))

    async def _start(self, source: bytes, opening: Opening) -> Response:
        around = await surroundings_of(self._services)
        parsed = await read_here(source, self._services, around)
        if parsed.definition is None:
            raise _invalid(parsed, around)
        return await opening.first(parsed, parsed.definition, source)

    async def validate(self, request: Request) -> Response:
        """Check a document without keeping it."""
        body = await requests.read_source(request, self._services)
        try:
            source = _source(request, body)
        except Refusal as refused:
            errors = refused.body()["errors"]
            return data_answer(_verdict(Parsed(None, (), ()), errors), self._services)
        parsed = await read_here(source, self._services)
        errors = [render.problem(each) for each in parsed.problems]
        return data_answer(_verdict(parsed, errors), self._services)


def _verdict(parsed: Parsed, errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "valid": parsed.draft is not None,
        "errors": errors,
        "errorsTotal": max(parsed.problem_count, len(errors)),
        "warnings": [render.problem(each) for each in parsed.warnings],
        "activities": parsed.activities,
        "edges": parsed.edges,
        "depth": parsed.depth,
    }


def _source(request: Request, body: bytes) -> bytes:
    """Return the YAML of a body: the body itself where it says so, else what its JSON carries."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given == "application/yaml" and request.scope["path"].startswith("/akoflow-api/"):
        return body
    try:
        return document_in(body)
    except InvalidDefinition as error:
        raise of_problems(error.problems) from None


def _invalid(parsed: Parsed, around: Surroundings) -> Refusal:
    first, count = parsed.problems[0], parsed.problem_count
    told_already = f"line {first.line}, column {first.column}" in first.message
    place = "" if told_already or first.line is None else f" (line {first.line}, column {first.column})"
    is_one_kind = len({problem.code for problem in parsed.problems}) == 1
    has_no_runtime = any(problem.code == "runtime_not_configured" for problem in parsed.problems)
    return Refusal(
        400,
        first.code if is_one_kind else "invalid_workflow",
        f"{first.message}{place}{and_more(count)}",
        parsed.problems,
        total=count,
        warnings=parsed.warnings,
        more={"configured": sorted(around.runtimes)} if has_no_runtime else None,
    )
