"""Answers that go on for as long as there is something to tell, and end when the server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse

Piece = TypeVar("Piece")

STREAMS = "headrace.streams"
"""Key of a request's scope under which a server has its open streams."""

PULSE = 15.0
"""Seconds after which an idle stream sends a comment, so that proxies keep it open."""

HEARTBEAT = b": \n\n"


class Streams:
    """The open streams of this server."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether the server is about to stop."""
        return self._closed.is_set()

    def close(self) -> None:
        """End all streams."""
        self._closed.set()

    async def until_closed(self, source: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
        """Yield what the source yields, until it ends or the server stops."""
        closed = asyncio.ensure_future(self._closed.wait())
        try:
            while True:
                following = asyncio.ensure_future(anext(source))
                try:
                    await asyncio.wait({following, closed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not following.done():
                        following.cancel()
                if closed.done():
                    return
                try:
                    piece = following.result()
                except StopAsyncIteration:
                    return
                yield piece
        finally:
            closed.cancel()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds, or until the server stops."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return


def event_stream(request: Request, pieces: AsyncIterator[bytes]) -> StreamingResponse:
    """Return a response of server-sent events, which ends when the server does."""
    streams: Streams | None = request.scope.get(STREAMS)
    if streams is not None:
        pieces = streams.until_closed(pieces)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(pieces, headers=headers, media_type="text/event-stream")


def sse(data: bytes, *, event: str | None = None, id: int | str | None = None) -> bytes:
    """Return one server-sent event; the data is one line."""
    head = b"" if id is None else f"id: {id}\n".encode()
    if event is not None:
        head += b"event: " + event.encode() + b"\n"
    return head + b"data: " + data + b"\n\n"
