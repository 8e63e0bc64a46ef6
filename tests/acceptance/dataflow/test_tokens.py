"""Who may do what at the Data Flow doors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.acceptance.conftest import StartServer
from tests.acceptance.dataflow.stage import Door

from headrace.security.tokens import Scope
from headrace.testing.running_server import RunningServer

DOCUMENT = {"title": "Say", "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}]}
SCOPES: list[tuple[Scope, str, str, bool]] = [
    ("read", "GET", "/workflows", True),
    ("read", "POST", "/workflows/validate", True),
    ("read", "POST", "/workflows", False),
    ("run", "POST", "/workflows", False),
    ("run", "DELETE", "/workflows/wf-00000000", False),
    ("read", "POST", "/workflows/wf-00000000/executions", False),
    ("write", "POST", "/workflows/wf-00000000/executions", False),
    ("read", "POST", "/files", False),
]


def test_without_a_token_nothing_is_told(server: RunningServer) -> None:
    with server.client(headers={"authorization": ""}) as stranger:
        answers = [
            stranger.get("/workflows"),
            stranger.post("/workflows", json=DOCUMENT),
            stranger.get("/workflows/wf-00000000"),
            stranger.get("/task-types"),
            stranger.post("/files", content=b"x"),
            stranger.get("/files/nonsense"),
        ]

    assert [[each.status_code, each.json()["error"], each.json()["errors"]] for each in answers] == [
        [401, "unauthorized", []]
    ] * 6


@pytest.mark.parametrize(("scope", "method", "path", "may"), SCOPES)
def test_a_token_may_do_what_its_scope_says(
    door: Door, server: RunningServer, scope: Scope, method: str, path: str, may: bool
) -> None:
    made = door.client.post("/v1/tokens", json={"name": scope, "scopes": [scope]})
    token = made.json()["token"]
    with server.client(headers={"authorization": f"Bearer {token}"}) as client:
        answer = client.request(method, path, json=DOCUMENT if method == "POST" else None)

    assert (answer.status_code != 403) is may
    if not may:
        assert answer.json()["error"] == "forbidden"


@pytest.mark.parametrize("end", [RunningServer.kill, RunningServer.stop])
def test_a_key_of_before_a_restart_is_known_again(
    start_server: StartServer, end: Callable[[RunningServer], object]
) -> None:
    server = start_server()
    headers = {"idempotency-key": "once"}
    with server.client() as client:
        first = client.post("/workflows", json=DOCUMENT, headers=headers)
        path = f"/workflows/{first.json()['workflow_id']}/executions"
        started = client.post(path, json={}, headers=headers)
        native = client.post("/v1/workflows", json=DOCUMENT, headers=headers)
    end(server)
    server.start_again()
    with server.client() as client:
        again = client.post("/workflows", json=DOCUMENT, headers=headers)
        restarted = client.post(path, json={}, headers=headers)
        native_again = client.post("/v1/workflows", json=DOCUMENT, headers=headers)
        other = client.post("/workflows", json={**DOCUMENT, "title": "Other"}, headers=headers)
        tokens = client.get("/v1/tokens").json()["items"]
        runs = client.get(path).json()["executions"]

    assert [each.content for each in (again, restarted, native_again)] == [
        each.content for each in (first, started, native)
    ]
    assert {each.headers["idempotency-replayed"] for each in (again, restarted, native_again)} == {"true"}
    assert other.status_code == 409
    assert len(runs) == 1
    assert [(each["name"], each["revoked"]) for each in tokens] == [("admin", False)]
