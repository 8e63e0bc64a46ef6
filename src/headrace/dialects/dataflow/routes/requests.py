"""Reads requests: JSON bodies within their limit, query parameters, conditions, keys of repetition."""

from __future__ import annotations

from typing import Any, TypeVar

from starlette.requests import Request

from headrace.dialects.dataflow.routes.refusals import Refusal, invalid_query
from headrace.http.bodies import read_body
from headrace.http.known import may_change
from headrace.http.repeating import InvalidHeader, Location, Once
from headrace.orchestrator.services import Services
from headrace.security.documents import read_json

_LARGEST_PAGE = 1000

Number = TypeVar("Number", int, float)


async def read_source(request: Request, services: Services) -> bytes:
    """Return the body; raises `BodyTooLarge`, and Refusal 415 for a media type that is no JSON."""
    body = await read_body(request.scope["headers"], request.receive, services.settings.dataflow.max_body)
    coding = request.headers.get("content-encoding", "").strip().lower()
    if body and coding not in {"", "identity"}:
        message = (
            f"The body is packed as {coding[:100]}, and is read as it is: send it without that encoding."
        )
        raise Refusal(415, "unsupported_media_type", message)
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


def is_true(request: Request, name: str) -> bool:
    """Return a query parameter that is `true` or `false`, which it is when it is not given."""
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise invalid_query(f"'{name}' must be true or false.")
    return text == "true"


def last_event(request: Request) -> str:
    """Return what a stream was last told before it broke, `""` for one that begins."""
    return str(request.headers.get("last-event-id", "")).strip()


def unknown_event() -> InvalidHeader:
    """Return the refusal of a `Last-Event-ID` that no stream of ours has told."""
    return InvalidHeader(
        "The Last-Event-ID is no id of this stream; leave it out to begin at the beginning of the stream."
    )


def seconds_to_wait(request: Request) -> float:
    """Return `wait`, 0 when it is not given."""
    text = request.query_params.get("wait")
    if text is None:
        return 0.0
    try:
        seconds = float(text) if text.isascii() else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 60:
        raise invalid_query("'wait' must be a number of seconds from 0 to 60.")
    return seconds


def expected_version(request: Request, current: int) -> int | None:
    """Return the version that must still be current for the request to be done; None for whatever it is.

    Raises Refusal 412 when `If-Match` names others.
    """
    if not may_change(request, str(current)):
        message = f'The current version is "{current}", and If-Match does not name it. Read it again.'
        raise Refusal(412, "version_conflict", message)
    return current if request.headers.get("if-match", "*").strip() != "*" else None


def once(request: Request, services: Services, body: bytes, location: Location) -> Once:
    """Return what lets a request with an `Idempotency-Key` be done once; raises InvalidHeader."""
    return Once(request, services.store.idempotency, services.clock, body, location)
