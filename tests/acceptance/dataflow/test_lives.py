"""Runs and workflows over time: what is in use, what is over, what is sent twice, what is listed in pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.testing.running_server import RunningServer

SAY: dict[str, Any] = {"title": "Say", "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}]}
GATE = 'while [ ! -e "$GATE" ]; do sleep 0.05; done'


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file whose making ends the runs of `waiting`."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


def waiting(gate: Path) -> dict[str, Any]:
    inputs = {"script": GATE, "env": {"GATE": str(gate)}}
    return {"title": "Wait", "tasks": [{"name": "wait", "type": "core.shell", "inputs": inputs}]}


def test_a_living_run_holds_its_workflow_and_an_ended_one_stays_readable(door: Door, gate: Path) -> None:
    workflow = door.create(waiting(gate))
    run = door.start_again(workflow)
    refused = door.client.delete(f"/workflows/{workflow}")
    rerun = door.client.post(f"{run}/rerun")
    short = door.client.get(run, params={"wait": "0.1"}).json()
    gate.touch()
    details = door.ended(run)
    within(lambda: door.client.delete(f"/workflows/{workflow}").status_code == 204, "the deletion")

    assert [refused.status_code, refused.json()["error"]] == [409, "workflow_in_use"]
    assert rerun.status_code == 409
    assert short["status"] == "RUNNING"
    assert short["tasks"][0]["status"] in {"PENDING", "RUNNING"}
    assert door.client.get(run).json() == details
    assert door.client.get(f"/workflows/{workflow}").status_code == 404


@pytest.mark.parametrize("wait", ["x", "-1", "61", "nan", "inf"])
def test_wait_is_a_number_of_seconds(door: Door, wait: str) -> None:
    run = door.start(SAY)
    answer = door.client.get(run, params={"wait": wait})

    assert [answer.status_code, answer.json()["error"]] == [400, "invalid_query"]
    assert [each["code"] for each in answer.json()["errors"]] == ["invalid_value"]


def test_a_run_of_another_workflow_is_not_found(door: Door) -> None:
    run = door.start(SAY).rsplit("/", 1)[1]
    answer = door.client.get(f"/workflows/{door.create(SAY)}/executions/{run}")

    assert [answer.status_code, answer.json()["error"]] == [404, "not_found"]


def test_an_input_is_ignored_where_none_is_declared_and_found_by_folding_where_one_is(door: Door) -> None:
    ignored = door.client.post(f"/workflows/{door.create(SAY)}/executions", json={"inputs": {"a": 1}})
    asking = {**SAY, "inputs": [{"name": "some_text", "type": "text"}]}
    folded = door.client.post(
        f"/workflows/{door.create(asking)}/executions", json={"inputs": {"someText": "x"}}
    )

    assert [ignored.status_code, folded.status_code] == [202, 202]
    assert [each["code"] for each in ignored.json()["warnings"]] == ["input_ignored"]
    assert [each["code"] for each in folded.json()["warnings"]] == ["alias_used"]


def test_the_printed_first_step_is_refused_as_its_own_rule_demands(door: Door) -> None:
    document = {**SAY, "inputs": [{"name": "text", "type": "text"}]}
    answer = door.client.post(
        f"/workflows/{door.create(document)}/executions",
        json={"inputs": {"webpage_url": "https://example.com"}},
    )

    assert answer.status_code == 400
    assert sorted(each["code"] for each in answer.json()["errors"]) == ["missing_input", "unknown_input"]


def test_one_key_makes_one_thing(door: Door) -> None:
    headers = {"idempotency-key": "create-1"}
    first = door.client.post("/workflows", json=SAY, headers=headers)
    again = door.client.post("/workflows", json=SAY, headers=headers)
    other = door.client.post("/workflows", json={**SAY, "title": "Other"}, headers=headers)
    path = f"/workflows/{first.json()['workflow_id']}/executions"
    started = door.client.post(path, json={}, headers=headers)
    restarted = door.client.post(path, json={}, headers=headers)

    assert [first.status_code, again.status_code] == [201, 201]
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert [each.headers.get("idempotency-replayed") for each in (first, again)] == [None, "true"]
    assert [other.status_code, other.json()["error"]] == [409, "idempotency_conflict"]
    assert restarted.json() == started.json()
    assert restarted.headers["location"] == started.headers["location"]
    assert len(door.client.get(path).json()["executions"]) == 1


def test_starts_that_come_together_with_one_key_are_one_start(door: Door, server: RunningServer) -> None:
    path = f"/workflows/{door.create(SAY)}/executions"
    answers: list[httpx2.Response] = []
    together = threading.Barrier(6)

    def send() -> None:
        with server.client() as client:
            together.wait()
            answers.append(client.post(path, json={}, headers={"idempotency-key": "at-once"}))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.status_code for each in answers] == [202] * 6
    assert len({each.content for each in answers}) == 1
    assert sum("idempotency-replayed" in each.headers for each in answers) == 5
    assert len(door.client.get(path).json()["executions"]) == 1


def test_lists_come_in_pages_without_gaps(door: Door) -> None:
    door.create(SAY)  # one more, so that the list of workflows has a second page
    workflow = door.create(SAY)
    started = [door.start_again(workflow) for _ in range(5)]
    for run in started:
        door.ended(run)
    path = f"/workflows/{workflow}/executions"
    pages: list[list[str]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = door.client.get(path, params={"limit": 2, **cursor}).json()
        pages.append([each["workflow_execution_id"] for each in page["executions"]])
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    whole = door.client.get(path).json()
    foreign = door.client.get("/workflows", params={"limit": 1}).json()["next_cursor"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == [run.rsplit("/", 1)[1] for run in reversed(started)]
    assert list(whole) == ["executions"]
    assert list(whole["executions"][0]) == [
        "workflow_execution_id",
        "status",
        "created_at",
        "started_at",
        "completed_at",
    ]
    assert door.client.get(path, params={"cursor": foreign}).status_code == 400
    assert door.client.get(path, params={"status": "FAILED"}).json() == {"executions": []}


def test_a_cursor_leads_on_only_where_it_came_from(door: Door) -> None:
    one, other = door.create(SAY), door.create(SAY)
    for workflow in (one, other, one, other):
        door.ended(door.start_again(workflow))
    path = f"/workflows/{one}/executions"
    plain = door.client.get(path, params={"limit": 1}).json()["next_cursor"]
    done = door.client.get(path, params={"limit": 1, "status": "COMPLETED"}).json()["next_cursor"]
    asked = {"limit": "1", "state": "succeeded"}
    native = door.client.get("/v1/executions", params=asked).json()["next_cursor"]
    crossed = [
        door.client.get(f"/workflows/{other}/executions", params={"cursor": plain}),
        door.client.get(path, params={"cursor": done, "status": "FAILED"}),
        door.client.get(path, params={"cursor": plain, "status": "COMPLETED"}),
        door.client.get(path, params={"cursor": plain.split(".")[-1]}),
        door.client.get("/workflows", params={"cursor": plain}),
    ]
    elsewhere = [
        door.client.get("/v1/executions", params={"cursor": native, "state": "failed"}),
        door.client.get("/v1/executions", params={"cursor": native}),
        door.client.get("/akoflow-api/workflows/", params={"cursor": native}),
    ]
    kept = door.client.get(path, params={"limit": 5, "cursor": done, "status": "COMPLETED"})

    assert [(each.status_code, each.json()["error"]) for each in crossed] == [(400, "invalid_query")] * 5
    assert [each.json()["errors"][0]["code"] for each in crossed] == ["invalid_value"] * 5
    assert [each.status_code for each in elsewhere] == [400] * 3
    assert len(kept.json()["executions"]) == 1


def test_a_version_is_changed_only_by_who_knows_it(door: Door) -> None:
    workflow = door.create(SAY)
    path = f"/workflows/{workflow}"
    shown = door.client.get(path)
    changed = door.client.put(path, json={**SAY, "title": "New"}, headers={"if-match": shown.headers["etag"]})
    late = door.client.put(path, json={**SAY, "title": "Late"}, headers={"if-match": shown.headers["etag"]})
    returned = door.client.put(path, json=door.client.get(path).json())
    first = door.client.get(f"{path}/versions/1").json()

    assert [changed.status_code, changed.headers["etag"]] == [200, '"2"']
    assert [late.status_code, late.json()["error"]] == [412, "version_conflict"]
    assert returned.json()["workflow_version"] == 2
    assert [first["title"], first["workflow_version"]] == ["Say", 1]


def test_failed_tasks_run_again_and_the_results_of_the_others_stand(door: Door, stage: Stage) -> None:
    document = {
        "title": "Again",
        "tasks": [
            {"name": "say", "type": "echo", "inputs": {"text": "hello"}},
            {
                "name": "page",
                "type": "web.download",
                "inputs": {"url": f"{stage.site.url}/flaky/rerun"},
                "retry": {"attempts": 2, "delay": 0},
            },
        ],
        "outputs": [{"name": "page", "value": "{{tasks.page.outputs.html}}"}],
    }
    run = door.start(document)
    failed = door.ended(run)
    again = door.client.post(f"{run}/rerun", json={"from": "failed"})
    details = door.ended(again.headers["location"])
    wrong = door.client.post(f"{run}/rerun", json={"from": ["nobody"]})

    assert [failed["status"], again.status_code, again.json()["status"]] == ["FAILED", 202, "PENDING"]
    assert [details["status"], details["outputs"]] == ["COMPLETED", {"page": "at last"}]
    assert details["tasks"][0]["outputs"] == {"text": "hello"}
    assert wrong.status_code == 400


def test_memory_that_nobody_saw_is_not_told_as_none_used(door: Door) -> None:
    run = door.start(
        {"title": "w", "tasks": [{"name": "a", "type": "core.shell", "inputs": {"script": ":"}}]}
    )
    door.ended(run)
    used = door.client.get(f"{run}/tasks/a").json()["tries"][0]["usage"]

    assert used["cpu_seconds"] >= 0
    assert used["max_rss_bytes"] is None or used["max_rss_bytes"] > 0


def test_a_file_in_use_is_not_deleted(door: Door, gate: Path) -> None:
    uploaded = door.client.post("/files?name=a.txt", content=b"hello").json()
    document = {**waiting(gate), "inputs": [{"name": "f", "type": "file"}]}
    run = door.start(document, {"f": uploaded["file_id"]})
    path = f"/files/{uploaded['file_id']}"
    refused = door.client.delete(path)
    gate.touch()
    details = door.ended(run)
    within(lambda: door.client.delete(path).status_code == 204, "the deletion")

    assert [refused.status_code, refused.json()["error"]] == [409, "file_in_use"]
    assert details["inputs"]["f"]["file_id"] == uploaded["file_id"]
    assert door.client.get(path).status_code == 404
