"""Reads requests: bodies within their limit, ids, query parameters, keys of repetition."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow.routes.operations import caller_of
from headrace.dialects.akoflow.routes.refusals import Refusal, invalid_query
from headrace.http.bodies import read_body
from headrace.orchestrator.services import Services
from headrace.security.documents import read_json
from headrace.store.protocol import KeyTaken
from headrace.store.rows import IdempotencyRecord

KEPT = timedelta(hours=24)
_LONGEST_KEY = 255
_LARGEST_ID = 2**63 - 1


async def read_source(request: Request, services: Services) -> bytes:
    """Return the body; raises `BodyTooLarge`, and Refusal 415 for an encoded one."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        message = f"Bodies are read as they are, not encoded as {encoding[:40]}."
        raise Refusal(415, "content_encoding", message)
    return await read_body(request.scope["headers"], request.receive, services.settings.akoflow.max_body)


def members_of(body: bytes) -> dict[str, Any]:
    """Return an object that may be absent, which is an empty one."""
    value = read_json(body).value if body.strip() else {}
    if not isinstance(value, dict):
        raise Refusal(400, "body_not_object", "The body must be a JSON object.")
    return value


def id_of(request: Request, name: str) -> int:
    """Return an id of the path; raises Refusal `bad_id`."""
    text: str = request.path_params[name]
    if text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= _LARGEST_ID:
        return int(text)
    raise Refusal(400, "bad_id", f"An id is a positive whole number, not '{text[:40]}'.")


def whole_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    """Return a query parameter; raises Refusal `invalid_query`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) < 19 and low <= int(text) <= high:
        return int(text)
    raise invalid_query(f"'{name}' must be a whole number from {low} to {high}.")


def choice(request: Request, name: str, known: tuple[str, ...]) -> str | None:
    """Return a query parameter that has one of these values; raises Refusal `invalid_query`."""
    text = request.query_params.get(name)
    if text is None or text in known:
        return text
    raise invalid_query(f"'{name}' must be one of {', '.join(known)}.")


class Once:
    """One request that may carry an `Idempotency-Key`."""

    def __init__(self, request: Request, services: Services, body: bytes) -> None:
        self._services = services
        self._key = request.headers.get("idempotency-key")
        if self._key is not None and not 0 < len(self._key) <= _LONGEST_KEY:
            raise Refusal(400, "invalid_header", f"An Idempotency-Key has 1 to {_LONGEST_KEY} characters.")
        self._scope = f"{caller_of(request).number} {request.method} {request.scope['path']}"
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
        headers = {"idempotency-replayed": "true"}
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
