"""Reads requests: JSON bodies within their limit, query parameters, conditions, keys of repetition."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow.routes.refusals import Refusal, invalid_query
from headrace.http.bodies import read_body
from headrace.orchestrator.services import Services
from headrace.security.documents import read_json
from headrace.security.tokens import TokenRecord
from headrace.store.protocol import KeyTaken
from headrace.store.rows import IdempotencyRecord

KEPT = timedelta(hours=24)
_LONGEST_KEY = 255
_LARGEST_PAGE = 1000

Number = TypeVar("Number", int, float)


async def read_source(request: Request, services: Services) -> bytes:
    """Return the body; raises `BodyTooLarge`, and Refusal 415 for a media type that is no JSON."""
    body = await read_body(request.scope["headers"], request.receive, services.settings.dataflow.max_body)
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given and body and given != "application/json" and not given.endswith("+json"):
        message = f"The body is read as application/json, not as {given[:100]}."
        raise Refusal(415, "unsupported_media_type", message)
    return body


def document_of(body: bytes) -> Any:
    """Return a body that must be there; raises InvalidDefinition."""
    return read_json(body).value


def optional_document_of(body: bytes) -> Any:
    """Return a body that may be empty, which is None."""
    return read_json(body).value if body.strip() else None


def whole_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    """Return a query parameter; raises Refusal `invalid_query`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) < 19 and low <= int(text) <= high:
        return int(text)
    raise invalid_query(f"'{name}' must be a whole number from {low} to {high}.")


def page_size(request: Request) -> int:
    """Return `limit`; the page lists everything, so without it a page is as large as it can be."""
    return whole_number(request, "limit", _LARGEST_PAGE, 1, _LARGEST_PAGE)


def seconds_to_wait(request: Request) -> float:
    """Return `wait`, 0 when it is not given."""
    text = request.query_params.get("wait")
    if text is None:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 60:
        raise invalid_query("'wait' must be a number of seconds from 0 to 60.")
    return seconds


def expected_version(request: Request) -> int | None:
    """Return the version that `If-Match` names; None for none or `*`."""
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    version = given.removeprefix("W/").strip('"')
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise Refusal(412, "version_conflict", "If-Match must be the quoted version of the workflow.")
    return int(version)


class Once:
    """One request that may carry an `Idempotency-Key`."""

    def __init__(
        self,
        request: Request,
        services: Services,
        caller: TokenRecord,
        body: bytes,
        location: Callable[[bytes], str],
    ) -> None:
        """Take the request; `location` finds in its answer where the thing that it made is."""
        self._services = services
        self._location = location
        self._key = request.headers.get("idempotency-key")
        if self._key is not None and not 0 < len(self._key) <= _LONGEST_KEY:
            raise Refusal(400, "invalid_header", f"An Idempotency-Key has 1 to {_LONGEST_KEY} characters.")
        self._scope = f"{caller.number} {request.method} {request.scope['path']}"
        self._hash = hashlib.sha256(body).hexdigest() if self._key else ""

    async def earlier(self) -> Response | None:
        """Return the answer of an earlier request with the key; raises Refusal 409 for another body."""
        if self._key is None:
            return None
        found = await self._services.store.idempotency.find(self._scope, self._key)
        if found is None:
            return None
        if found.body_hash != self._hash:
            message = "The Idempotency-Key was used with another body."
            raise Refusal(409, "idempotency_conflict", message)
        headers = {"idempotency-replayed": "true", "location": self._location(found.answer)}
        return Response(found.answer, found.status, headers, found.content_type)

    async def faster(self, taken: KeyTaken) -> Response:
        """Return the answer of the request that won the race for the key; raises `taken` for another key."""
        found = await self.earlier() if taken.key == "idempotency_key" else None
        if found is None:
            raise taken
        return found

    def record(self, status: int, answer: bytes) -> IdempotencyRecord | None:
        """Return what is kept with the effect; None without a key."""
        if self._key is None:
            return None
        now = self._services.clock.now()
        return IdempotencyRecord(
            scope=self._scope,
            key=self._key,
            body_hash=self._hash,
            status=status,
            answer=answer,
            created_at=now,
            expires_at=now + KEPT.total_seconds(),
        )
