"""The two webhooks of AkoFlow, as a receiver sees them: keys and types exactly as documented."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from standardwebhooks import Webhook

from headrace.testing.running_server import RunningServer
from headrace.testing.webhook_receiver import receive

API = "/akoflow-api/workflows"
PATIENCE = 30.0
SECRET = "whsec_c2VjcmV0IG9mIG9uZSBydW4gaW4gdGhlIHRlc3Rz"


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(EGRESS_ALLOW="127.0.0.1")


def submit(server: RunningServer, text: str) -> int:
    with server.client() as http:
        answer = http.post("/workflows", json={"workflow": base64.b64encode(text.encode()).decode()})
        assert answer.status_code == 200, answer.text
        found: int = answer.json()["workflow_id"]
        return found


def look(server: RunningServer, path: str) -> Any:
    with server.client() as http:
        return http.get(f"{API}/{path}").json()["data"]


def settled(server: RunningServer, workflow: int, count: int) -> list[dict[str, Any]]:
    """Return the delivery log when so many are in it and none is pending."""
    until = time.monotonic() + PATIENCE
    while True:
        log: list[dict[str, Any]] = look(server, f"{workflow}/webhooks/")
        if len(log) >= count and all(each["state"] != "pending" for each in log):
            return log
        assert time.monotonic() < until, log
        time.sleep(0.05)


def failing(url: str, more: str = "") -> str:
    return f"""
name: told
spec:
  runtime: local
  webhooks:
    - {{name: label, url: "{url}"{more}}}
  activities:
    - {{name: a, run: "true", image: a.sif}}
    - {{name: b, run: "exit 3", dependsOn: a}}
    - {{name: c, run: "true", dependsOn: [b, a]}}
"""


async def test_every_activity_is_told_once_and_the_workflow_last(server: RunningServer) -> None:
    async with receive() as receiver:
        text = failing(receiver.url)
        workflow = await asyncio.to_thread(submit, server, text)
        await asyncio.to_thread(settled, server, workflow, 4)
        bodies = [json.loads(request.body) for request in await receiver.received(4)]

    assert len(receiver.requests) == 4
    *activities, last = bodies
    assert last["type"] == "WORKFLOW_DONE"
    assert list(last["data"]) == ["ID", "Namespace", "Runtime", "Name", "RawWorkflow", "Status"]
    assert (last["data"]["ID"], last["data"]["Status"], last["data"]["Name"]) == (workflow, 3, "told")
    assert (last["data"]["Runtime"], last["data"]["Namespace"]) == ("local", "default")
    assert base64.b64decode(last["data"]["RawWorkflow"]).decode() == text
    found = {body["data"]["Name"]: body["data"] for body in activities}
    assert {body["type"] for body in activities} == {"ACTIVITY_COMPLETED"}
    assert {name: each["Status"] for name, each in found.items()} == {"a": 1, "b": 3, "c": 5}
    assert list(found["a"]) == [
        "Id",
        "WorkflowId",
        "Namespace",
        "Name",
        "Image",
        "ResourceK8sBase64",
        "Status",
        "ProcId",
        "DependOnActivity",
        "CreatedAt",
        "StartedAt",
        "FinishedAt",
    ]
    assert found["a"]["WorkflowId"] == workflow
    assert (found["a"]["Image"], found["b"]["Image"]) == ("a.sif", "")
    assert found["a"]["ProcId"].isdecimal()
    assert found["c"]["ProcId"] is None
    assert found["c"]["StartedAt"] is None
    assert found["a"]["DependOnActivity"] is None
    assert found["b"]["DependOnActivity"] == found["a"]["Id"]
    assert found["c"]["DependOnActivity"] is None
    assert all(each["FinishedAt"].endswith("Z") and len(each["FinishedAt"]) == 20 for each in found.values())
    shown = yaml.safe_load(base64.b64decode(found["b"]["ResourceK8sBase64"]))
    assert (shown["name"], shown["run"], shown["dependsOn"]) == ("b", "exit 3", ["a"])
    assert (shown["inputs"], shown["outputs"]) == ([], [])
    assert shown["policy"] == {"maxAttempts": 1, "retryDelay": 10, "timeout": None}


async def test_a_failing_receiver_gets_the_same_id_again_and_signatures_hold(server: RunningServer) -> None:
    with server.client() as http:
        stored = http.put("/v1/secrets/hook", json={"value": SECRET})
        assert stored.status_code < 300, stored.text
    async with receive(500) as receiver:
        text = failing(receiver.url, ", secretRef: hook, events: [WORKFLOW_DONE]")
        workflow = await asyncio.to_thread(submit, server, text)
        [entry] = await asyncio.to_thread(settled, server, workflow, 1)
        requests = await receiver.received(2)

    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert [each["status"] for each in entry["attempts"]] == [500, 200]
    assert (entry["state"], entry["webhook"], entry["type"]) == ("delivered", "label", "WORKFLOW_DONE")
    assert all(Webhook(SECRET).verify(request.body, request.headers) for request in requests)


async def test_the_third_attempt_has_the_same_id_and_the_log_shows_all_three(
    server: RunningServer, tmp_path: Any
) -> None:
    async with receive(500, 500) as receiver:
        text = f"""
name: told
spec:
  runtime: local
  mountPath: {tmp_path}
  webhooks: [{{url: "{receiver.url}", events: [ACTIVITY_COMPLETED]}}]
  activities:
    - {{name: a, run: "true"}}
    - {{name: b, run: "while ! test -e go; do sleep 0.05; done"}}
"""
        workflow = await asyncio.to_thread(submit, server, text)
        first = await receiver.received(2)
        (tmp_path / "go").touch()  # what then arrives makes the waiting third attempt due at once
        log = await asyncio.to_thread(settled, server, workflow, 2)
        requests = await receiver.received(4)

    found = {each["activityId"]: each for each in log}
    assert len({request.headers["webhook-id"] for request in first}) == 1
    again = [each for each in requests if each.headers["webhook-id"] == first[0].headers["webhook-id"]]
    assert len(again) == 3
    assert len({each.body for each in again}) == 1
    assert [each["status"] for each in found[workflow + 1]["attempts"]] == [500, 500, 200]
    assert [each["status"] for each in found[workflow + 2]["attempts"]] == [200]


async def test_a_delivery_is_sent_again_when_asked(server: RunningServer) -> None:
    async with receive() as receiver:
        text = failing(f"{receiver.url}?key=1", ", events: [WORKFLOW_DONE]")
        workflow = await asyncio.to_thread(submit, server, text)
        [entry] = await asyncio.to_thread(settled, server, workflow, 1)
        with server.client() as http:
            again = await asyncio.to_thread(http.post, f"{API}/{workflow}/webhooks/{entry['id']}/redeliver/")
            missing = await asyncio.to_thread(http.post, f"{API}/{workflow}/webhooks/1/redeliver/")
        await receiver.received(2)

    assert entry["url"].endswith("?***")
    assert again.status_code == 202
    assert missing.status_code == 404


async def test_a_cancelled_workflow_tells_of_everything(server: RunningServer) -> None:
    async with receive() as receiver:
        text = failing(receiver.url).replace('"true", image: a.sif', '"sleep 300"')
        workflow = await asyncio.to_thread(submit, server, text)
        with server.client() as http:
            await asyncio.to_thread(http.post, f"{API}/{workflow}/cancel/")
        await asyncio.to_thread(settled, server, workflow, 4)
        bodies = [json.loads(request.body) for request in await receiver.received(4)]

    assert [body["data"]["Status"] for body in bodies] == [4, 4, 4, 4]
    assert bodies[-1]["type"] == "WORKFLOW_DONE"


async def test_webhooks_arrive_although_the_server_was_killed(
    start_server: Callable[..., RunningServer], tmp_path: Any
) -> None:
    server = start_server(EGRESS_ALLOW="127.0.0.1")
    script = "echo x >> runs; while ! test -e go; do sleep 0.05; done"
    async with receive() as receiver:
        text = f"""
name: told
spec:
  runtime: local
  mountPath: {tmp_path}
  webhooks: [{{url: "{receiver.url}"}}]
  activities:
    - {{name: a, run: "{script}"}}
    - {{name: b, run: "echo y >> runs", dependsOn: a}}
"""
        workflow = await asyncio.to_thread(submit, server, text)
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "runs").exists():
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        server.kill()
        await asyncio.to_thread(server.start_again)
        (tmp_path / "go").touch()
        await asyncio.to_thread(settled, server, workflow, 3)
        bodies = [json.loads(request.body) for request in await receiver.received(3)]

    assert (tmp_path / "runs").read_text() == "x\ny\n"
    assert [body["type"] for body in bodies].count("WORKFLOW_DONE") == 1
    assert bodies[-1]["data"]["Status"] == 1


async def test_a_workflow_of_the_native_door_tells_its_webhooks_too(server: RunningServer) -> None:
    async with receive() as receiver:
        text = failing(receiver.url)

        def start() -> int:
            with server.client() as http:
                headers = {"content-type": "application/yaml"}
                made = http.post("/v1/workflows?dialect=akoflow", content=text, headers=headers)
                assert made.status_code == 201, made.text
                begun = http.post(f"/v1/workflows/{made.json()['number']}/executions", json={})
                assert begun.status_code < 300, begun.text
                found: int = begun.json()["number"]
                return found

        workflow = await asyncio.to_thread(start)
        await asyncio.to_thread(settled, server, workflow, 4)
        bodies = [json.loads(request.body) for request in await receiver.received(4)]

    assert bodies[-1]["data"]["ID"] == workflow
    assert base64.b64decode(bodies[-1]["data"]["RawWorkflow"]).decode() == text
