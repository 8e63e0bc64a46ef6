"""Contents as downloads: never shown by a browser as a page of ours, in ranges, told apart by their hash."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.artifacts.protocol import Artifacts
from headrace.definition.templates import FileRef
from headrace.errors import Gone, NotFound
from headrace.http.known import Known
from headrace.http.large_texts import LargeText
from headrace.http.ranges import asked_span

TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"


async def stored(request: Request, file: FileRef, artifacts: Artifacts) -> Response:
    """Answer with a stored file; raises `Gone` when it is kept no more, `RangeNotSatisfiable`."""
    try:
        size = await artifacts.size(file.sha256)
    except NotFound:
        message = f"The content of '{file.name}' is not kept any longer: its file was removed."
        raise Gone(message) from None
    known = Known(request, file.sha256, protective(file.name) | {"cache-control": "private, no-cache"})
    if known.answer is not None:
        return known.answer
    span = asked_span(request, size, known.headers["etag"])
    headers = known.headers | span.headers(size) | {"content-type": file.content_type}
    pieces = artifacts.open_range(file.sha256, span.start, span.end)
    return StreamingResponse(pieces, span.status, headers)


async def text(request: Request, text: LargeText, name: str) -> Response:
    """Answer with a text that is masked while it is sent; raises `NotFound`, `RangeNotSatisfiable`."""
    size = await text.size()
    span = asked_span(request, size)
    headers = protective(name) | span.headers(size) | {"content-type": TEXT}
    return StreamingResponse(text.octets(span.start, span.end), span.status, headers)


def octets(request: Request, content: bytes, name: str, content_type: str) -> Response:
    """Answer with a content that is at hand, masked already; raises `RangeNotSatisfiable`."""
    span = asked_span(request, len(content))
    headers = protective(name) | span.headers(len(content)) | {"content-type": content_type}
    return Response(content[span.start : span.end], span.status, headers)


def protective(name: str) -> dict[str, str]:
    """Return the headers that keep a browser from taking a content for a page.

    Whatever the name is, what they suggest is the name of a file, never a way to another directory.
    """
    safe = _file_name(name)
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in safe)
    disposition = f"attachment; filename=\"{plain[:100]}\"; filename*=UTF-8''{quote(safe[:200], safe='')}"
    return {
        "content-disposition": disposition,
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }


def _file_name(name: str) -> str:
    """Return a name that is one part of a path on every system, with nothing in it that cannot be seen.

    Clients save what a server suggests without asking: `..` would lead out of where they save, a backslash is
    a slash to some of them, and a line feed or an escape speaks to terminals.
    """
    visible = "".join("_" if each in "/\\" or not each.isprintable() else each for each in name)
    rest = visible.lstrip(".")
    dots = len(visible) - len(rest)
    if not rest:
        return "_" * dots or "download"
    return visible if dots < 2 else "_" * dots + rest


def content_type_of(asked: str | None) -> str:
    """Return a media type that may stand in a header, or that of unknown bytes."""
    if (
        asked is None
        or len(asked) > 100
        or not asked.isascii()
        or not asked.isprintable()
        or "/" not in asked
    ):
        return OCTETS
    return asked
