"""What the native API refuses, and how: exact statuses, everything at once, and the server goes on."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from headrace.security.tokens import SCOPES
from headrace.testing.running_server import RunningServer

SAMPLES = {
    "key": "1001",
    "run": "a",
    "name": "x",
    "sha256": "0" * 64,
    "type": "echo",
    "version": "1",
    "number": "999999",
}
PROBLEM = "application/problem+json"
ONE_TASK = {"title": "One", "tasks": [{"name": "a", "type": "echo", "inputs": {"text": "x"}}]}


@pytest.fixture
def client(running_server: RunningServer) -> Iterator[httpx2.Client]:
    with running_server.client() as client:
        yield client


@pytest.fixture
def operations(client: httpx2.Client) -> list[tuple[str, str, str]]:
    """Method, path and scope of every operation of the description."""
    described = client.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    return [
        (method.upper(), path.format(**SAMPLES), operation["x-headrace-scope"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_but_the_public_ones_needs_a_token(
    running_server: RunningServer, operations: list[tuple[str, str, str]]
) -> None:
    with httpx2.Client(base_url=running_server.url, trust_env=False) as nobody:
        answers = {
            (method, path): (nobody.request(method, path).status_code, scope)
            for method, path, scope in operations
        }

    assert len(answers) > 40
    assert {
        place for place, (status, scope) in answers.items() if scope == "public" and status != 200
    } == set()
    assert {
        place for place, (status, scope) in answers.items() if scope != "public" and status != 401
    } == set()
    assert {path for (_, path), (_, scope) in answers.items() if scope == "public"} == {"/healthz", "/readyz"}


@pytest.mark.parametrize("granted", SCOPES)
def test_a_token_opens_what_its_scope_allows(
    client: httpx2.Client, operations: list[tuple[str, str, str]], granted: str
) -> None:
    issued = client.post("/v1/tokens", json={"name": granted, "scopes": [granted]}).json()
    headers = {"authorization": f"Bearer {issued['token']}"}

    wrong = []
    for method, path, scope in operations:
        status = client.request(method, path, headers=headers).status_code
        allowed = granted in (scope, "admin") or scope in ("read", "public")
        if (status == 403) is allowed or status in (401, 500):
            wrong.append((method, path, scope, status))

    assert wrong == []


def test_a_refusal_comes_before_the_body_is_read(running_server: RunningServer) -> None:
    url = urlsplit(running_server.url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as connection:
        head = f"POST /v1/workflows HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode())

        assert connection.recv(4096).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b'{"inputs": {"a": 1, "a": 2}}', 400, "duplicate_key"),
        (b'{"inputs": NaN}', 400, "invalid_json"),
        (b"[" * 100_000, 400, "too_deep"),
        (b'{"inputs": []}', 400, "invalid_type"),
        (b"[]", 400, "invalid_type"),
        (b'"x"', 400, "invalid_type"),
        (b'{"input": {}}', 400, "unknown_field"),
        (b'{"version": 0}', 400, "invalid_value"),
        (b'{"version": 7}', 404, None),
        (b'{"labels": {"a": 1}}', 400, "invalid_type"),
    ],
)
def test_a_broken_start_is_refused_exactly(
    client: httpx2.Client, body: bytes, status: int, code: str | None
) -> None:
    number = client.post("/v1/workflows", json=ONE_TASK).json()["number"]

    answer = client.post(
        f"/v1/workflows/{number}/executions", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    if code is not None:
        assert code in {problem["code"] for problem in answer.json()["problems"]}
        assert answer.json()["code"] == "invalid_input"
        assert "definition" not in answer.json()["detail"]
    assert client.get("/v1/executions", params={"workflow": number}).json()["items"] == []


def test_problems_of_path_query_and_body_come_together(client: httpx2.Client) -> None:
    answer = client.post(
        "/v1/workflows/1001/executions", params={"wait": "soon"}, json={"version": "new", "colour": "red"}
    )

    assert {problem["path"] for problem in answer.json()["problems"]} == {"/wait", "/version", "/colour"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limt=5",
        "state=DONE",
        "cursor=foreign",
        "parent=-1",
        "limit=1&limit=x",
    ],
)
def test_a_broken_query_is_refused(client: httpx2.Client, query: str) -> None:
    answer = client.get(f"/v1/executions?{query}")

    assert answer.status_code == 400, answer.text
    assert answer.json()["problems"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/workflows/nope",
        "/v1/workflows/999999999999",
        "/v1/workflows/" + "9" * 40,
        "/v1/workflows/%00",
        "/v1/workflows/%F0%9F%8C%8A",
        "/v1/workflows/%FF%FE",
        "/v1/workflows/..%2F..%2Fetc",
        "/v1/executions/1.5",
        "/v1/executions/-1",
        "/v1/artifacts/" + "0" * 64,
        "/v1/artifacts/..%2f..%2fkey",
        "/v1/artifacts/x",
        "/v1/tokens/x",
        "/v1/nothing",
        "/nothing",
        "/V1/workflows",
        "/v1//workflows",
    ],
)
def test_what_is_not_there_is_not_found(client: httpx2.Client, path: str) -> None:
    answer = client.request("DELETE" if "tokens" in path else "GET", path)

    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/workflows", "GET, HEAD, POST"),
        ("POST", "/v1/workflows/1001", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "/healthz", "GET, HEAD"),
        ("OPTIONS", "/v1/workflows", "GET, HEAD, POST"),
        ("PROPFIND", "/v1/executions/1/cancel", "POST"),
    ],
)
def test_a_wrong_method_is_told_all_right_ones(
    client: httpx2.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert "access-control-allow-origin" not in answer.headers


def test_head_is_get_without_its_body(client: httpx2.Client) -> None:
    head, get = client.head("/v1/task-types"), client.get("/v1/task-types")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_a_trailing_slash_makes_no_difference(client: httpx2.Client) -> None:
    assert client.get("/v1/workflows/").status_code == 200
    assert client.post("/v1/workflows/", json=ONE_TASK).status_code == 201


def test_bodies_have_a_type_and_a_limit(client: httpx2.Client) -> None:
    number = client.post("/v1/workflows", json=ONE_TASK).json()["number"]
    url = f"/v1/workflows/{number}/executions"

    form = client.post(url, content=b"a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    suffix = client.post(
        url, content=b"{}", headers={"content-type": "application/vnd.api+json; charset=utf-8"}
    )
    large = client.post("/v1/workflows", content=b" " * (17 * 1024 * 1024))
    chunked = client.post("/v1/workflows", content=itertools.repeat(b" " * 65536, 300))

    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    assert suffix.status_code == 201
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert chunked.status_code == 413
    assert client.get("/healthz").status_code == 200


def test_an_unknown_dialect_is_named_with_those_that_there_are(client: httpx2.Client) -> None:
    answer = client.post("/v1/workflows", params={"dialect": "esperanto"}, json=ONE_TASK)

    assert answer.status_code == 400
    assert "dataflow" in answer.json()["detail"]


@pytest.mark.parametrize("value", ["x", "1", 'W/"1"', '"a"', "", '"2", "3"', '"2", W/"1"'])
def test_a_condition_that_names_other_versions_or_none_fails(client: httpx2.Client, value: str) -> None:
    number = client.post("/v1/workflows", json=ONE_TASK).json()["number"]

    answer = client.put(f"/v1/workflows/{number}", json=ONE_TASK, headers={"if-match": value})

    assert answer.status_code == 412


def test_a_condition_may_name_several_versions(client: httpx2.Client) -> None:
    number = client.post("/v1/workflows", json=ONE_TASK).json()["number"]

    answer = client.delete(f"/v1/workflows/{number}", headers={"if-match": 'W/"1", "2", "1"'})

    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
    ],
)
def test_browsers_that_were_tricked_get_nowhere(
    client: httpx2.Client, headers: dict[str, str], status: int
) -> None:
    answer = client.get("/v1/workflows", headers=headers)

    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == PROBLEM


DATAFLOW = {"error", "message", "errors", "warnings"}
AKOFLOW = {"type", "title", "status", "code", "detail", "message", "errors", "errorsTotal", "warnings"}
NATIVE = {"type", "title", "status", "code", "detail"}


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/workflows", DATAFLOW),
        ("/workflows/wf-nobody00", DATAFLOW),
        ("/files/file-nobody0/", DATAFLOW),
        ("/task-types", DATAFLOW),
        ("/akoflow-api/workflows", AKOFLOW),
        ("/akoflow-server/anything/", AKOFLOW),
        ("/v1/workflows", NATIVE),
        ("/workflowsies", NATIVE),
    ],
)
def test_every_door_refuses_in_its_own_words(client: httpx2.Client, path: str, shape: set[str]) -> None:
    answers = {
        403: client.get(path, headers={"origin": "https://evil.example"}),
        421: client.post(path, headers={"host": "evil.example"}, content=b"{}"),
        401: client.get(path, headers={"authorization": "Bearer wrong"}),
        404: client.get(f"{path.rstrip('/')}/no/such/thing/here"),
    }
    if path == "/workflowsies":  # nothing is there for anybody
        del answers[401]

    for status, answer in answers.items():
        assert (answer.status_code, set(answer.json())) == (status, shape), answer.text
        is_problem = answer.headers["content-type"].partition(";")[0] == PROBLEM
        assert is_problem == (shape is not DATAFLOW)
    head = client.head(path, headers={"host": "evil.example"})
    assert (head.status_code, head.content) == (421, b"")


@pytest.mark.parametrize(
    ("path", "shape"), [("/workflows", DATAFLOW), ("/akoflow-server/check-service", AKOFLOW)]
)
def test_every_door_tells_its_methods_in_its_own_words(
    client: httpx2.Client, path: str, shape: set[str]
) -> None:
    answer = client.request("OPTIONS", path)

    assert (answer.status_code, set(answer.json())) == (405, shape)
    assert "HEAD" in answer.headers["allow"]


def test_our_own_pages_are_welcome_and_health_has_any_name(
    client: httpx2.Client, running_server: RunningServer
) -> None:
    assert client.get("/v1/workflows", headers={"origin": running_server.url}).status_code == 200
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 200


@pytest.mark.parametrize("form", ["Bearer {}", "{}", "basic"])
def test_a_token_is_taken_in_every_form(running_server: RunningServer, form: str) -> None:
    auth = httpx2.BasicAuth("any", running_server.token) if form == "basic" else None
    headers = {} if auth else {"authorization": form.format(running_server.token)}
    with httpx2.Client(base_url=running_server.url, trust_env=False, auth=auth, headers=headers) as client:
        assert client.get("/v1/workflows").status_code == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", "Basic !!!", "Negotiate x", "Bearer 🔑"])
def test_a_wrong_token_is_none_and_no_browser_asks_for_a_password(
    running_server: RunningServer, value: str
) -> None:
    with httpx2.Client(base_url=running_server.url, trust_env=False) as client:
        answer = client.get("/v1/workflows", headers={b"authorization": value.encode()})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_request_has_an_id_that_the_log_knows(client: httpx2.Client, running_server: RunningServer) -> None:
    mine = client.get("/v1/workflows", headers={"x-request-id": "my-request-1"})
    theirs = client.get("/v1/workflows", headers={"x-request-id": "a bad id"})

    assert mine.headers["x-request-id"] == "my-request-1"
    assert len(theirs.headers["x-request-id"]) == 16
    lines = [json.loads(line) for line in running_server.log.splitlines() if "my-request-1" in line]
    assert [(line["method"], line["path"], line["status"], line["token"]) for line in lines] == [
        ("GET", "/v1/workflows", 200, "admin")
    ]


def test_nothing_broke_in_all_of_this(running_server: RunningServer) -> None:
    broken = [
        line for line in running_server.log.splitlines() if "request_broke" in line or "Traceback" in line
    ]

    assert broken == []
