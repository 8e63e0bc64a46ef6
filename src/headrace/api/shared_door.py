"""The one path that two dialects share: `POST /workflows`, AkoFlow's or Data Flow's by its body.

Who may not ask is told before the body is read, in Data Flow's words; the body is read once, up to the larger
limit, and replayed to the chosen application, which applies its own limit and its own rules.
"""

from __future__ import annotations

from typing import Any

from headrace.dialects.protocol import Application, Message, Receive, Scope, Send
from headrace.errors import HeadraceError, InvalidDefinition
from headrace.http.rates import admitted
from headrace.security.documents import read_json

PATH = "/workflows"


class SharedDoor:
    """Reads the body of `POST /workflows` and hands it on; all else is Data Flow's."""

    def __init__(self, dataflow: Application, akoflow: Application, *, max_body: int) -> None:
        self._dataflow = dataflow
        self._akoflow = akoflow
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["path"] != PATH or scope["method"] != "POST":
            await self._dataflow(scope, receive, send)
            return
        try:
            await admitted(scope, "write")
        except HeadraceError:
            # Data Flow asks the same before it reads anything, and tells the refusal in its own shape.
            await self._dataflow(scope, receive, send)
            return
        messages = await self._read(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        chosen = self._akoflow if belongs_to_akoflow(body) else self._dataflow
        await chosen(scope, _replay(messages, receive), send)

    async def _read(self, receive: Receive) -> list[Message]:
        """Return the messages of the body, up to the first that passes the limit."""
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body") or size > self._max_body:
                return messages


def belongs_to_akoflow(body: bytes) -> bool:
    """Tell whether a body is an object with a member `workflow` and neither `tasks` nor `steps`."""
    try:
        document: Any = read_json(body).value
    except InvalidDefinition:
        return False
    if not isinstance(document, dict):
        return False
    return "workflow" in document and not document.keys() & {"tasks", "steps"}


def _replay(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def replayed() -> Message:
        message = next(waiting, None)
        return message if message is not None else await receive()

    return replayed
