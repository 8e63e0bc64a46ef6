"""Versions of workflows: list, look, and tell what is different between two."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers, definitions
from headrace.api.lists import Cursor, Limit
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of, refuse
from headrace.api.values import moment_of
from headrace.errors import NotFound
from headrace.http import cursors
from headrace.http.known import Known
from headrace.orchestrator.services import Services
from headrace.store.rows import WorkflowRow


class VersionRoutes:
    """The immutable versions of a workflow."""

    def __init__(self, services: Services) -> None:
        self._workflows = services.workflows

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        versions = answers.Listed[answers.VersionListed]
        one = "/v1/workflows/{key}"
        return [
            Operation(
                method="GET", path=f"{one}/versions", endpoint=self.versions, scope="read", answer=versions
            ),
            Operation(
                method="GET",
                path=f"{one}/versions/{{version}}",
                endpoint=self.version,
                scope="read",
                answer=answers.VersionShown,
                headers=("If-None-Match",),
            ),
            Operation(
                method="GET",
                path=f"{one}/versions/{{version}}/diff",
                endpoint=self.differences,
                scope="read",
                answer=answers.VersionDifferences,
            ),
        ]

    async def versions(
        self, request: Request, key: str, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """List the versions of a workflow, newest first."""
        row = await self._row(key)
        page = await self._workflows.versions(row.number, limit=limit, cursor=cursors.opened(request, cursor))
        shown = [
            answers.VersionListed(
                version=version.version,
                created_at=moment_of(version.created_at),
                media_type=version.media_type,
                sha256=version.hash,
            )
            for version in page.rows
        ]
        return json_answer(answers.Listed(shown, cursors.sealed(request, page.cursor)))

    async def version(self, key: str, version: str, request: Request) -> Response:
        """Look at one version, with its document and its graph."""
        row = await self._row(key)
        found = await self._workflows.version(row.number, _version_of(version))
        known = Known(request, str(found.version))
        if known.answer is not None:
            return known.answer
        definition = await self._workflows.definition(row.number, found.version)
        return json_answer(definitions.version_shown(found, definition), headers=known.headers)

    async def differences(
        self, key: str, version: str, from_: Annotated[int | None, Query(alias="from", ge=1)] = None
    ) -> Response:
        """Tell what is different from the version before, or from another one."""
        row = await self._row(key)
        new = _version_of(version)
        old = new - 1 if from_ is None else from_
        if old < 1:
            raise refuse(
                "invalid_value", "/from", "The first version has none before it; name one in 'from'."
            )
        found = await self._workflows.differences(row.number, old, new)
        shown = answers.VersionDifferences(
            workflow=row.number,
            from_version=old,
            to_version=new,
            tasks=found.tasks,
            changes=found.changes,
            text=found.text,
        )
        return json_answer(shown)

    async def _row(self, key: str) -> WorkflowRow:
        return await self._workflows.get(key_of(key, "workflow"))


def _version_of(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound(f"There is no version '{text[:40]}'.")
    return int(text)
