"""Documents at the AkoFlow doors: accepted in every form that clients send, or refused with reasons."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx2
import pytest
from tests.acceptance.akoflow.client import API, GOLDEN, Client, document

from headrace.testing.running_server import RunningServer


def test_the_golden_document_is_refused_with_the_list_of_runtimes(client: Client) -> None:
    answer = client.post(GOLDEN.read_bytes(), "/workflows")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["configured"] == ["local"]
    assert "runtime_not_configured" in [each["code"] for each in told["errors"]]


@pytest.mark.parametrize(
    "path",
    [
        "/workflows",
        "/workflows/",
        "/akoflow-server/workflow/",
        "/akoflow-server/workflow",
        "/akoflow-api/workflows",
        "/akoflow-api/workflows/",
    ],
)
def test_every_door_answers_in_one_shape(client: Client, path: str) -> None:
    answer = client.post(document("name: a, run: 'true'"), path)

    assert answer.status_code == 200
    told = answer.json()
    assert isinstance(told["workflow_id"], int)
    assert told["id"] == told["workflow_id"]
    assert (told["workflow"], told["workflow_entity"], told["status"], told["state"]) == (
        "w",
        "w",
        0,
        "pending",
    )
    assert isinstance(told["message"], str)
    assert client.ended(told["id"])["state"] == "succeeded"


def test_the_definition_comes_back_byte_for_byte(client: Client) -> None:
    source = "\ufeff# é\r\nname: w\nspec: {activities: [{name: a, run: 'true'}]}".encode()
    workflow = client.submit(source)

    answer = client.http.get(f"{API}/{workflow}/definition/")
    assert answer.content == source
    assert answer.headers["content-type"].startswith("application/yaml")


def test_yaml_may_be_the_body_and_base64_may_be_url_safe_and_wrapped(client: Client) -> None:
    text = document("name: 'a>?~', run: 'true'")
    plain = client.http.post(f"{API}/", content=text, headers={"content-type": "application/yaml"})
    packed = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    wrapped = "\n".join(packed[at : at + 76] for at in range(0, len(packed), 76))
    safe = client.http.post("/workflows", json={"workflow": wrapped, "message": ""})

    assert (plain.status_code, safe.status_code) == (200, 200)


def test_a_key_of_repetition_makes_one_run(client: Client) -> None:
    text = document("name: a, run: 'true'")
    first = client.post(text, **{"idempotency-key": "k1"})
    again = client.post(text, **{"idempotency-key": "k1"})
    other = client.post(text + "\n", **{"idempotency-key": "k1"})

    elsewhere = [
        client.post(text, path, **{"idempotency-key": "k1"})
        for path in ("/workflows", "/akoflow-server/workflow", API)
    ]

    assert first.json() == again.json()
    assert [each.json() for each in elsewhere] == [first.json()] * 3
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "body_not_json"),
        (b"[]", 400, "body_not_object"),
        (b"{}", 400, "workflow_missing"),
        (b'{"workflow": 3}', 400, "workflow_not_string"),
        (b'{"workflow": " "}', 400, "workflow_empty"),
        (b'{"workflow": "name: a\\nspec: b"}', 400, "base64_invalid"),
        (b'{"workflow": "/////w=="}', 400, "not_utf8"),
    ],
)
def test_bad_bodies(client: Client, body: bytes, status: int, code: str) -> None:
    answer = client.http.post(f"{API}/", content=body)

    assert answer.status_code == status
    assert code in [each["code"] for each in answer.json()["errors"]]
    assert isinstance(answer.json()["message"], str)


def test_a_bad_workflow_stores_nothing_and_a_good_one_runs_right_after(client: Client) -> None:
    before = [each["id"] for each in client.get("")]
    bad = client.post(document("name: a, run: x, dependsOn: b, cpuLimit: -1", "name: a"))

    assert bad.status_code == 400
    assert bad.json()["errorsTotal"] == 3
    assert all(each["line"] and each["column"] for each in bad.json()["errors"])
    assert [each["id"] for each in client.get("")] == before
    assert client.ended(client.submit(document("name: a, run: 'true'")))["state"] == "succeeded"


def test_requests_that_lead_nowhere(client: Client, server: RunningServer) -> None:
    expected = {
        ("GET", f"{API}/x/"): (400, "bad_id"),
        ("GET", f"{API}/0/"): (400, "bad_id"),
        ("GET", f"{API}/999999999/"): (404, "not_found"),
        ("GET", "/akoflow-api/nothing/"): (404, "not_found"),
        ("DELETE", f"{API}/"): (405, "method_not_allowed"),
        ("GET", f"{API}/?limit=0"): (400, "invalid_query"),
    }
    for (method, path), (status, code) in expected.items():
        answer = client.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    assert client.http.delete(f"{API}/").headers["allow"] == "GET, HEAD, POST"
    with httpx2.Client(base_url=server.url, trust_env=False) as stranger:
        assert stranger.get(f"{API}/").status_code == 401
        assert stranger.get(f"{API}/", auth=("any", server.token)).status_code == 200
        assert stranger.get("/akoflow-server/check-service/").text == "ok"
        assert stranger.post("/akoflow-server/check-service").text == "ok"


def test_a_check_keeps_nothing(client: Client) -> None:
    text = document("name: a, run: 'true'", "name: b, run: 'true', dependsOn: a")
    good = client.post(text, f"{API}/validate/").json()["data"]
    bad = client.post("name: a", f"{API}/validate/").json()["data"]

    assert (good["valid"], good["activities"], good["edges"], good["depth"]) == (True, 2, 1, 2)
    assert bad["valid"] is False
    assert [each["code"] for each in bad["errors"]] == ["spec_missing"]


@pytest.mark.parametrize("path", ["/workflows", f"{API}/", "/akoflow-server/workflow/"])
def test_a_body_that_is_too_large_is_not_read_to_its_end(client: Client, path: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"workflow": "'
        for _ in range(50):
            yield b"A" * 1024 * 1024

    announced = client.http.post(path, content=b'{"workflow": "' + b"A" * 40 * 1024 * 1024)
    chunked = client.http.post(path, content=pieces())

    assert (announced.status_code, chunked.status_code) == (413, 413)


def test_an_encoded_body_is_refused(client: Client) -> None:
    answer = client.http.post(f"{API}/", content=b"x", headers={"content-encoding": "gzip"})

    assert (answer.status_code, answer.json()["code"]) == (415, "content_encoding")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
        ),
        "[" * 100 + "]" * 100,
        "a: &a [*a]",
    ],
    ids=["aliases", "depth", "recursion"],
)
def test_a_document_that_would_blow_up_is_refused(client: Client, text: str) -> None:
    answer = client.post(text)

    assert answer.status_code == 400
    assert [each["code"] for each in answer.json()["errors"]] == ["yaml_too_complex"]


def test_scopes_are_asked_for(client: Client, server: RunningServer) -> None:
    made = client.http.post("/v1/tokens", json={"name": "reader", "scopes": ["read"]}).json()
    with httpx2.Client(base_url=server.url, trust_env=False, auth=("any", made["token"])) as reader:
        listed = reader.get(f"{API}/")
        refused = reader.post(f"{API}/", json={"workflow": "x"})

    assert listed.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_a_description_of_wfcommons_is_taken_in_and_started(client: Client) -> None:
    tasks = [
        {"id": "a", "name": "first", "parents": [], "children": ["b"]},
        {"id": "b", "name": "second", "parents": ["a"], "children": []},
    ]
    command = {"id": "b", "command": {"program": "echo", "arguments": ["$HOME"]}}
    description = {
        "name": "two",
        "schemaVersion": "1.5",
        "workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": [command]}},
    }
    shown = client.http.post(f"{API}/import/", params={"format": "wfformat"}, json=description)
    started = client.http.post(
        f"{API}/import/", params={"format": "wfformat", "submit": "true"}, json=description
    )
    workflow = started.json()["data"]["workflow"]["workflow_id"]
    found = client.ended(workflow)

    assert set(shown.json()["data"]) == {"yaml", "warnings"}
    assert found["state"] == "succeeded"
    assert client.log(workflow, found["spec"]["activities"][1]["id"]) == "$HOME\n"
    assert client.http.post(f"{API}/import/", json=description).status_code == 400
    unread = client.http.post(f"{API}/import/?format=wfformat", content=b"{").json()
    assert [each["code"] for each in unread["errors"]] == ["body_not_json"]
