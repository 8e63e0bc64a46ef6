"""Routes of what became of files: the graph, what leads to a file, who touched a content, and the exports.

Answers are made beside the event loop, because those of large runs take seconds; what they look at of a run
that goes on may be of two moments, which only leaves out what has just happened.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
from collections.abc import AsyncIterator
from itertools import chain
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.dialects.akoflow import prov_json, ro_crate, views, wfformat_export
from headrace.dialects.akoflow.contents import Contents
from headrace.dialects.akoflow.file_graph import DIRECTIONS, FileGraph
from headrace.dialects.akoflow.file_names import FileNames
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.histories import history_of
from headrace.dialects.akoflow.routes.lookup import Run, run_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer, json_answer
from headrace.dialects.akoflow.routes.refusals import Refusal, invalid_query
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.spelling import instant
from headrace.dialects.akoflow.wfformat_export import Machine
from headrace.dialects.akoflow.wire import DIALECT
from headrace.errors import NotFound
from headrace.http import cursors
from headrace.http.archives import ArchiveNames, Entry, ZipArchive, only, sent
from headrace.http.downloads import protective
from headrace.http.recorded_files import ArtifactGone, content_of
from headrace.orchestrator.services import Services
from headrace.store.provenance_rows import RecordedUse

_PAGE, _LARGEST_PAGE = 50, 500
_DEEPEST = 1_000_000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class ProvenanceRoutes:
    """Which activity made which file from which."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        one = f"{PATH}/{{id}}"
        return [
            Operation("GET", "/akoflow-api/lineage", "read", self.find_content),
            Operation("GET", f"{one}/storages/list-files", "read", self.get_graph),
            Operation("GET", f"{one}/lineage", "read", self.get_lineage),
            Operation("GET", f"{one}/provenance", "read", self.export),
        ]

    async def get_graph(self, request: Request) -> Response:
        """Return all files and activities of a workflow as a graph."""
        run = await run_of(request, self._services)
        uses = await history_of(run, self._services)
        execution, services = run.execution, self._services

        def made() -> Response:
            graph = FileGraph(uses, FileNames(execution))
            return data_answer(graph.whole(each.task.name for each in views.activities(execution)), services)

        return await asyncio.to_thread(made)

    async def get_lineage(self, request: Request) -> Response:
        """Return what leads to a file, or what it leads to."""
        path = request.query_params.get("path")
        if not path:
            raise invalid_query("'path' must be the path of a file, relative to mountPath.")
        asked = requests.choice(request, "direction", DIRECTIONS)
        direction = next((each for each in DIRECTIONS if each == asked), DIRECTIONS[0])
        depth = requests.whole_number(request, "depth", 0, 1, _DEEPEST) or None
        run = await run_of(request, self._services)
        uses = await history_of(run, self._services)
        graph = await asyncio.to_thread(lambda: FileGraph(uses, FileNames(run.execution)))
        shown = await asyncio.to_thread(graph.part, path, direction, depth)
        if shown is None:
            message = f"No activity of workflow {run.row.number} touched a file '{path[:200]}'."
            raise Refusal(404, "not_found", message)
        return await asyncio.to_thread(data_answer, shown, self._services)

    async def find_content(self, request: Request) -> Response:
        """List the activities of all workflows that made or used a content."""
        services = self._services
        sha256 = request.query_params.get("sha256", "")
        if not _SHA256.fullmatch(sha256):
            raise invalid_query("'sha256' must be a SHA-256, which is 64 hexadecimal digits.")
        limit = requests.whole_number(request, "limit", _PAGE, 1, _LARGEST_PAGE)
        cursor = cursors.opened(request, request.query_params.get("cursor"))
        page = await services.store.provenance.uses_of(sha256.lower(), limit=limit, cursor=cursor)
        runs: dict[int, tuple[Run, FileNames] | None] = {}
        shown: list[dict[str, Any]] = []
        for each in page.rows:
            number = each.use.execution
            if number not in runs:
                run = await self._run(number)
                runs[number] = (run, FileNames(run.execution)) if run is not None else None
            if (known := runs[number]) is not None:
                shown += _touches(each, *known, sha256.lower())
        return data_answer(shown, services, next=cursors.sealed(request, page.cursor))

    async def _run(self, number: int) -> Run | None:
        """Return a run of this dialect, or None."""
        try:
            row = await self._services.executions.get(number)
        except NotFound:
            return None
        return Run(row, await self._services.executions.view(row)) if row.dialect == DIALECT else None

    async def export(self, request: Request) -> Response:
        """Return what became of files in a format of others."""
        services = self._services
        format = requests.choice(request, "format", ("prov", "ro-crate", "wfformat"))
        has_contents = requests.choice(request, "data", ("true", "false")) != "false"
        run = await run_of(request, services)
        uses = await history_of(run, services)
        name = f"{run.row.name[:60]}-{run.row.number}"
        if format == "ro-crate":
            headers = protective(f"{name}.crate.zip") | {"cache-control": "no-store"}
            pieces = self._crate(run, uses, with_contents=has_contents)
            return StreamingResponse(pieces, 200, headers, "application/zip")

        def made() -> Response:
            if format == "wfformat":
                now, here = services.clock.now(), _this_machine()
                described = wfformat_export.description_of(run.execution, uses, now, here)
                return json_answer(described, services, headers=protective(f"{name}.wfformat.json"))
            document = prov_json.document(run.execution, uses)
            return json_answer(document, services, headers=protective(f"{name}.prov.json"))

        return await asyncio.to_thread(made)

    async def _crate(
        self,
        run: Run,
        uses: list[RecordedUse],
        *,
        with_contents: bool,
    ) -> AsyncIterator[bytes]:
        """Yield a crate: the document, the contents that are there, and last what is known of them all."""
        services = self._services
        contents = await asyncio.to_thread(lambda: Contents(uses, FileNames(run.execution)))
        reserved = (ro_crate.METADATA, ro_crate.WORKFLOW)
        expected = chain(reserved, map(ro_crate.place_of, contents))
        names = await asyncio.to_thread(ArchiveNames, expected)
        for taken in reserved:
            names.take(taken)
        archive, now = ZipArchive(), services.clock.now()
        version = await services.workflows.version(run.row.workflow, run.row.version)
        source = Entry(ro_crate.WORKFLOW, len(version.source), run.row.created_at)
        async for piece in sent(archive, source, only(version.source)):
            yield piece
        present: dict[int, str] = {}
        for each in contents if with_contents else ():
            try:
                content = await content_of(each.version, services.artifacts)
            except ArtifactGone:
                continue
            name = present[each.number] = names.take(ro_crate.place_of(each))
            entry = Entry(name, each.version.size, each.version.mtime_ns / 1e9)
            async for piece in sent(archive, entry, content.pieces()):
                yield piece
        made = msgspec.json.encode(
            ro_crate.metadata(run.execution, uses, contents, present, version.source, now)
        )
        made = services.secrets_in_use.redactor.octets(made)
        async for piece in sent(archive, Entry(ro_crate.METADATA, len(made), now), only(made)):
            yield piece
        yield archive.close()


def _touches(found: RecordedUse, run: Run, names: FileNames, sha256: str) -> list[dict[str, Any]]:
    """Return that an activity made a content, or that it used it; what it changed is recorded as read too."""
    use = found.use
    activity = views.activity_named(run.execution, use.task)
    sides = (("used", found.before if use.kind == "read" else None), ("made", found.after))
    return [
        {
            "workflowId": run.row.number,
            "workflow": run.row.name,
            "activityId": activity.id,
            "activity": use.task,
            "role": role,
            "path": names.of(version),
            "sizeBytes": version.size,
            "at": instant(use.at),
            "certain": use.is_certain,
        }
        for role, version in sides
        if version is not None and version.sha256 == sha256
    ]


def _this_machine() -> Machine:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(platform.node() or "localhost", platform.machine(), os.cpu_count() or 1, pages * size)
