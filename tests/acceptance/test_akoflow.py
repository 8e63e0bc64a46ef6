"""The AkoFlow dialect as its clients meet it: a real server, real shells, real webhooks."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.testing.running_server import RunningServer

GOLDEN = Path(__file__).parents[1] / "corpus" / "akoflow" / "golden.yaml"
API = "/akoflow-api/workflows"
PATIENCE = 60.0

Submit = Callable[..., Any]


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(EGRESS_ALLOW="127.0.0.1")


class Client:
    """What a user's script does."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def post(self, text: str | bytes, path: str = f"{API}/", **headers: str) -> httpx2.Response:
        source = text if isinstance(text, bytes) else text.encode()
        body = {"workflow": base64.b64encode(source).decode()}
        return self.http.post(path, json=body, headers=headers)

    def submit(self, text: str | bytes) -> int:
        answer = self.post(text)
        assert answer.status_code == 200, answer.text
        found: int = answer.json()["workflow_id"]
        return found

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{API}/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def ended(self, workflow: int) -> Any:
        return self.until(lambda: self.get(f"{workflow}/"), lambda found: found["status"] >= 2)

    def until(self, look: Callable[[], Any], is_right: Callable[[Any], bool]) -> Any:
        """Look until it is right, at most for the time that anything here may take."""
        until = time.monotonic() + PATIENCE
        while not is_right(found := look()):
            assert time.monotonic() < until, found
            time.sleep(0.05)
        return found

    def log(self, workflow: int, activity: int, stream: str = "stdout") -> str:
        found: str = self.get(f"{workflow}/activities/{activity}/logs/")[stream]["text"]
        return found


@pytest.fixture
def client(server: RunningServer) -> Any:
    with server.client() as http:
        yield Client(http)


def document(*activities: str, spec: str = "runtime: local") -> str:
    lines = [f"    - {{{activity}}}" for activity in activities]
    return "\n".join(
        ["name: w", "spec:", *(f"  {line}" for line in spec.split("\n")), "  activities:", *lines]
    )


def states(workflow: Any) -> dict[str, str]:
    return {each["name"]: each["state"] for each in workflow["spec"]["activities"]}


def by_name(workflow: Any) -> dict[str, Any]:
    return {each["name"]: each for each in workflow["spec"]["activities"]}


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


@pytest.mark.parametrize("slash", ["", "/"])
def test_activities_run_in_their_mount_path(client: Client, tmp_path: Path, slash: str) -> None:
    place = tmp_path / "work"
    text = document(
        "name: a, run: 'pwd; touch x; echo $ACTIVITY_MOUNT_PATH'", spec=f"mountPath: {place}{slash}"
    )
    workflow = client.submit(text)
    found = client.ended(workflow)

    [activity] = found["spec"]["activities"]
    assert activity["state"] == "succeeded"
    assert client.log(workflow, activity["id"]) == f"{place}\n{place}\n"
    assert (place / "x").exists()
    assert activity["exitCode"] == 0
    assert activity["procId"]


def test_activities_without_a_mount_path_share_a_private_directory(client: Client) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'echo 1 > a'",
            "name: b, run: 'echo 2 > b'",
            "name: c, run: 'echo 3 > c'",
            "name: d, run: 'cat a b c', dependsOn: [a, b, c]",
            spec="storagePolicy: {type: distributed}",
        )
    )
    found = client.ended(workflow)

    assert found["state"] == "succeeded"
    assert client.log(workflow, by_name(found)["d"]["id"]) == "1\n2\n3\n"


def test_an_activity_knows_who_it_is(client: Client) -> None:
    script = "echo $WORKFLOW_NAME-$WORKFLOW_ID-$WORKFLOW_NAMESPACE-$ACTIVITY_NAME-$ACTIVITY_ID"
    workflow = client.submit(document(f"name: an activity, run: '{script}'", spec="namespace: mine"))
    found = client.ended(workflow)

    [activity] = found["spec"]["activities"]
    assert client.log(workflow, activity["id"]) == f"w-{workflow}-mine-an activity-{activity['id']}\n"


def test_a_failure_in_the_middle_of_a_chain(client: Client) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'true'",
            "name: b, run: 'echo nearly >&2; exit 3', dependsOn: a",
            "name: c, run: 'true', dependsOn: b",
            "name: d, run: 'true', dependsOn: c",
            "name: side, run: 'sleep 0.3; true', dependsOn: a",
        )
    )
    found = client.ended(workflow)

    assert (found["state"], found["status"]) == ("failed", 3)
    assert "'b'" in found["reason"]
    assert states(found) == {
        "a": "succeeded",
        "b": "failed",
        "c": "skipped",
        "d": "skipped",
        "side": "succeeded",
    }
    shown = by_name(found)
    assert shown["b"]["exitCode"] == 3
    assert "nearly" in shown["b"]["reason"]
    assert "'b'" in shown["d"]["reason"]
    assert found["counts"] == {
        "created": 0,
        "running": 0,
        "finished": 2,
        "failed": 1,
        "cancelled": 0,
        "skipped": 2,
    }


def test_a_large_script_arrives_byte_for_byte(client: Client, tmp_path: Path) -> None:
    payload = "é\"'$%\\`{{x}} ü" * 60_000
    script = f"cat > out <<'END'\n{payload}\nEND\n"
    text = json.dumps(
        {
            "name": "w",
            "spec": {
                "runtime": "local",
                "mountPath": str(tmp_path),
                "activities": [{"name": "a", "run": script}],
            },
        },
        ensure_ascii=False,
    )
    workflow = client.submit(text)

    assert client.ended(workflow)["state"] == "succeeded"
    assert (tmp_path / "out").read_text() == f"{payload}\n"


def test_overrides_stay_with_their_activity_and_names_may_have_spaces(client: Client, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    workflow = client.submit(
        document(
            f"name: one two, run: 'pwd', mountPath: {first}, image: other",
            "name: b, run: 'pwd', dependsOn: one two",
            spec=f"runtime: local\nimage: mine\nmountPath: {second}",
        )
    )
    shown = by_name(client.ended(workflow))

    assert client.log(workflow, shown["one two"]["id"]) == f"{first}\n"
    assert client.log(workflow, shown["b"]["id"]) == f"{second}\n"
    assert (shown["one two"]["image"], shown["b"]["image"]) == ("other", "mine")
    assert shown["b"]["dependsOn"] == ["one two"]


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

    assert first.json() == again.json()
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
    assert client.http.delete(f"{API}/").headers["allow"] == "GET, POST"
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


def test_lists_have_cursors_and_filters(client: Client) -> None:
    ids = [client.submit(document("name: a, run: 'true'")) for _ in range(3)]
    for each in ids:
        client.ended(each)
    page = client.http.get(f"{API}/", params={"limit": 2, "state": "succeeded"}).json()
    rest = client.http.get(f"{API}/", params={"limit": 2, "cursor": page["next"]}).json()

    assert [each["id"] for each in page["data"]] == [ids[2], ids[1]]
    assert rest["data"][0]["id"] == ids[0]
    assert page["data"][0]["spec"]["activities"] == []
    assert isinstance(page["timestamp"], int)


def test_cancelling_ends_whole_process_groups(client: Client, tmp_path: Path) -> None:
    script = "sleep 300 & echo $! > pid; wait"
    workflow = client.submit(
        document(
            f"name: a, run: '{script}'", "name: b, run: 'true', dependsOn: a", spec=f"mountPath: {tmp_path}"
        )
    )
    client.until((tmp_path / "pid").exists, bool)
    client.until(lambda: (tmp_path / "pid").read_text().strip(), bool)
    answer = client.http.post(f"{API}/{workflow}/cancel/")
    found = client.ended(workflow)

    assert answer.status_code == 202
    assert (found["state"], found["status"]) == ("cancelled", 4)
    assert states(found) == {"a": "cancelled", "b": "cancelled"}
    pid = (tmp_path / "pid").read_text().strip()
    client.until(lambda: Path(f"/proc/{pid}").exists(), lambda exists: not exists)
    assert client.http.post(f"{API}/{workflow}/cancel/").status_code == 409


def test_a_rerun_reuses_what_succeeded(client: Client, tmp_path: Path) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'echo x >> runs'",
            "name: b, run: 'test -e good', dependsOn: a",
            spec=f"mountPath: {tmp_path}",
        )
    )
    client.ended(workflow)
    (tmp_path / "good").touch()
    planned = client.http.post(f"{API}/{workflow}/rerun/", json={"dry_run": True}).json()["data"]
    again = client.http.post(f"{API}/{workflow}/rerun/").json()
    found = client.ended(again["workflow_id"])

    assert [(each["name"], each["mode"]) for each in planned["activities"]] == [("a", "reuse"), ("b", "run")]
    assert again["workflow_id"] != workflow
    assert found["state"] == "succeeded"
    assert found["rerunOf"] == workflow
    assert (tmp_path / "runs").read_text() == "x\n"


def test_attempts_are_listed(client: Client, tmp_path: Path) -> None:
    script = "echo try >> tries; test $(wc -l < tries) -eq 2"
    workflow = client.submit(
        document(
            f"name: a, run: '{script}', policy: {{maxAttempts: 3, retryDelay: 0}}",
            spec=f"mountPath: {tmp_path}",
        )
    )
    [activity] = client.ended(workflow)["spec"]["activities"]
    shown = client.get(f"{workflow}/activities/{activity['id']}/")

    assert [each["state"] for each in shown["attempts"]] == ["failed", "succeeded"]
    assert shown["attempt"] == 2
    assert client.http.get(f"{API}/{workflow}/activities/{workflow}/").status_code == 404
    assert [each["name"] for each in client.get(f"{workflow}/activities/?state=succeeded")] == ["a"]


def test_logs_are_read_in_parts_and_ranges(client: Client) -> None:
    workflow = client.submit(document("name: a, run: 'printf \"one\\ntwo\\nthree\\n\"; echo err >&2'"))
    [activity] = client.ended(workflow)["spec"]["activities"]
    path = f"{API}/{workflow}/activities/{activity['id']}/logs/"
    whole = client.http.get(path).json()["data"]
    tail = client.http.get(path, params={"tail": 1, "stream": "stdout"}).json()["data"]
    raw = {"stream": "stdout", "format": "raw"}
    part = client.http.get(path, params=raw, headers={"range": "bytes=4-6"})
    beyond = client.http.get(path, params=raw, headers={"range": "bytes=99-"})

    assert whole["stdout"] == {
        "text": "one\ntwo\nthree\n",
        "offset": 0,
        "nextOffset": 14,
        "size": 14,
        "ended": True,
    }
    assert whole["stderr"]["text"] == "err\n"
    assert (tail["stdout"]["text"], "stderr" in tail) == ("three\n", False)
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"two", "bytes 4-6/14")
    assert beyond.status_code == 416


def test_a_log_is_followed_and_taken_up_again(client: Client, tmp_path: Path) -> None:
    script = "echo one; while ! test -e go; do sleep 0.05; done; echo two"
    workflow = client.submit(document(f"name: a, run: '{script}'", spec=f"mountPath: {tmp_path}"))
    [activity] = client.get(f"{workflow}/")["spec"]["activities"]
    path = f"{API}/{workflow}/activities/{activity['id']}/logs/?follow=true"
    with client.http.stream("GET", path) as answer:
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(3)]
    (tmp_path / "go").touch()
    last = first[0].removeprefix("id: ")
    rest = client.http.get(path, headers={"last-event-id": last}).text

    assert first[1] == "event: stdout"
    assert json.loads(first[2].removeprefix("data: ")) == {"offset": 0, "text": "one\n"}
    assert '"text":"two\\n"' in rest
    assert "one" not in rest
    assert "event: end" in rest


def test_the_runtimes_are_listed(client: Client) -> None:
    [local] = client.http.get("/akoflow-api/runtimes/").json()["data"]

    assert (local["name"], local["status"]) == ("local", 1)


def test_an_unknown_runtime_is_tried_out_where_the_operator_says_so(
    start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    with start_server(AKOFLOW__UNKNOWN_RUNTIME="local").client() as http:
        client = Client(http)
        text = document(
            "name: a, run: 'touch x; pwd'", spec="runtime: sdumont\nimage: a.sif\nmountPath: /proc/none/here"
        )
        answer = client.post(text).json()
        [activity] = client.ended(answer["id"])["spec"]["activities"]

        codes = {each["code"] for each in answer["warnings"]}
        assert {"unknown_runtime_local", "mount_path_moved", "image_ignored"} <= codes
        assert (activity["runtime"], activity["effectiveRuntime"]) == ("sdumont", "local")
        assert activity["state"] == "succeeded"
        assert activity["directory"].endswith("/proc/none/here")
