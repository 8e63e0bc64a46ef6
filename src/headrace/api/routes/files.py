"""Files that tasks made in their working directories: listed, downloaded, or all in one archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from posixpath import commonpath, relpath
from typing import Annotated, Literal as OneOf

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers
from headrace.api.lists import Cursor, Limit
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of
from headrace.api.values import moment_of
from headrace.errors import NotFound
from headrace.http import cursors, file_archives, recorded_files
from headrace.http.archives import FORMATS
from headrace.http.downloads import OCTETS
from headrace.http.recorded_files import LEFT
from headrace.orchestrator.services import Services
from headrace.provenance.patterns import matches
from headrace.store.provenance_rows import FileVersion, RecordedUse
from headrace.store.rows import ExecutionRow
from headrace.texts import text_of_path

Task = Annotated[str | None, Query(max_length=1000, description="Name of the task that made them.")]
Pattern = Annotated[
    str | None, Query(min_length=1, max_length=4096, description="Path or glob inside of the directory.")
]


class FileRoutes:
    """What tasks left in their working directories, where that is recorded."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        path = "/v1/executions/{key}/files"
        listed = answers.Listed[answers.RecordedFile]
        return [
            Operation(method="GET", path=path, endpoint=self.all, scope="read", answer=listed),
            Operation(
                method="GET",
                path=f"{path}/archive",
                endpoint=self.archive,
                scope="read",
                media_type="*/*",
            ),
            Operation(
                method="GET",
                path=f"{path}/{{number}}/content",
                endpoint=self.content,
                scope="read",
                media_type=OCTETS,
                headers=("Range", "If-Range", "If-None-Match"),
            ),
        ]

    async def all(
        self,
        request: Request,
        key: str,
        task: Task = None,
        path: Pattern = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
    ) -> Response:
        """List the files that tasks made or changed, oldest first."""
        row = await self._row(key)
        page = await recorded_files.made_by(
            self._services.store.provenance,
            row.number,
            task=task,
            has=_having(path),
            limit=limit,
            cursor=cursors.opened(request, cursor),
        )
        return json_answer(
            answers.Listed([_shown(each) for each in page.rows], cursors.sealed(request, page.cursor))
        )

    async def archive(
        self, key: str, task: Task = None, path: Pattern = None, format: OneOf["zip", "tar.gz"] = "zip"
    ) -> Response:
        """Download the last version of each file in one archive."""
        row, services = await self._row(key), self._services
        uses = await recorded_files.every_use(services.store.provenance, row.number, task=task, kinds=LEFT)
        chosen = list(filter(_having(path), uses))
        files = recorded_files.left_by(chosen, _naming(chosen))
        now, name = services.clock.now(), f"{row.name[:60]}-{row.number}"
        return file_archives.answer(FORMATS[format](), files, name, services.artifacts, now)

    async def content(self, key: str, number: int, request: Request) -> Response:
        """Download a file as a task left it."""
        row = await self._row(key)
        found = await self._services.store.provenance.use(number)
        if found.use.execution != row.number or found.after is None:
            raise NotFound(f"Execution {row.number} has no file {number}.")
        return await recorded_files.answer(request, found.after, self._services.artifacts)

    async def _row(self, key: str) -> ExecutionRow:
        return await self._services.executions.get(key_of(key, "execution"))


def _having(pattern: str | None) -> Callable[[RecordedUse], bool]:
    return lambda found: pattern is None or matches(pattern, found.version.path)


def _naming(uses: Sequence[RecordedUse]) -> Callable[[FileVersion], str]:
    """Return what names files by their paths below the directory that all of them have in common."""
    directories = {each.version.directory for each in uses}
    common = commonpath(directories) if directories else "/"
    return lambda version: relpath(f"{version.directory}/{version.path}", common)


def _shown(found: RecordedUse) -> answers.RecordedFile:
    use, version = found.use, found.version
    return answers.RecordedFile(
        number=use.number,
        path=text_of_path(version.path),
        directory=text_of_path(version.directory),
        task=use.task,
        attempt=use.attempt,
        change=use.kind,
        size=version.size,
        sha256=version.sha256,
        superseded=version.is_superseded,
        link=text_of_path(version.link) if version.link is not None else None,
        created_at=moment_of(use.at),
        stored=version.is_stored,
        certain=use.is_certain,
    )
