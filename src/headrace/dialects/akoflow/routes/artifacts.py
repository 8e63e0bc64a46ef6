"""Routes of files that activities made: all of them, the content of one, an archive of many."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.file_graph import hash_of
from headrace.dialects.akoflow.file_names import FileNames
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.lookup import Run, row_of, run_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.dialects.akoflow.routes.refusals import Refusal, invalid_query
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.spelling import instant
from headrace.errors import NotFound
from headrace.http import cursors, file_archives, recorded_files
from headrace.http.archives import FORMATS
from headrace.http.recorded_files import LEFT
from headrace.orchestrator.services import Services
from headrace.provenance.patterns import matches
from headrace.store.provenance_rows import RecordedUse

_PAGE, _LARGEST_PAGE = 50, 500
_LONGEST_PATTERN = 4096


class Selection(NamedTuple):
    """Which files are asked for."""

    activity: str | None
    pattern: str | None
    names: FileNames

    def has(self, found: RecordedUse) -> bool:
        """Tell whether a file is one of them."""
        return self.pattern is None or matches(self.pattern, self.names.of(found.version).lstrip("/"))


class ArtifactRoutes:
    """Files that activities created or changed."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        path = f"{PATH}/{{id}}/artifacts"
        return [
            Operation("GET", path, "read", self.list_artifacts),
            Operation("GET", f"{path}/archive", "read", self.get_archive),
            Operation("GET", f"{path}/{{artifactId}}", "read", self.get_artifact),
        ]

    async def list_artifacts(self, request: Request) -> Response:
        """List the files that activities made or changed, oldest first."""
        limit = requests.whole_number(request, "limit", _PAGE, 1, _LARGEST_PAGE)
        cursor = cursors.opened(request, request.query_params.get("cursor"))
        run = await run_of(request, self._services)
        which = _selection(request, run)
        page = await recorded_files.made_by(
            self._services.store.provenance,
            run.row.number,
            task=which.activity,
            has=which.has,
            limit=limit,
            cursor=cursor,
        )
        shown = [_artifact(each, run, which.names) for each in page.rows]
        return data_answer(shown, self._services, next=cursors.sealed(request, page.cursor))

    async def get_artifact(self, request: Request) -> Response:
        """Download a file as an activity left it."""
        row = await row_of(request, self._services)
        number = requests.id_of(request, "artifactId")
        try:
            found = await self._services.store.provenance.use(number)
        except NotFound:
            found = None
        if found is None or found.use.execution != row.number or found.after is None:
            raise Refusal(404, "not_found", f"Workflow {row.number} has no artifact {number}.")
        return await recorded_files.answer(request, found.after, self._services.artifacts)

    async def get_archive(self, request: Request) -> Response:
        """Download the last version of each file in one archive."""
        services = self._services
        format = requests.choice(request, "format", tuple(FORMATS)) or "zip"
        run = await run_of(request, services)
        which = _selection(request, run)
        uses = await recorded_files.every_use(
            services.store.provenance, run.row.number, task=which.activity, kinds=LEFT
        )
        files = recorded_files.left_by(filter(which.has, uses), which.names.of)
        name = f"{run.row.name[:60]}-{run.row.number}"
        return file_archives.answer(FORMATS[format](), files, name, services.artifacts, services.clock.now())


def _selection(request: Request, run: Run) -> Selection:
    """Return which files a query asks for; raises Refusal `invalid_query`."""
    given, pattern = request.query_params.get("activity"), request.query_params.get("path")
    if pattern is not None and not 0 < len(pattern) <= _LONGEST_PATTERN:
        raise invalid_query(f"'path' must be a path or a glob of 1 to {_LONGEST_PATTERN} characters.")
    activity = None
    if given is not None and (activity := _activity(given, run)) is None:
        raise invalid_query(f"Workflow {run.row.number} has no activity '{given[:200]}', by name or id.")
    return Selection(activity, pattern, FileNames(run.execution))


def _activity(given: str, run: Run) -> str | None:
    if views.is_activity(run.execution, given):
        return given
    if not (given.isascii() and given.isdecimal() and len(given) < 20):
        return None
    found = views.activity_with(run.execution, int(given))
    return found.task.name if found is not None else None


def _artifact(found: RecordedUse, run: Run, names: FileNames) -> dict[str, Any]:
    use, version = found.use, found.version
    shown = {
        "id": use.number,
        "path": names.of(version),
        "activityId": views.activity_named(run.execution, use.task).id,
        "activity": use.task,
        "change": use.kind,
        "sizeBytes": version.size,
        **hash_of(version),
        "createdAt": instant(use.at),
        "stored": version.is_stored,
        "certain": use.is_certain,
    }
    return shown if version.link is None else {**shown, "link": version.link}
