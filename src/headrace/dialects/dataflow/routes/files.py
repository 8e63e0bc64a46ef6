"""Routes of files: upload as a stream, look, download, delete."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headrace.artifacts.protocol import Stored
from headrace.artifacts.sniffing import HEAD, sniff
from headrace.definition.templates import FileRef
from headrace.dialects.dataflow import render
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.dialects.dataflow.routes.refusals import Refusal
from headrace.errors import Gone, NotFound
from headrace.http import downloads
from headrace.http.bodies import BodyTooLarge, announced_size
from headrace.ids import alias
from headrace.orchestrator.services import Services
from headrace.store.protocol import KeyTaken
from headrace.store.rows import FileRow

_PREFIX = "file"
_TRIES = 5
_CHUNK = 1024 * 1024
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")


class FileRoutes:
    """Files that runs are given."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [
            Operation("POST", "/files", "run", self.upload, 201),
            Operation("GET", "/files/{fid}", "read", self.get_file),
            Operation("GET", "/files/{fid}/content", "read", self.get_content),
            Operation("DELETE", "/files/{fid}", "run", self.delete_file, 204),
        ]

    async def upload(self, request: Request) -> Response:
        """Keep a file."""
        limit = self._services.settings.dataflow.max_file
        if announced_size(request.scope["headers"]) > limit + _CHUNK:
            raise BodyTooLarge(limit)
        given = request.headers.get("content-type", "")
        if given.partition(";")[0].strip().lower() == "multipart/form-data":
            return await self._upload_part(request, limit)
        kept, head = await self._keep(request.stream(), limit)
        name = safe_name(request.query_params.get("name") or "file")
        return await self._remember(kept, name, given.partition(";")[0].strip(), head)

    async def get_file(self, request: Request) -> Response:
        """Return what is known of a file."""
        return json_answer(render.file(await self._row(request)), self._services)

    async def get_content(self, request: Request) -> Response:
        """Return the content of a file."""
        row = await self._row(request)
        file = FileRef(row.sha256, row.size, row.name, row.content_type)
        return await downloads.stored(request, file, self._services.artifacts)

    async def delete_file(self, request: Request) -> Response:
        """Forget a file that no living run was given or has made."""
        async with self._services.starts.deletion():
            row = await self._row(request)
            if row.sha256 in self._services.executions.given_files():
                raise Refusal(409, "file_in_use", "A run that was given this file is not over.")
            if row.execution is not None:
                run = await self._services.store.executions.get(row.execution)
                if run.ended_at is None:
                    raise Refusal(409, "file_in_use", f"The run {run.alias} is not over.")
            await self._services.store.files.delete(row.id)
        return Response(status_code=204)

    async def _row(self, request: Request) -> FileRow:
        file_id = request.path_params["fid"]
        try:
            return await self._services.store.files.get(file_id)
        except Gone:
            raise
        except NotFound:
            raise Refusal(404, "not_found", f"There is no file '{file_id[:100]}'.") from None

    async def _upload_part(self, request: Request, limit: int) -> Response:
        try:
            form = await Request(request.scope, _limited(request, limit + _CHUNK)).form(
                max_files=1, max_fields=16
            )
        except HTTPException as error:
            raise Refusal(400, "invalid_multipart", str(error.detail)) from None
        try:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise Refusal(400, "invalid_multipart", "A multipart upload has one file in its part 'file'.")
            kept, head = await self._keep(_chunks(part), limit)
            return await self._remember(
                kept, safe_name(part.filename or "file"), part.content_type or "", head
            )
        finally:
            await form.close()

    async def _keep(self, chunks: AsyncIterator[bytes], limit: int) -> tuple[Stored, bytes]:
        head = b""
        async with self._services.artifacts.writer(max_size=limit) as writer:
            async for chunk in chunks:
                head = head or chunk[:HEAD]
                await writer.write(chunk)
        return writer.stored, head

    async def _remember(self, kept: Stored, name: str, given: str, head: bytes) -> Response:
        services = self._services
        sniffed = sniff(head, name)
        for _ in range(_TRIES):
            row = FileRow(
                number=services.store.numbers.take(),
                id=alias(_PREFIX),
                name=name,
                content_type=content_type_of(given, sniffed),
                size=kept.size,
                sha256=kept.sha256,
                created_at=services.clock.now(),
            )
            try:
                await services.store.files.add(row)
            except KeyTaken:
                continue
            return json_answer(render.file(row), services, 201, {"location": f"/files/{row.id}"})
        raise Refusal(503, "unavailable", "No free id was found; try again.")


def content_type_of(given: str, sniffed: str) -> str:
    """Return what the sender says where the bytes say nothing, and what the bytes say otherwise."""
    vague = {"", "application/octet-stream", "application/x-www-form-urlencoded"}
    if sniffed not in {"application/octet-stream", "text/plain"} or given in vague:
        return sniffed
    return given if given.isascii() and given.isprintable() and len(given) <= 100 else sniffed


def safe_name(name: str) -> str:
    """Return the part of a name that can be that of a file."""
    return _UNSAFE.sub("_", name).strip(". ")[-200:] or "file"


async def _chunks(part: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await part.read(_CHUNK):
        yield chunk


def _limited(request: Request, limit: int) -> Any:
    """Return how to receive the body, up to the limit."""
    size = 0

    async def receive() -> Any:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise BodyTooLarge(limit)
        return message

    return receive
