"""Artifacts by their hash, and outputs of executions and task runs, whole."""

from __future__ import annotations

from typing import Annotated, Literal as OneOf

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from headrace.api.downloads import Downloads
from headrace.api.operations import Operation
from headrace.api.requests import key_of
from headrace.definition.templates import FileRef, ValueRef
from headrace.errors import NotFound
from headrace.http import downloads
from headrace.http.downloads import OCTETS, content_type_of
from headrace.orchestrator.services import Services


class ArtifactRoutes:
    """Downloads."""

    def __init__(self, services: Services, downloads: Downloads) -> None:
        self._services = services
        self._downloads = downloads

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        return [
            Operation(
                method="GET",
                path="/v1/artifacts/{sha256}",
                endpoint=self.artifact,
                scope="read",
                media_type=OCTETS,
                headers=("Range", "If-Range", "If-None-Match"),
            ),
            Operation(
                method="GET",
                path="/v1/executions/{key}/outputs/{name}",
                endpoint=self.output,
                scope="read",
                media_type="*/*",
                headers=("Range",),
            ),
            Operation(
                method="GET",
                path="/v1/executions/{key}/tasks/{run:path}/outputs/{name}",
                endpoint=self.task_output,
                scope="read",
                media_type="*/*",
                headers=("Range",),
            ),
        ]

    async def artifact(
        self,
        sha256: str,
        request: Request,
        name: Annotated[str | None, Query(max_length=255)] = None,
        type: Annotated[str | None, Query(max_length=100)] = None,
        as_: Annotated[OneOf["text", "json"] | None, Query(alias="as")] = None,
    ) -> Response:
        """Download a content by its hash: a file as it is, a value (`as`) with every secret masked."""
        size = await self._services.artifacts.size(sha256)
        if as_ is not None:
            return await self._downloads.value(request, ValueRef(sha256, size, as_), name or sha256)
        file = FileRef(sha256, size, name or sha256, content_type_of(type))
        return await downloads.stored(request, file, self._services.artifacts)

    async def output(self, key: str, name: str, request: Request) -> Response:
        """Download an output of an execution."""
        row = await self._services.executions.get(key_of(key, "execution"))
        execution = await self._services.executions.view(row)
        if name not in execution.outputs:
            raise NotFound(f"The execution is {execution.state} and has no output '{name[:100]}'.")
        return await self._downloads.value(request, execution.outputs[name], name)

    async def task_output(self, key: str, run: str, name: str, request: Request) -> Response:
        """Download an output of a task run."""
        row = await self._services.executions.get(key_of(key, "execution"))
        execution = await self._services.executions.view(row)
        found = self._services.executions.task_run(execution, run)
        if name not in found.outputs:
            raise NotFound(f"Task run {found.number} is {found.state} and has no output '{name[:100]}'.")
        return await self._downloads.value(request, found.outputs[name], name)
