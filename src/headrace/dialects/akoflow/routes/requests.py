"""Reads requests: bodies within their limit, ids, query parameters, keys of repetition."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from headrace.dialects.akoflow.routes.refusals import Refusal, invalid_query
from headrace.http.bodies import read_body
from headrace.http.repeating import Once
from headrace.orchestrator.services import Services
from headrace.security.documents import Document, read_json

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
    members: dict[str, Any] = object_of(body).value
    return members


def object_of(body: bytes) -> Document:
    """Return the same with the places of its members."""
    document = read_json(body if body.strip() else b"{}")
    if not isinstance(document.value, dict):
        raise Refusal(400, "body_not_object", "The body must be a JSON object.")
    return document


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


def once(request: Request, services: Services, body: bytes, path: str | None = None) -> Once:
    """Return what lets a request with an `Idempotency-Key` be done once; raises InvalidHeader.

    `path` is the one that stands for all where several lead to one operation.
    """
    return Once(request, services.store.idempotency, services.clock, body, path=path)
