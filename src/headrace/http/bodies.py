"""Reads the body of a request up to a limit, and not one byte more than it takes to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from headrace.errors import RequestError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BodyTooLarge(RequestError):
    """The body is larger than this door takes."""

    code = "too_large"
    status = 413

    def __init__(self, max_size: int) -> None:
        super().__init__(f"The body is larger than the {max_size} bytes that are taken here.")
        self.max_size = max_size


class ClientGone(RequestError):
    """The client went away before its request was complete."""

    code = "client_gone"


async def read_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive, max_size: int) -> bytes:
    """Return the body of an ASGI request; raises `BodyTooLarge` without reading the rest, `ClientGone`."""
    if announced_size(headers) > max_size:
        raise BodyTooLarge(max_size)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > max_size:
            raise BodyTooLarge(max_size)
        if part:
            parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def announced_size(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return what the header `Content-Length` says, 0 when it says nothing that is a number."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
