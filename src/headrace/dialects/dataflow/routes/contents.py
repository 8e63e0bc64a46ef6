"""Answers with whole contents: as attachments that no browser takes for a page, and in ranges (RFC 9110)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.definition.templates import FileRef, ValueRef
from headrace.dialects.dataflow import shown
from headrace.dialects.dataflow.routes.refusals import Refusal
from headrace.orchestrator.services import Services

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Span(NamedTuple):
    """Which bytes are answered."""

    start: int
    end: int
    """The first byte that is not."""
    status: int
    """206 when a part was asked for."""


async def value_answer(request: Request, value: Any, name: str, services: Services) -> Response:
    """Answer with a value of a run: a file as it is, a text as text, anything else as JSON."""
    if isinstance(value, FileRef):
        return await stored_answer(request, value, services)
    whole = await services.values.fill_in(value) if not isinstance(value, str) else value
    if isinstance(value, ValueRef) and isinstance(whole, FileRef):
        return await stored_answer(request, whole, services)
    content, media_type = shown.raw(whole)
    content = services.secrets_in_use.redactor.octets(content)
    span = span_of(request, len(content))
    headers = _headers(name, span, len(content)) | {"content-type": media_type}
    return Response(content[span.start : span.end], span.status, headers)


async def stored_answer(request: Request, file: FileRef, services: Services) -> Response:
    """Answer with a file of the artifact store; raises NotFound when it is gone."""
    size = await services.artifacts.size(file.sha256)
    span = span_of(request, size)
    headers = _headers(file.name, span, size) | {
        "content-type": file.content_type,
        "etag": f'"{file.sha256}"',
    }
    pieces = services.artifacts.open_range(file.sha256, span.start, span.end)
    return StreamingResponse(pieces, span.status, headers)


def span_of(request: Request, size: int) -> Span:
    """Return what the `Range` header asks for; several ranges at once are answered with everything."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    first, last = found.groups() if found else ("", "")
    if (not first and not last) or (first and last and int(last) < int(first)):
        return Span(0, size, 200)
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= size:
        headers = {"content-range": f"bytes */{size}"}
        message = f"The range lies outside of the content, which has {size} bytes."
        raise Refusal(416, "range_not_satisfiable", message, headers=headers)
    return Span(start, end, 206)


def _headers(name: str, span: Span, size: int) -> dict[str, str]:
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)
    full = quote(name, safe="")
    headers = {
        "content-disposition": f"attachment; filename=\"{plain[:100]}\"; filename*=UTF-8''{full}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "accept-ranges": "bytes",
        "content-length": str(span.end - span.start),
    }
    if span.status == 206:
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    return headers
