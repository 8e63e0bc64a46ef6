"""The acceptance list of the dialect (section 10), each test named by its statement."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from standardwebhooks.webhooks import Webhook
from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.testing.running_server import RunningServer

EXAMPLES = json.loads(
    (Path(__file__).parents[2] / "corpus" / "dataflow" / "examples.json").read_text(encoding="utf-8")
)
SPEECH, SUMMARY = EXAMPLES["speech"], EXAMPLES["summary"]
KEY = "sk-acceptance-0123456789abcdef"
WITH_KEY = {"x-openai-key": KEY}

NATIVE = ("", "/tasks", "/events", "/files", "/deliveries")
"""What the native doors show of a run."""


def say(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"title": "Say", "tasks": [{"name": "say", "type": "echo", "inputs": {"text": text}}], **more}


def shell(name: str, script: str, **env: Any) -> dict[str, Any]:
    return {"name": name, "type": "core.shell", "inputs": {"script": script, "env": env}}


def waiting_for(file: Path) -> dict[str, Any]:
    script = 'while [ ! -e "$GATE" ]; do sleep 0.05; done; echo through'
    return shell("gate", script, GATE=str(file))


def status_of(details: dict[str, Any]) -> list[str]:
    return [task["status"] for task in details["tasks"]]


def test_1_both_examples_are_taken_as_they_are_printed(door: Door) -> None:
    speech = door.client.post("/workflows", json=SPEECH)
    summary = door.client.post("/workflows", json=SUMMARY)

    assert speech.status_code == summary.status_code == 201
    assert list(speech.json()) == ["workflow_id"]
    assert summary.json()["workflow_version"] == 1
    assert [each["code"] for each in summary.json()["warnings"]] == ["alias_used"] * 5


def test_2_each_door_has_its_own_id_and_either_finds_the_run(door: Door) -> None:
    workflow = door.create(say())
    first = door.client.post(f"/workflows/{workflow}/executions")
    second = door.client.post(f"/workflows/{workflow}/execute")
    ids = [first.json()["workflow_execution_id"], second.json()["execution_id"]]
    we, ex = (ids[1].replace("ex-", "we-"), ids[0].replace("we-", "ex-"))
    found = door.client.get(f"/workflows/{workflow}/executions/{we}").json()
    again = door.client.get(f"/workflows/{workflow}/executions/{ex}").json()

    assert [first.status_code, second.status_code] == [202, 202]
    assert [each[:3] for each in ids] == ["we-", "ex-"]
    assert first.json() == {
        "workflow_execution_id": ids[0],
        "workflow_id": workflow,
        "workflow_version": 1,
        "status": "PENDING",
    }
    assert [found["workflow_execution_id"], again["execution_id"]] == [we, ex]


def test_2_either_id_finds_the_run_at_the_native_doors(door: Door) -> None:
    answer = door.client.post(f"/workflows/{door.create(say())}/execute")
    ex = answer.json()["execution_id"]
    door.ended(answer.headers["location"])
    found = [
        door.client.get(f"/v1/executions/{each}{rest}")
        for each in (ex, ex.replace("ex-", "we-"))
        for rest in NATIVE
    ]

    assert [each.status_code for each in found] == [200] * len(found)
    assert found[0].json() == found[len(NATIVE)].json()
    assert door.client.get("/v1/executions/ex-00000000").status_code == 404


def test_3_each_document_is_answered_in_its_own_words(door: Door) -> None:
    summary = door.create(SUMMARY)
    started = door.client.post(
        f"/workflows/{summary}/execute",
        json={"input": {"webpage_url": "http://127.0.0.1:9/"}},
        headers=WITH_KEY,
    )
    older = door.client.get(started.headers["location"]).json()
    newer = door.run(say())
    capital = {
        "title": "Capitals",
        "inputs": [{"name": "my_text", "type": "text"}],
        "tasks": [{"name": "say_it", "type": "echo", "inputs": {"text": "{{Inputs.my_text}}"}}],
        "outputs": [{"name": "what_it_said", "value": "{{Tasks.say_it.Outputs.text}}"}],
    }
    camel = door.run(capital, {"my_text": "x"})

    assert [task["ref"] for task in older["tasks"]] == ["download_webpage", "extract_text", "summarize_text"]
    assert newer["tasks"][0]["name"] == "say"
    assert {"workflowId", "workflowVersion", "executionId", "createdAt"} <= set(camel)
    assert camel["executionId"].startswith("ex-")
    assert camel["outputs"] == {"what_it_said": "x"}
    assert [key for key in camel if "_" in key] == []


def test_4_five_mistakes_are_told_at_once_each_with_its_place(door: Door) -> None:
    body = {
        "title": "Five",
        "inputs": [{"name": "url"}],
        "tasks": [
            {"name": "a", "type": "web.downlaod", "inputs": {"url": "x"}},
            {"name": "b", "type": "echo", "inputs": {"text": "{{inputs.nope}}"}},
            {"name": "c", "type": "text.truncate", "inputs": {"text": "x", "length": -1}},
        ],
        "outputs": [{"name": "o", "value": "{{tasks.d.outputs.text}}"}],
    }
    answer = door.client.post("/workflows", json=body)
    problems = answer.json()["errors"]

    def leads_somewhere(pointer: str) -> bool:
        at: Any = body
        for step in pointer.split("/")[1:]:
            at = at[int(step)] if isinstance(at, list) else at[step]
        return True

    assert answer.status_code == 400
    assert [(each["path"], each["code"]) for each in problems] == [
        ("/inputs/0", "missing_field"),
        ("/tasks/0/type", "unknown_task_type"),
        ("/tasks/1/inputs/text", "unknown_reference"),
        ("/tasks/2/inputs/length", "invalid_value"),
        ("/outputs/0/value", "unknown_reference"),
    ]
    assert all(leads_somewhere(each["path"]) for each in problems)


def test_5_a_start_without_a_required_input_starts_nothing(door: Door) -> None:
    workflow = door.create({**say("{{inputs.text}}"), "inputs": [{"name": "text", "type": "text"}]})
    door.ended(door.start_again(workflow, {"text": "x"}))
    before = door.client.get(f"/workflows/{workflow}/executions").json()
    refused = door.client.post(f"/workflows/{workflow}/executions", json={})

    assert refused.status_code == 400
    assert [each["code"] for each in refused.json()["errors"]] == ["missing_input"]
    assert door.client.get(f"/workflows/{workflow}/executions").json() == before


def test_6_the_summary_needs_a_key_and_keeps_it_to_itself(
    door: Door, server: RunningServer, stage: Stage
) -> None:
    workflow = door.create(SUMMARY)
    sent = {"input": {"webpage_url": f"{stage.site.url}/page"}}
    path = f"/workflows/{workflow}/execute"
    refused = door.client.post(path, json=sent)
    started = door.client.post(path, json={**sent, "webhook_url": stage.receiver.url}, headers=WITH_KEY)
    run = started.headers["location"]
    details = door.ended(run)
    told = [
        details,
        *(
            door.client.get(f"{run}{rest}").text
            for rest in ("/tasks", "/events", "/tasks/summarize_text/logs")
        ),
    ]
    files = [file for file in server.directory.rglob("*") if file.is_file()]

    assert refused.status_code == 400
    assert [each["code"] for each in refused.json()["errors"]] == ["missing_credential"]
    message = refused.json()["errors"][0]["message"]
    assert "X-OpenAI-Key" in message
    assert "summarize_text" in message
    assert details["status"] == "COMPLETED", details
    assert details["outputs"]["summary_text"].startswith("The mill")
    assert f"Bearer {KEY}" in {key for _, key, _ in stage.openai.calls}
    assert [text for text in told if KEY in str(text)] == []
    assert len(files) > 3
    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
    assert KEY not in server.log


@pytest.mark.parametrize("together", [True, False])
def test_7_downloads_overlap_only_when_nothing_orders_them(door: Door, stage: Stage, together: bool) -> None:
    here = "/meet" if together else "/page"
    first, second = f"{here}?first", f"{here}?second"
    tasks: list[dict[str, Any]] = [
        {"name": "a", "type": "web.download", "inputs": {"url": f"{stage.site.url}{first}"}},
        {"name": "b", "type": "web.download", "inputs": {"url": f"{stage.site.url}{second}"}},
    ]
    if together:
        tasks[1]["depends_on"] = []
    details = door.run({"title": "Two", "tasks": tasks})

    assert status_of(details) == ["COMPLETED", "COMPLETED"]
    if together:
        assert [task["outputs"]["html"] for task in details["tasks"]] == ["met", "met"]
    else:
        assert stage.site.asked.index(second) > stage.site.asked.index(f"done {first}")


def test_8_outputs_flow_to_the_next_task_and_keep_their_type(door: Door) -> None:
    details = door.run(
        {
            "title": "Flow",
            "inputs": [{"name": "length", "type": "number"}],
            "tasks": [
                {"name": "say", "type": "echo", "inputs": {"text": "Hello, World!"}},
                {"name": "size", "type": "text.size"},
                {
                    "name": "cut",
                    "type": "text.truncate",
                    "inputs": {"text": "{{tasks.say.outputs.text}}", "length": "{{inputs.length}}"},
                },
            ],
            "outputs": [{"name": "n", "type": "number", "value": "{{tasks.size.outputs.size}}"}],
        },
        {"length": 5},
    )

    assert details["outputs"] == {"n": 13}
    assert details["tasks"][2]["outputs"] == {"truncated_text": "Hello..."}


def test_9_texts_are_counted_in_code_points(door: Door) -> None:
    sizes = [
        door.task("text.size", {"text": text})["outputs"]["size"]
        for text in ("Hello, World!", "\U0001f44d\U0001f3fd")
    ]
    cut = [
        door.task("text.truncate", {"text": "Hello, World!", "length": n})["outputs"]["truncated_text"]
        for n in (5, 13)
    ]

    assert sizes == [13, 2]
    assert cut == ["Hello...", "Hello, World!"]


def test_10_a_false_condition_skips_the_task_and_its_readers_only(door: Door) -> None:
    details = door.run(
        {
            "title": "Skip",
            "tasks": [
                {"name": "a", "type": "echo", "inputs": {"text": "x"}, "condition": False},
                {"name": "b", "type": "text.size", "inputs": {"text": "{{tasks.a.outputs.text}}"}},
                {"name": "c", "type": "echo", "inputs": {"text": "y"}},
            ],
            "outputs": [{"name": "n", "value": "{{tasks.b.outputs.size}}"}],
        }
    )

    assert status_of(details) == ["SKIPPED", "SKIPPED", "COMPLETED"]
    assert [task["reason"] and task["reason"]["code"] for task in details["tasks"]] == [
        "condition_false",
        "needs_skipped_task",
        None,
    ]
    assert details["status"] == "COMPLETED"
    assert details["outputs"] == {"n": None}
    assert [each["code"] for each in details["warnings"]] == ["output_unavailable"]


def test_11_a_503_is_tried_again_and_a_404_is_not(door: Door, stage: Stage) -> None:
    retry = {"attempts": 3, "delay": 0}
    flaky = door.task("web.download", {"url": f"{stage.site.url}/flaky/11"}, retry=retry)
    missing = door.task("web.download", {"url": f"{stage.site.url}/missing/11"}, retry=retry)

    assert [flaky["status"], flaky["attempts"], flaky["outputs"]["html"]] == ["COMPLETED", 4, "at last"]
    assert [missing["status"], missing["attempts"]] == ["FAILED", 1]
    assert {key: missing["error"][key] for key in ("code", "status", "final")} == {
        "code": "http_status",
        "status": 404,
        "final": True,
    }
    assert stage.site.asked.count("/missing/11") == 1


def test_12_a_run_keeps_the_version_that_it_began_with(door: Door, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    document: dict[str, Any] = {
        "title": "Versions",
        "tasks": [waiting_for(gate), {"name": "say", "type": "echo", "inputs": {"text": "old"}}],
        "outputs": [{"name": "said", "value": "{{tasks.say.outputs.text}}"}],
    }
    workflow = door.create(document)
    run = door.start_again(workflow)
    document["tasks"][1]["inputs"]["text"] = "new"
    changed = door.client.put(f"/workflows/{workflow}", json=document)
    same = door.client.put(f"/workflows/{workflow}", json=document)
    gate.touch()
    details = door.ended(run)
    versions = door.client.get(f"/workflows/{workflow}/versions").json()["versions"]
    diff = door.client.get(f"/workflows/{workflow}/versions/2/diff").json()
    back = door.client.get(f"/workflows/{workflow}/versions/1/diff?from=2").json()

    assert [changed.status_code, changed.json()["workflow_version"]] == [200, 2]
    assert same.json()["workflow_version"] == 2
    assert [details["workflow_version"], details["outputs"]] == [1, {"said": "old"}]
    assert [each["workflow_version"] for each in versions] == [2, 1]
    assert [diff["workflow_id"], diff["from_version"], diff["to_version"]] == [workflow, 1, 2]
    assert [[each["name"], each["kind"]] for each in diff["tasks"]] == [["say", "changed"]]
    assert [[each["path"], each["old"], each["new"]] for each in diff["changes"]] == [
        ["/tasks/1/inputs/text", "old", "new"]
    ]
    assert '-        "text": "old"\n+        "text": "new"\n' in diff["text"]
    assert back["changes"][0]["new"] == "old"
    assert door.client.get(f"/workflows/{workflow}/versions/1/diff").status_code == 400
    assert door.client.get(f"/workflows/{workflow}/versions/2/diff?from=9").status_code == 404
    assert door.ended(door.start_again(workflow))["outputs"] == {"said": "new"}


def test_13_the_webhook_hears_of_every_change_also_after_a_503_and_a_restart(
    start_server: Callable[..., RunningServer], stage: Stage, tmp_path: Path
) -> None:
    secret = "whsec_c2lnbmluZy1rZXktZm9yLWFjY2VwdGFuY2U="
    gate = tmp_path / "gate"
    with stage.receiver_that_answers(503) as receiver:
        server = start_server(**{**stage.settings, "EGRESS_ALLOW": receiver.url.split("/")[2]})
        with server.client() as client:
            document = {"title": "Told", "tasks": [waiting_for(gate), say()["tasks"][0]]}
            monitoring = {"webhook": {"url": f"{receiver.url}?token=abc", "secret": secret}}
            run = Door(client).start(document, monitoring=monitoring)
            within(lambda: client.get(f"{run}/deliveries").json()["deliveries"][0]["tries"], "the first try")
        server.kill()
        server.start_again()
        gate.touch()
        with server.client() as client:
            Door(client).ended(run)
            requests = stage.run(receiver.received(5))

            def delivered() -> Any:
                log = client.get(f"{run}/deliveries").json()["deliveries"]
                return log if all(each["status"] == "DELIVERED" for each in log) else None

            log = within(delivered, "delivery")
    bodies = [json.loads(request.body) for request in requests]
    for request in requests:
        Webhook(secret).verify(request.body, request.headers)

    assert sorted({body["sequence"] for body in bodies}) == [1, 2, 3, 4]
    assert {body["sequence"]: (body["event"], body["task"]) for body in bodies} == {
        1: ("execution.running", None),
        2: ("task.completed", "gate"),
        3: ("task.completed", "say"),
        4: ("execution.completed", None),
    }
    seen = {body["sequence"]: (body["status"], status_of(body)) for body in bodies}
    assert seen[2] == ("RUNNING", ["COMPLETED", "PENDING"])
    assert seen[3] == ("RUNNING", ["COMPLETED", "COMPLETED"])
    assert seen[4] == ("COMPLETED", ["COMPLETED", "COMPLETED"])
    ids = [request.headers["webhook-id"] for request in requests]
    assert len(set(ids)) == 4
    first = next(each for each in log if each["sequence"] == 1)
    assert [each["status_code"] for each in first["tries"]] == [503, 200]
    assert "abc" not in first["url"]
    assert secret not in json.dumps(log)


def test_14_a_cancelled_run_leaves_no_process_and_no_task_behind(door: Door, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = 'sleep 301 & echo "$$ $!" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; wait'
    run = door.start({"title": "Long", "tasks": [shell("long", script, PIDS=str(pids)), say()["tasks"][0]]})
    within(pids.exists, "the start of the step")
    processes = [int(pid) for pid in pids.read_text().split()]
    cancelled = door.client.post(f"{run}/cancel")
    details = door.ended(run)
    again = door.client.post(f"{run}/cancel")

    assert len(processes) == 2
    assert cancelled.status_code == 202
    assert [details["status"], status_of(details)] == ["CANCELLED", ["CANCELLED", "CANCELLED"]]
    assert [again.status_code, again.json()["error"]] == [409, "execution_ended"]
    within(lambda: not any(psutil.pid_exists(pid) for pid in processes), "the end of the processes")


def test_15_loopback_is_refused_unless_it_is_allowed(door: Door, stage: Stage) -> None:
    with stage.receiver_that_answers() as hidden:
        direct = door.task("web.download", {"url": hidden.url})
        redirected = door.task("web.download", {"url": f"{stage.site.url}/to?{hidden.url}"})
        reached = len(hidden.requests)
    allowed = door.task("web.download", {"url": f"{stage.site.url}/to?{stage.site.url}/page"})

    assert [direct["error"]["code"], redirected["error"]["code"]] == ["egress_blocked"] * 2
    assert direct["error"]["final"]
    assert reached == 0
    assert allowed["status"] == "COMPLETED"
