"""Heads of requests are short and come soon: uvicorn's protocol with the two limits that it has not.

Whoever sends a head has shown no token yet, so a head without end would be a way to the memory of the server.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MOST = 64 * 1024
"""Bytes of a head: the line of the request and its headers; the trailers of a body in chunks have as many."""

PATIENCE = 30.0
"""Seconds in which a head must be complete, from the connection or from the first byte of a later request."""

_TOO_LONG = f"The line of the request and its headers may have {MOST} bytes together; send fewer.\n".encode()


class Protocol(HttpToolsProtocol):
    """Refuses with 431 what is too long before it is parsed, and closes the connection of what is too slow.

    A head that comes right behind another request, in one piece with it, may be twice as long.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*arguments, **options)
        self._passed = 0
        """Bytes since something was complete: a head, a piece of a body, a request."""
        self._wants_head = True
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(PATIENCE, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and keep nothing: uvicorn's own timer would hold the last request for its five seconds."""
        self._forget_deadline()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came in pieces that keep to the limit."""
        while data and not self.transport.is_closing():
            room = MOST - self._passed
            if room <= 0:
                self._refuse()
                return
            self._passed += min(room, len(data))
            super().data_received(data[:room])
            data = data[room:]
        if self._wants_head and self._passed and self._deadline is None:
            self._deadline = self.loop.call_later(PATIENCE, self.transport.close)

    def on_headers_complete(self) -> None:
        """Begin to wait for the body."""
        self._passed, self._wants_head = 0, False
        self._forget_deadline()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, which has limits of its own."""
        self._passed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to wait for the next head."""
        self._passed, self._wants_head = 0, True
        super().on_message_complete()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        """Close the connection, with a word where no answer is on its way that the word would tear."""
        answering: RequestResponseCycle | None = self.cycle
        if answering is None or answering.response_complete:
            self.logger.warning("A request with a head of more than %d bytes was refused.", MOST)
            head = (
                b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[431] + head % len(_TOO_LONG) + _TOO_LONG)
        self.transport.close()
