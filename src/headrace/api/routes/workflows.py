"""Workflows of every dialect: create, list, look, change, delete, and check without keeping anything."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers, definitions
from headrace.api.idempotency import Repeats
from headrace.api.lists import Cursor, Limit
from headrace.api.operations import Operation, json_answer
from headrace.api.problems import PreconditionFailed
from headrace.api.requests import expected_version, key_of
from headrace.api.values import moment_of
from headrace.dialects.protocol import Dialect, Judging, Parsed
from headrace.errors import InvalidDefinition, NotFound, StaleVersion
from headrace.http import cursors
from headrace.http.bodies import BodyTooLarge, read_body
from headrace.http.known import Known
from headrace.orchestrator.services import Services
from headrace.store.rows import WorkflowRow

DOCUMENT = "application/json"


class WorkflowRoutes:
    """Definitions, each with its current version."""

    def __init__(self, services: Services, dialects: Mapping[str, Dialect], repeats: Repeats) -> None:
        self._services = services
        self._workflows = services.workflows
        self._dialects = dialects
        self._repeats = repeats

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        listed = answers.Listed[answers.WorkflowShown]
        shown = answers.WorkflowShown
        one = "/v1/workflows/{key}"
        return [
            Operation(method="GET", path="/v1/workflows", endpoint=self.newest, scope="read", answer=listed),
            Operation(
                method="POST",
                path="/v1/workflows",
                endpoint=self.create,
                scope="write",
                answer=shown,
                status=201,
                headers=("Idempotency-Key",),
                body=DOCUMENT,
            ),
            Operation(
                method="POST",
                path="/v1/workflows/validate",
                endpoint=self.validate,
                scope="read",
                answer=answers.Validation,
                body=DOCUMENT,
            ),
            Operation(
                method="GET",
                path=one,
                endpoint=self.get,
                scope="read",
                answer=shown,
                headers=("If-None-Match",),
            ),
            Operation(
                method="PUT",
                path=one,
                endpoint=self.update,
                scope="write",
                answer=shown,
                headers=("If-Match",),
                body=DOCUMENT,
            ),
            Operation(
                method="DELETE",
                path=one,
                endpoint=self.delete,
                scope="write",
                status=204,
                headers=("If-Match",),
            ),
            Operation(
                method="GET", path=f"{one}/plan", endpoint=self.plan, scope="read", answer=answers.PlanShown
            ),
        ]

    async def newest(
        self, request: Request, dialect: str | None = None, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """List workflows, newest first."""
        page = await self._workflows.newest(
            dialect=dialect, limit=limit, cursor=cursors.opened(request, cursor)
        )
        shown = [definitions.workflow_shown(row) for row in page.rows]
        return json_answer(answers.Listed(shown, cursors.sealed(request, page.cursor)))

    async def create(self, request: Request, dialect: str | None = None) -> Response:
        """Create a workflow from a document of any dialect, JSON or YAML."""
        source = await self._read(request, self._dialects.get(dialect or ""))
        async with self._repeats.of(request, source, _location) as once:
            chosen = definitions.dialect_of(self._dialects, dialect, source)
            parsed = await self._parsed(chosen, source)
            definition = definitions.accepted(parsed)
            names = self._workflows.name(chosen.workflow_prefix)
            now = moment_of(self._services.clock.now())
            shown = answers.WorkflowShown(
                number=names.number,
                id=names.id,
                alias=names.alias,
                name=definition.name,
                description=definition.description,
                dialect=definition.dialect,
                version=1,
                created_at=now,
                updated_at=now,
                warnings=tuple(parsed.warnings),
            )
            content = msgspec.json.encode(shown)
            await self._workflows.create(
                definition,
                source,
                definitions.media_type_of(source),
                names=names,
                idempotency=once.record(201, content),
            )
        headers = {"location": _location(content), "etag": '"1"'}
        return Response(content, 201, headers, "application/json")

    async def validate(self, request: Request, dialect: str | None = None) -> Response:
        """Check a document, and keep nothing."""
        source = await self._read(request, self._dialects.get(dialect or ""))
        try:
            chosen = definitions.dialect_of(self._dialects, dialect, source)
        except InvalidDefinition as error:
            found = answers.Validation(
                valid=False, dialect="", problems=error.problems, warnings=error.warnings, tasks=()
            )
            return json_answer(found)
        parsed = await self._parsed(chosen, source)
        found = answers.Validation(
            valid=not parsed.problems,
            dialect=chosen.name,
            problems=tuple(parsed.problems),
            warnings=tuple(parsed.warnings),
            tasks=() if parsed.definition is None else definitions.tasks_shown(parsed.definition),
        )
        return json_answer(found)

    async def get(self, key: str, request: Request) -> Response:
        """Look at a workflow."""
        row = await self._row(key)
        known = Known(request, str(row.version))
        return known.answer or json_answer(definitions.workflow_shown(row), headers=known.headers)

    async def update(self, key: str, request: Request) -> Response:
        """Make a document the current version of a workflow."""
        row = await self._row(key)
        expected = expected_version(request, row.version)
        dialect = self._dialects.get(row.dialect)
        if dialect is None:
            raise NotFound(f"The dialect '{row.dialect}' of this workflow is not installed.")
        source = await self._read(request, dialect)
        parsed = await self._parsed(dialect, source)
        definition = definitions.accepted(parsed)
        media_type = definitions.media_type_of(source)
        try:
            row = await self._workflows.update(row.number, definition, source, media_type, expected=expected)
        except StaleVersion as stale:
            raise PreconditionFailed(stale.message) from None
        return json_answer(
            definitions.workflow_shown(row, parsed.warnings), headers={"etag": f'"{row.version}"'}
        )

    async def delete(self, key: str, request: Request) -> Response:
        """Forget a workflow; its executions stay readable."""
        async with self._services.starts.deletion():
            row = await self._row(key)
            try:
                await self._workflows.delete(row.number, expected=expected_version(request, row.version))
            except StaleVersion as stale:
                raise PreconditionFailed(stale.message) from None
        return Response(status_code=204)

    async def plan(self, key: str) -> Response:
        """Show what a start would do."""
        row = await self._row(key)
        definition = await self._workflows.definition(row.number, row.version)
        shown = answers.PlanShown(
            workflow=row.number,
            version=row.version,
            inputs=definitions.ports_shown(definition.inputs),
            tasks=definitions.tasks_shown(definition),
        )
        return json_answer(shown)

    async def _row(self, key: str) -> WorkflowRow:
        return await self._workflows.get(key_of(key, "workflow"))

    async def _parsed(self, dialect: Dialect, source: bytes) -> Parsed:
        services = self._services
        if len(source) > (limit := dialect.max_body(services.settings)):
            raise BodyTooLarge(limit)
        if isinstance(dialect, Judging):
            return await dialect.parse_here(source, services)
        return await definitions.parse(
            dialect, source, services.library, max_tasks=services.settings.max_tasks
        )

    async def _read(self, request: Request, dialect: Dialect | None) -> bytes:
        settings = self._services.settings
        asked = [dialect] if dialect is not None else self._dialects.values()
        limit = max(each.max_body(settings) for each in asked)
        return await read_body(request.scope["headers"], request.receive, limit)


def _location(answer: bytes) -> str:
    return f"/v1/workflows/{msgspec.json.decode(answer, type=_Numbered).number}"


class _Numbered(msgspec.Struct):
    number: int
