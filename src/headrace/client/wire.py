"""How a call becomes a request and an answer a value; the same for both clients, and without a network."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpx2
import msgspec

from headrace.client.calls import PATIENCE, Call
from headrace.client.errors import ErrorAnswer, ServerFailed, Unreachable, error_of
from headrace.errors import Unauthorized

Answer = TypeVar("Answer")

Event = dict[str, Any]
"""One event: `seq`, `event` (its name), `at`, and its own members; docs/reference/events.md lists them."""

LAST_EVENT = "execution_ended"

LOG_ENDS = "end"
"""Event behind the last one of a log."""

LARGEST_EVENT = 64 * 1024 * 1024
"""Bytes of one event that are taken; an event names large values by reference, so none comes near."""

RECONNECTS = (0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0, 5.0, 5.0, 5.0, 5.0)
"""Seconds before each try to take up a broken stream: together half a minute, enough for a restart."""


def options(url: str, token: str | None, timeout: float) -> dict[str, Any]:
    """Return how an HTTP client is set up for a server; raises `Unauthorized`."""
    host = urlsplit(url).hostname or ""
    headers = {"user-agent": "headrace-client"}
    if token:
        if not token.isascii() or not token.isprintable():
            raise Unauthorized(
                "The token has characters that no token has; give the one that was shown, hr_ included."
            )
        headers["authorization"] = f"Bearer {token}"
    # A proxy of the environment cannot lead to this very machine.
    return {"base_url": url, "headers": headers, "timeout": timeout, "trust_env": not _is_local(host)}


def arguments(call: Call[Any], timeout: float) -> dict[str, Any]:
    """Return the arguments of a request."""
    headers = dict(call.headers)
    if call.body is not None:
        headers["content-type"] = call.media_type
    return {
        "method": call.method,
        "url": call.path,
        "params": call.params,
        "content": call.body,
        "headers": headers,
        "timeout": max(timeout, call.held + PATIENCE) if call.held else timeout,
    }


def value_of(call: Call[Answer], response: httpx2.Response) -> Answer:
    """Return what an answer says; raises `AnswerError`."""
    if not response.is_success:
        raise error_of(response.status_code, response.content, str(response.url))
    if call.answer is None:
        return cast("Answer", None)
    try:
        return msgspec.json.decode(response.content, type=call.answer)
    except msgspec.DecodeError as error:
        detail = f"{response.url} does not answer as a Headrace server does: {error}."
        answer = ErrorAnswer(status=response.status_code, code="answer_error", detail=detail)
        raise ServerFailed(answer) from None


def unreachable(url: str, error: Exception) -> Unreachable:
    """Return the error of a server that does not answer."""
    if isinstance(error, httpx2.TimeoutException):
        return Unreachable(f"{url} does not answer in time.")
    if isinstance(error, (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError)):
        return Unreachable(f"'{url}' is no address of a server: {error}.")
    cause = str(error) or type(error).__name__
    return Unreachable(f"Nobody answers at {url}: {cause.rstrip('.')}. `headrace serve` starts a server.")


def event_of(sent: httpx2.ServerSentEvent) -> Event:
    """Return one event of a stream."""
    return cast("Event", msgspec.json.decode(sent.data))


def resuming(params: Mapping[str, Any], last: str) -> dict[str, Any]:
    """Return the arguments of a stream that goes on behind its event `last`."""
    headers = {"last-event-id": last} if last else {}
    return {"params": dict(params), "headers": headers, "max_event_size": LARGEST_EVENT}


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
