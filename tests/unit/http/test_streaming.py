from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.unit.http.conftest import MakeRequest

from headrace.http.streaming import STREAMS, Streams, event_stream, sse


async def forever(told: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"first"
    told.set()
    await asyncio.Event().wait()


async def test_a_stream_ends_with_its_server(make_request: MakeRequest) -> None:
    streams, told = Streams(), asyncio.Event()
    answer = event_stream(make_request(**{STREAMS: streams}), forever(told))

    async def read() -> list[object]:
        return [piece async for piece in answer.body_iterator]

    reading = asyncio.create_task(read())
    await told.wait()
    streams.close()

    async with asyncio.timeout(5):
        assert await reading == [b"first"]


def test_an_event_has_its_place_and_its_name() -> None:
    assert sse(b"{}", event="log", id="1-2") == b"id: 1-2\nevent: log\ndata: {}\n\n"
    assert sse(b"{}") == b"data: {}\n\n"
