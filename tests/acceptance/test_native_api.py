"""The native API of a real server, as clients meet it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.acceptance.native_stage import ONE_TASK, SLEEPS, created, ended, started, until

from headrace.testing.running_server import RunningServer


@pytest.fixture
def client(running_server: RunningServer) -> Iterator[httpx2.Client]:
    with running_server.client() as client:
        yield client


def test_a_workflow_runs_from_its_document_to_its_result(client: httpx2.Client) -> None:
    shown = ended(client, ONE_TASK, text="Hello, World!")

    assert shown["state"] == "succeeded"
    assert shown["outputs"] == {"size": 13}
    (task,) = shown["tasks"]
    assert (task["task"], task["type"], task["state"], task["outputs"]) == (
        "size",
        "text.size",
        "succeeded",
        {"size": 13},
    )


def test_a_start_may_wait_for_the_end_in_one_request(client: httpx2.Client) -> None:
    number = created(client, ONE_TASK)["number"]

    answer = client.post(
        f"/v1/workflows/{number}/executions", params={"wait": 30}, json={"inputs": {"text": "abc"}}
    )

    assert answer.json()["outputs"] == {"size": 3}


def test_a_thing_is_found_by_number_by_id_and_by_alias(client: httpx2.Client) -> None:
    workflow = created(client, ONE_TASK)

    for key in (workflow["number"], workflow["id"], workflow["alias"]):
        assert client.get(f"/v1/workflows/{key}").json()["id"] == workflow["id"]


def test_lists_are_paged_by_cursor(client: httpx2.Client) -> None:
    numbers = [created(client, ONE_TASK)["number"] for _ in range(5)]
    seen: list[int] = []
    cursor = None

    for _ in range(3):
        page = client.get(
            "/v1/workflows", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [item["number"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert seen[:5] == numbers[::-1]
    refused = client.get("/v1/executions", params={"cursor": cursor or "x"})
    assert refused.status_code == 400


def test_executions_are_listed_by_workflow_and_state(client: httpx2.Client) -> None:
    shown = ended(client, ONE_TASK, text="x")

    listed = client.get(
        "/v1/executions", params={"workflow": shown["workflow"], "state": ["succeeded", "failed"]}
    ).json()["items"]

    assert [item["number"] for item in listed] == [shown["number"]]
    assert (
        client.get("/v1/executions", params={"workflow": shown["workflow"], "state": "failed"}).json()[
            "items"
        ]
        == []
    )


def test_a_change_makes_a_version_and_an_old_one_is_refused(client: httpx2.Client) -> None:
    workflow = created(client, ONE_TASK)
    url = f"/v1/workflows/{workflow['number']}"
    changed = ONE_TASK | {"description": "Counts."}

    first = client.put(url, json=changed, headers={"if-match": '"1"'})
    stale = client.put(url, json=ONE_TASK, headers={"if-match": '"1"'})
    again = client.put(url, json=changed, headers={"if-match": '"2"'})
    known = [client.get(asked, headers={"if-none-match": '"2"'}) for asked in (url, f"{url}/versions/2")]
    other = client.get(f"{url}/versions/1", headers={"if-none-match": '"2"'})

    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    assert again.json()["version"] == 2
    assert [(each.status_code, each.content, each.headers["etag"]) for each in known] == [
        (304, b"", '"2"')
    ] * 2
    assert (other.status_code, other.headers["etag"]) == (200, '"1"')
    assert [item["version"] for item in client.get(f"{url}/versions").json()["items"]] == [2, 1]
    assert json.loads(client.get(f"{url}/versions/1").json()["document"]) == ONE_TASK


def test_a_deleted_workflow_is_gone_and_its_executions_stay(client: httpx2.Client) -> None:
    shown = ended(client, ONE_TASK, text="x")
    url = f"/v1/workflows/{shown['workflow']}"

    assert client.delete(url).status_code == 204

    assert client.get(url).status_code == 404
    assert client.post(f"{url}/executions", json={"inputs": {"text": "x"}}).status_code == 404
    assert client.get(f"/v1/executions/{shown['number']}").json()["state"] == "succeeded"


def test_a_workflow_with_a_live_execution_is_not_deleted(client: httpx2.Client) -> None:
    url = started(client, SLEEPS)
    workflow = client.get(url).json()["workflow"]

    assert client.delete(f"/v1/workflows/{workflow}").status_code == 409
    client.post(f"{url}/cancel")


def test_all_problems_of_a_document_are_told_with_their_places(client: httpx2.Client) -> None:
    broken = {
        "title": "Broken",
        "tasks": [
            {"name": "a", "type": "web.downlaod", "inputs": {"url": "https://example.com"}},
            {"name": "b", "type": "text.size", "inputs": {"text": "{{tasks.nope.outputs.x}}"}},
        ],
    }

    refused = client.post("/v1/workflows", json=broken)
    checked = client.post("/v1/workflows/validate", json=broken).json()

    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert [(each["path"], each["code"]) for each in refused.json()["problems"]] == [
        ("/tasks/0/type", "unknown_task_type"),
        ("/tasks/1/inputs/text", "unknown_reference"),
    ]
    assert checked["valid"] is False
    assert checked["problems"] == refused.json()["problems"]
    assert checked["problems"][0]["line"] == 1


def test_a_good_document_is_valid_and_shows_its_graph(client: httpx2.Client) -> None:
    before = len(client.get("/v1/workflows", params={"limit": 1000}).json()["items"])

    checked = client.post("/v1/workflows/validate", params={"dialect": "dataflow"}, json=SLEEPS).json()

    assert checked["valid"] is True
    assert [(task["name"], task["after"], task["next"]) for task in checked["tasks"]] == [
        ("nap", [], ["after"]),
        ("after", ["nap"], []),
    ]
    assert len(client.get("/v1/workflows", params={"limit": 1000}).json()["items"]) == before


def test_a_repeated_start_is_one_execution(client: httpx2.Client) -> None:
    number = created(client, ONE_TASK)["number"]
    url = f"/v1/workflows/{number}/executions"
    headers = {"idempotency-key": f"once-{number}"}

    first = client.post(url, json={"inputs": {"text": "a"}}, headers=headers)
    second = client.post(url, json={"inputs": {"text": "a"}}, headers=headers)
    other = client.post(url, json={"inputs": {"text": "b"}}, headers=headers)

    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len(client.get("/v1/executions", params={"workflow": number}).json()["items"]) == 1


def test_a_repeated_create_is_one_workflow(client: httpx2.Client) -> None:
    headers = {"idempotency-key": "create-once"}

    answers = [client.post("/v1/workflows", json=ONE_TASK, headers=headers) for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert answers[0].headers["location"] == answers[1].headers["location"]


def test_the_inputs_of_a_start_are_checked_all_at_once(client: httpx2.Client) -> None:
    number = created(client, ONE_TASK)["number"]

    refused = client.post(f"/v1/workflows/{number}/executions", json={"inputs": {"txet": "a"}})

    assert refused.status_code == 400
    assert [(each["path"], each["code"]) for each in refused.json()["problems"]] == [
        ("/inputs", "missing_input"),
        ("/inputs/txet", "unknown_input"),
    ]
    assert client.get("/v1/executions", params={"workflow": number}).json()["items"] == []


def test_a_cancelled_execution_ends_and_says_why(client: httpx2.Client) -> None:
    url = started(client, SLEEPS)
    until(lambda: client.get(f"{url}/tasks/nap").json()["state"] == "running")

    client.post(f"{url}/cancel", json={"reason": "Not needed any more."})
    shown = client.get(url, params={"wait": 30}).json()
    again = client.post(f"{url}/cancel")

    assert shown["state"] == "cancelled"
    assert shown["detail"]["sentence"] == "Not needed any more."
    assert [task["state"] for task in shown["tasks"]] == ["cancelled", "cancelled"]
    assert (again.status_code, again.json()["code"]) == (409, "transition_refused")


def test_explain_tells_what_is_waited_for(client: httpx2.Client) -> None:
    url = started(client, SLEEPS)
    until(lambda: client.get(f"{url}/tasks/nap").json()["state"] == "running")

    explained = client.get(f"{url}/explain").json()
    client.post(f"{url}/cancel")

    assert [(task["task"], task["state"], task["waiting_for"]) for task in explained["tasks"]] == [
        ("nap", "running", []),
        ("after", "waiting", ["nap"]),
    ]
    assert explained["tasks"][1]["reason"]["sentence"] == "It waits for 'nap'."


def test_a_paused_execution_goes_on_when_it_is_resumed(client: httpx2.Client) -> None:
    url = started(client, SLEEPS)

    paused = client.post(f"{url}/pause", json={"reason": "Wait a moment."}).json()
    resumed = client.post(f"{url}/resume").json()
    client.post(f"{url}/cancel")

    assert (paused["state"], paused["detail"]["sentence"]) == ("paused", "Wait a moment.")
    assert resumed["state"] == "running"


def test_secrets_are_never_told(client: httpx2.Client, running_server: RunningServer) -> None:
    put = client.put("/v1/secrets/db/password", json={"value": "hunter2-hunter2"})
    listed = client.get("/v1/secrets")
    refused = client.put("/v1/secrets/other", json={"value": ["hunter2-hunter2"]})
    deleted = client.delete("/v1/secrets/db/password")

    assert put.json()["name"] == "db/password"
    assert [item["name"] for item in listed.json()["items"]] == ["db/password"]
    assert refused.status_code == 400
    assert deleted.status_code == 204
    assert client.delete("/v1/secrets/db/password").status_code == 404
    for text in (put.text, listed.text, refused.text, running_server.log):
        assert "hunter2" not in text


def test_a_token_is_shown_once_and_revoked_at_once(
    client: httpx2.Client, running_server: RunningServer
) -> None:
    issued = client.post("/v1/tokens", json={"name": "robot", "scopes": ["run"]}).json()
    mine = {"authorization": f"Bearer {issued['token']}"}

    before = client.get("/v1/workflows", headers=mine).status_code
    listed = client.get("/v1/tokens").text
    revoked = client.delete(f"/v1/tokens/{issued['number']}").status_code
    after = client.get("/v1/workflows", headers=mine).status_code

    assert (before, revoked, after) == (200, 204, 401)
    assert issued["token"] not in listed
    assert issued["token"] not in running_server.log


def test_the_plan_of_a_start_shows_order_and_inputs(client: httpx2.Client) -> None:
    number = created(client, ONE_TASK)["number"]

    plan = client.get(f"/v1/workflows/{number}/plan").json()

    assert [(port["name"], port["required"]) for port in plan["inputs"]] == [("text", True)]
    assert [task["name"] for task in plan["tasks"]] == ["size"]


def test_metrics_count_what_happened(client: httpx2.Client) -> None:
    ended(client, ONE_TASK, text="x")

    told = client.get("/metrics").text
    ended_runs = re.search(
        r'^headrace_task_runs_ended_total\{state="succeeded",type="text.size"\} (\S+)$', told, re.MULTILINE
    )
    commits = re.search(r"^headrace_commit_seconds_count (\S+)$", told, re.MULTILINE)

    assert ended_runs is not None
    assert float(ended_runs[1]) >= 1
    assert commits is not None
    assert float(commits[1]) >= 1
    assert "headrace_live_executions 0.0" in told
    assert 'headrace_executions{state="succeeded"}' in told
    assert "process_resident_memory_bytes" in told
    assert client.get("/v1/statistics").json()["executions"]["succeeded"] >= 1


def test_a_rerun_is_shown_before_it_is_made(client: httpx2.Client, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    script = f"cat {flag}"
    document = {
        "title": "Flaky",
        "tasks": [
            {"name": "first", "type": "echo", "inputs": {"text": "x"}},
            {"name": "second", "type": "core.shell", "inputs": {"script": script}},
            {"name": "third", "type": "text.size", "inputs": {"text": "{{tasks.second.outputs.stdout}}"}},
        ],
    }
    failed = ended(client, document)
    url = f"/v1/executions/{failed['number']}/rerun"
    flag.write_text("four")

    plan = client.post(f"{url}/plan").json()["tasks"]
    dry = client.post(url, json={"dry_run": True})
    shown = client.get(client.post(url).json()["url"], params={"wait": 30}).json()
    from_the_end = client.post(f"{url}/plan", json={"from": ["third"]}).json()["tasks"]
    unknown = client.post(url, json={"from": ["fourth"]})

    assert failed["state"] == "failed"
    assert (dry.status_code, dry.json()["tasks"]) == (200, plan)
    assert [(row["task"], row["mode"]) for row in plan] == [
        ("first", "reuse"),
        ("second", "run"),
        ("third", "run"),
    ]
    assert shown["state"] == "succeeded"
    assert shown["tasks"][2]["outputs"] == {"size": 4}
    assert [row["mode"] for row in from_the_end] == ["reuse", "reuse", "run"]
    assert (unknown.status_code, unknown.json()["problems"][0]["path"]) == (400, "/from")
