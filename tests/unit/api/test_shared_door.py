from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from headrace.api.shared_door import SharedDoor, belongs_to_akoflow
from headrace.dialects.protocol import Application, Message, Receive, Scope, Send
from headrace.errors import Unauthorized
from headrace.http.bodies import read_body
from headrace.security.callers import IDENTIFY
from headrace.security.tokens import TokenRecord

CALLER = TokenRecord(number=1, name="me", hash="", scopes=frozenset({"write"}), created_at=0.0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"workflow": "YQ=="}', True),
        (b'{"workflow": null, "name": "x"}', True),
        (b'{"workflow": "a", "tasks": []}', False),
        (b'{"workflow": "a", "steps": 1}', False),
        (b'{"title": "x"}', False),
        (b'["workflow"]', False),
        (b'"workflow"', False),
        (b'{"workflow": ', False),
        (b"", False),
        (b"\xff\xfe", False),
        (b'{"workflow": 1, "workflow": 2}', False),
        (b"[" * 100_000, False),
    ],
)
def test_a_body_is_akoflows_by_its_members(body: bytes, expected: bool) -> None:
    assert belongs_to_akoflow(body) is expected


def reading(name: str, heard: list[str], limit: int = 10_000) -> Application:
    """An application that asks who calls before it reads."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(name)
        await scope[IDENTIFY]()
        heard.append((await read_body(scope["headers"], receive, limit)).decode())

    return application


async def knock(
    door: SharedDoor, pieces: Iterable[bytes], *, path: str = "/workflows", caller: Any = CALLER
) -> int:
    """Send a request in pieces; return how many of them were read."""
    waiting = list(pieces)
    read = 0

    async def receive() -> Message:
        nonlocal read
        read += 1
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        pass

    async def identify() -> TokenRecord:
        if caller is None:
            raise Unauthorized
        return CALLER

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], IDENTIFY: identify}
    await door(scope, receive, send)
    return read


async def test_the_body_is_read_once_and_replayed() -> None:
    heard: list[str] = []
    door = SharedDoor(reading("dataflow", heard), reading("akoflow", heard), max_body=100)

    await knock(door, [b'{"workfl', b'ow": "YQ=="}'])
    await knock(door, [b'{"title": ', b'"x"}'])

    assert heard == ["akoflow", '{"workflow": "YQ=="}', "dataflow", '{"title": "x"}']


async def test_who_may_not_ask_is_told_before_the_body_is_read() -> None:
    heard: list[str] = []
    door = SharedDoor(reading("dataflow", heard), reading("akoflow", heard), max_body=100)

    with pytest.raises(Unauthorized):
        await knock(door, [b'{"workflow": "YQ=="}'], caller=None)

    assert heard == ["dataflow"]


async def test_a_body_above_the_larger_limit_is_not_read_to_its_end() -> None:
    heard: list[str] = []

    async def dataflow(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append("dataflow")

    read = await knock(SharedDoor(dataflow, dataflow, max_body=100), [b"x" * 60] * 10)

    assert heard == ["dataflow"]
    assert read == 2


async def test_other_paths_are_data_flows() -> None:
    heard: list[str] = []
    door = SharedDoor(reading("dataflow", heard), reading("akoflow", heard), max_body=100)

    await knock(door, [b'{"workflow": 1}'], path="/workflows/validate")

    assert heard == ["dataflow", '{"workflow": 1}']
