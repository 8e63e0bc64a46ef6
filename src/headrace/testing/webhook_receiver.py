"""A receiver of webhooks on loopback that answers as the test wants, and remembers what it was sent.

    async with receive(503, 503) as receiver:
        ...
        await receiver.received(3)

When the script is over, everything is answered with 200.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from headrace.testing.web_server import Request, response, serve

DEADLINE = 10.0
"""Seconds that a test waits for a request."""


class Reply(Struct, frozen=True):
    """One answer of the script."""

    status: int = 200
    body: bytes | str = b""
    headers: dict[str, str] = {}


class Silence:
    """No answer at all: the connection is taken, and nothing is said."""


class Receiver:
    """Where webhooks arrive."""

    def __init__(self, script: tuple[Reply | Silence | int, ...]) -> None:
        self.url = ""
        """Where to send; any path below it is served too."""
        self.requests: list[Request] = []
        """What arrived, in order, answered or not."""
        self.most_at_once = 0
        """How many requests were open at the same time."""
        self.script = deque(script)
        """What the next requests are answered; a test may add to it."""
        self._open = 0
        self._arrived = asyncio.Condition()

    async def received(self, count: int) -> list[Request]:
        """Wait until so many requests have arrived in all, and return them; raises TimeoutError."""
        async with asyncio.timeout(DEADLINE), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return list(self.requests)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer one request by the script."""
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        reply = self.script.popleft() if self.script else Reply()
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        try:
            if isinstance(reply, Silence):
                await asyncio.Event().wait()
            else:
                told = reply if isinstance(reply, Reply) else Reply(reply)
                writer.write(response(told.body, told.status, **told.headers))
                await writer.drain()
        finally:
            self._open -= 1


@asynccontextmanager
async def receive(*script: Reply | Silence | int) -> AsyncIterator[Receiver]:
    """Receive webhooks for as long as the context lasts."""
    receiver = Receiver(script)
    async with serve(receiver.answer) as url:
        receiver.url = f"{url}/hook"
        yield receiver
