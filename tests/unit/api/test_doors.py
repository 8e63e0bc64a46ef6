from __future__ import annotations

from typing import Any

import pytest

from headrace.api.doors import Doors
from headrace.dialects.protocol import Application, Message, Receive, Scope, Send

TABLE = {
    "/workflows/api/v1": "peak",
    "/tenant-management": "peak",
    "/akoflow-api": "akoflow",
    "/api/v1": "attune",
    "/health": "attune",
    "/workflows": "dataflow",
    "/task-types": "dataflow",
}


def named(name: str) -> Application:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        said = f"{name} {scope['method']} {scope['path']}".encode()
        headers = [(b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    return application


async def ask(doors: Doors, path: str, method: str = "GET") -> tuple[str, list[Message]]:
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "headers": [],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await doors(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent).decode(), sent


@pytest.fixture
def doors() -> Doors:
    return Doors({prefix: named(name) for prefix, name in TABLE.items()}, named("native"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/workflows", "dataflow"),
        ("/workflows/wf-1a2b3c4d/executions", "dataflow"),
        ("/workflows/api/v1", "peak"),
        ("/workflows/api/v1/workflows", "peak"),
        ("/workflows/api/v2", "dataflow"),
        ("/workflows-old", "native"),
        ("/workflow", "native"),
        ("/api/v1/actions", "attune"),
        ("/api/v10", "native"),
        ("/api", "native"),
        ("/health/live", "attune"),
        ("/healthz", "native"),
        ("/v1/workflows", "native"),
        ("/", "native"),
        ("", "native"),
        ("//workflows", "native"),
        ("/WORKFLOWS", "native"),
    ],
)
async def test_the_longest_prefix_of_whole_segments_opens(doors: Doors, path: str, name: str) -> None:
    said, _ = await ask(doors, path)

    assert said.split(" ")[0] == name


async def test_one_trailing_slash_is_stripped(doors: Doors) -> None:
    assert (await ask(doors, "/workflows/"))[0] == "dataflow GET /workflows"
    assert (await ask(doors, "/workflows//"))[0] == "dataflow GET /workflows/"
    assert (await ask(doors, "/"))[0] == "native GET /"


async def test_head_is_get_without_the_body(doors: Doors) -> None:
    said, (start, body) = await ask(doors, "/task-types/echo", "HEAD")

    assert said == ""
    assert start["headers"] == [(b"content-length", b"29")]
    assert body["more_body"] is False


async def test_without_doors_everything_is_native() -> None:
    assert (await ask(Doors({}, named("native")), "/workflows"))[0] == "native GET /workflows"
