"""Contents as downloads: never shown by a browser as a page of ours, in ranges, told apart by their hash."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.api.ranges import span_of
from headrace.api.values import reference
from headrace.artifacts.protocol import Artifacts
from headrace.definition.templates import FileRef, ValueRef
from headrace.orchestrator.large_values import LargeValues
from headrace.security.redaction import SecretsInUse

TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"


class Downloads:
    """Answers with whole contents."""

    def __init__(self, artifacts: Artifacts, large: LargeValues, secrets: SecretsInUse) -> None:
        self._artifacts = artifacts
        self._large = large
        self._secrets = secrets

    async def artifact(self, request: Request, sha256: str, name: str, content_type: str) -> Response:
        """Answer with an artifact; raises `NotFound`, `RangeNotSatisfiable`."""
        size = await self._artifacts.size(sha256)
        headers = protective(name) | {"etag": f'"{sha256}"', "cache-control": "private, no-cache"}
        if f'"{sha256}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        span = span_of(request.headers.get("range"), size)
        headers |= span.headers(size) | {"content-type": content_type}
        pieces = self._artifacts.open_range(sha256, span.start, span.end)
        return StreamingResponse(pieces, span.status, headers)

    async def value(self, request: Request, value: Any, name: str) -> Response:
        """Answer with a value of an execution: a file as it is, a text as text, anything else as JSON."""
        match value:
            case FileRef():
                return await self.artifact(request, value.sha256, value.name, value.content_type)
            case ValueRef():
                return await self.value(request, await self._large.load_one(value), name)
            case str():
                content, kind, suffix = value.encode("utf-8", "replace"), TEXT, ".txt"
            case _:
                content = msgspec.json.encode(value, enc_hook=reference)
                kind, suffix = "application/json", ".json"
        content = self._secrets.redactor.octets(content)
        span = span_of(request.headers.get("range"), len(content))
        headers = protective(f"{name}{suffix}") | span.headers(len(content)) | {"content-type": kind}
        return Response(content[span.start : span.end], span.status, headers)


def protective(name: str) -> dict[str, str]:
    """Return the headers that keep a browser from taking a content for a page."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)
    disposition = (
        f"attachment; filename=\"{plain[:100] or 'download'}\"; filename*=UTF-8''{quote(name[:200], safe='')}"
    )
    return {
        "content-disposition": disposition,
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }


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
