"""The contents of files that tasks made: found where they are kept, read, and answered as downloads.

A content is an artifact, or it still lies in its directory as it was when it was looked at: the same size,
time and inode.  Anything else is gone, and is never answered in its place; no link is ever followed.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from posixpath import basename
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.artifacts.directory import CHUNK
from headrace.artifacts.protocol import Artifacts
from headrace.errors import NotFound, RequestError
from headrace.http.downloads import OCTETS, protective
from headrace.http.known import Known
from headrace.http.ranges import asked_span
from headrace.store.protocol import Provenance
from headrace.store.provenance_rows import FileVersion, RecordedUse, UseKind
from headrace.store.rows import Page
from headrace.texts import text_of_path

MADE: tuple[UseKind, ...] = ("created", "modified")
"""What is done with a file that is an artifact of its task."""

LEFT: tuple[UseKind, ...] = (*MADE, "deleted")
"""What decides which files a task left."""

_PAGE = 5000
_MOST_PAGES = 200
"""Pages that a search looks through before it answers with a cursor."""


class ArtifactGone(RequestError):
    """The content of this file was not kept."""

    code = "artifact_gone"
    status = 410


async def every_use(
    provenance: Provenance,
    execution: int,
    *,
    task: str | None = None,
    kinds: Collection[UseKind] | None = None,
) -> list[RecordedUse]:
    """Return all that the tasks of an execution did with files, in the order of their numbers."""
    found: list[RecordedUse] = []
    cursor = None
    while True:
        page = await provenance.uses(execution, task=task, kinds=kinds, limit=_PAGE, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            return found


async def made_by(
    provenance: Provenance,
    execution: int,
    *,
    task: str | None,
    has: Callable[[RecordedUse], bool],
    limit: int,
    cursor: str | None,
) -> Page[RecordedUse]:
    """Return a page of the files that tasks created or changed and that `has` is true of, oldest first."""
    found: list[RecordedUse] = []
    for _ in range(_MOST_PAGES):
        left = limit - len(found)
        page = await provenance.uses(execution, task=task, kinds=MADE, limit=left, cursor=cursor)
        found += filter(has, page.rows)
        cursor = page.cursor
        if cursor is None or len(found) == limit:
            break
    return Page(found, cursor)


def left_by(uses: Iterable[RecordedUse], name_of: Callable[[FileVersion], str]) -> dict[str, FileVersion]:
    """Return the last version of each path by its name; what was deleted in the end is not there."""
    left: dict[str, FileVersion] = {}
    for each in uses:
        name = name_of(each.version)
        if each.use.kind == "deleted":
            left.pop(name, None)
        elif each.after is not None:
            left[name] = each.after
    return left


class Content:
    """A content that is there; reading it raises `ArtifactGone` when it changes meanwhile."""

    def __init__(self, version: FileVersion, artifacts: Artifacts | None) -> None:
        """Take the version; without `artifacts` it is read from its directory."""
        self.version = version
        self._artifacts = artifacts

    def pieces(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`."""
        version = self.version
        end = version.size if end is None else end
        if self._artifacts is not None and version.sha256 is not None:
            return self._artifacts.open_range(version.sha256, start, end)
        return _read(version, start, end)


async def content_of(version: FileVersion, artifacts: Artifacts) -> Content:
    """Return where the content of a version is; raises `ArtifactGone` with the reason."""
    if version.link is not None:
        raise ArtifactGone(f"'{text_of_path(version.path)}' is a symbolic link, and links are not followed.")
    if version.is_stored and version.sha256 is not None:
        try:
            await artifacts.size(version.sha256)
        except NotFound:
            pass  # swept away; it may still lie where it was made
        else:
            return Content(version, artifacts)
    (await asyncio.to_thread(_open, version)).close()
    return Content(version, None)


async def answer(request: Request, version: FileVersion, artifacts: Artifacts) -> Response:
    """Answer with a content, in ranges; raises `ArtifactGone`, `RangeNotSatisfiable`."""
    headers = protective(basename(text_of_path(version.path))) | {"cache-control": "private, no-cache"}
    if version.sha256 is not None:
        known = Known(request, version.sha256, headers)
        if known.answer is not None:
            return known.answer
        headers = known.headers
    content = await content_of(version, artifacts)
    span = asked_span(request, version.size, headers.get("etag"))
    headers |= span.headers(version.size) | {"content-type": OCTETS}
    return StreamingResponse(content.pieces(span.start, span.end), span.status, headers)


async def _read(version: FileVersion, start: int, end: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(_open, version)
    try:
        file.seek(start)
        while start < end:
            chunk = await asyncio.to_thread(_next, file, min(CHUNK, end - start), version)
            start += len(chunk)
            yield chunk
    finally:
        file.close()


def _next(file: BinaryIO, count: int, version: FileVersion) -> bytes:
    chunk = file.read(count)
    if not chunk or not _is_unchanged(file, version):
        raise ArtifactGone(f"'{text_of_path(version.path)}' was changed while it was read.")
    return chunk


def _open(version: FileVersion) -> BinaryIO:
    """Open a file of a directory, part by part, so that no part may be a link; raises `ArtifactGone`."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    *directories, name = version.path.split("/")
    try:
        # the directory itself may be reached by links, which are those of whoever named it
        at = os.open(version.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for each in directories:
                inner = os.open(each, flags | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = inner
            handle = os.open(name, flags | os.O_NONBLOCK, dir_fd=at)
        finally:
            os.close(at)
    except (OSError, ValueError):
        message = f"'{text_of_path(version.path)}' was not kept, and does not lie in its directory any more."
        raise ArtifactGone(message) from None
    file = os.fdopen(handle, "rb")
    if not _is_unchanged(file, version):
        file.close()
        raise ArtifactGone(f"'{text_of_path(version.path)}' was not kept, and has been changed since.")
    return file


def _is_unchanged(file: BinaryIO, version: FileVersion) -> bool:
    found = os.fstat(file.fileno())
    return stat.S_ISREG(found.st_mode) and (found.st_size, found.st_mtime_ns, found.st_ino) == (
        version.size,
        version.mtime_ns,
        version.inode,
    )
