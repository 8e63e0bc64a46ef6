"""What the server takes before it knows who sends it, over a real socket."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from headrace.api import heads
from headrace.dialects.protocol import Receive, Scope, Send
from headrace.testing.witness import until

ALIVE: weakref.WeakSet[heads.Protocol] = weakref.WeakSet()
GET = b"GET / HTTP/1.1\r\nhost: here\r\n"


async def size_of_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the number of headers and the length of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = f"{len(scope['headers'])} {size}".encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(size_of_body, http=heads.Protocol, ws="none", lifespan="off", log_config=None)
    config.load()

    def protocol() -> heads.Protocol:
        made = heads.Protocol(config=config, server_state=ServerState(), app_state={})
        ALIVE.add(made)
        return made

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()
        server.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and the body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return int(head[9:12]), await reader.readexactly(length)


def filled(size: int) -> bytes:
    """A head of this many bytes."""
    return GET + b"x: " + b"y" * (size - len(GET) - 7) + b"\r\n\r\n"


async def test_a_head_of_64_kib_is_taken_again_and_again() -> None:
    async with connected() as (reader, writer):
        for _ in range(3):
            writer.write(filled(heads.MOST))
            assert await answer(reader) == (200, b"2 0")


@pytest.mark.parametrize(
    "endless",
    [GET + b"x: y\r\n" * heads.MOST, GET + b"x: " + b"y" * heads.MOST, b"GET /" + b"y" * heads.MOST],
    ids=["many headers", "a long header", "a long path"],
)
async def test_more_than_64_kib_are_refused_although_the_head_has_no_end(endless: bytes) -> None:
    async with connected() as (reader, writer):
        writer.write(endless[: heads.MOST + 1])
        status, sentence = await answer(reader)

        assert (status, await reader.read()) == (431, b"")
        assert b"65536 bytes" in sentence


async def test_a_head_that_ends_beyond_64_kib_is_refused() -> None:
    async with connected() as (reader, writer):
        writer.write(filled(heads.MOST + 1))

        assert (await answer(reader))[0] == 431


async def test_bodies_and_requests_in_a_row_are_no_heads() -> None:
    size = 5 * heads.MOST
    async with connected() as (reader, writer):
        for _ in range(2):
            writer.write(GET + b"content-length: %d\r\n\r\n" % size + b"z" * size)
            assert await answer(reader) == (200, b"2 %d" % size)
        writer.write((GET + b"\r\n") * 10)
        for _ in range(10):
            assert await answer(reader) == (200, b"1 0")


async def test_trailers_without_end_close_the_connection() -> None:
    async with connected() as (reader, writer):
        writer.write(GET + b"transfer-encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n")
        writer.write(b"x: y\r\n" * heads.MOST)

        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await answer(reader)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", GET], ids=["nothing", "a line", "a header"])
async def test_a_head_that_is_never_finished_is_not_waited_for(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "PATIENCE", 0.1)
    async with connected() as (reader, writer):
        writer.write(begun)

        assert await reader.read() == b""


async def test_a_later_head_that_is_never_finished_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "PATIENCE", 2.0)
    async with connected() as (reader, writer):
        writer.write(GET + b"\r\n")
        assert await answer(reader) == (200, b"1 0")
        writer.write(GET)

        assert await reader.read() == b""


async def test_a_body_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "PATIENCE", 1.0)
    async with connected() as (reader, writer):
        writer.write(GET + b"content-length: 1\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 1.5 * heads.PATIENCE)
        writer.write(b"z")

        assert await answer(reader) == (200, b"2 1")


async def test_nothing_is_kept_of_a_connection_that_is_reset() -> None:
    gc.collect()
    async with connected() as (reader, writer):
        writer.write(GET + b"\r\n")
        await answer(reader)
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        gc.disable()
        try:
            writer.transport.abort()
            await until(lambda: not ALIVE, within=3)
            assert list(ALIVE) == []
        finally:
            gc.enable()
