"""The delivery log of the native API, against a real receiver."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from headrace.testing.running_server import RunningServer
from headrace.testing.webhook_receiver import receive

NOTHING = {"title": "Nothing", "tasks": [{"name": "nothing", "type": "core.noop"}]}
EVENTS = ["execution.running", "task.completed", "execution.completed"]
DEADLINE = 20.0


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(EGRESS_ALLOW="127.0.0.1")


def told(client: httpx2.Client, url: str) -> str:
    """Run to the end, telling this receiver, and return the native path of the run."""
    workflow = client.post("/workflows", json=NOTHING).json()["workflow_id"]
    sent = {"monitoring": {"webhook_url": url}}
    run = client.post(f"/workflows/{workflow}/executions", json=sent).json()["workflow_execution_id"]
    path = f"/v1/executions/{run}"
    assert client.get(path, params={"wait": DEADLINE}).json()["state"] == "succeeded"
    return path


def log_of(client: httpx2.Client, run: str, is_full: Callable[[list[Any]], bool]) -> list[dict[str, Any]]:
    """Return the whole log, page by page, as soon as it has what is waited for."""
    deadline = time.monotonic() + DEADLINE
    while True:
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get(f"{run}/deliveries", params={"limit": 2, **cursor}).json()
            items += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        if is_full(items):
            return items
        assert time.monotonic() < deadline, f"only this was told: {items}"


def delivered(log: list[Any]) -> bool:
    return len(log) == len(EVENTS) and all(each["state"] == "delivered" for each in log)


async def test_the_log_tells_every_try_and_can_tell_again(server: RunningServer) -> None:
    async with receive(503) as receiver:
        with server.client() as client:
            run = await asyncio.to_thread(told, client, receiver.url)
            log = await asyncio.to_thread(log_of, client, run, delivered)
            again = await asyncio.to_thread(client.post, f"/v1/deliveries/{log[1]['number']}/redeliver")
            await receiver.received(5)
            later = await asyncio.to_thread(
                log_of, client, run, lambda log: delivered(log) and len(log[1]["tries"]) == 2
            )

    assert [each["event"] for each in log] == EVENTS
    assert [each["sequence"] for each in log] == [1, 2, 3]
    assert [each["status_code"] for each in log[0]["tries"]] == [503, 200]
    assert (again.status_code, again.json()["number"]) == (202, log[1]["number"])
    assert len(later[1]["tries"]) == 2


async def test_a_rerun_is_told_under_its_own_id(server: RunningServer) -> None:
    async with receive() as receiver:
        with server.client() as client:
            run = await asyncio.to_thread(told, client, receiver.url)
            rerun = await asyncio.to_thread(client.post, f"{run}/rerun", json={"from": "start"})
            again = await asyncio.to_thread(client.get, rerun.json()["url"], params={"wait": DEADLINE})
            await receiver.received(6)

    ids = [json.loads(request.body)["workflow_execution_id"] for request in receiver.requests]
    assert len(set(ids)) == 2
    assert again.json()["alias"] in ids


def test_the_query_of_a_receiver_is_masked(server: RunningServer) -> None:
    with server.client() as client:
        run = told(client, "http://127.0.0.1:9/hook?token=hidden")
        log = client.get(f"{run}/deliveries").json()["items"]
        shown = client.get(run).json()
        listed = client.get("/v1/executions", params={"workflow": shown["workflow"]}).json()["items"]
        events = client.get(f"{run}/events").json()["events"]
        rerun = client.post(f"{run}/rerun", json={"from": "start"}).json()["url"]
        again = client.get(f"{rerun}/deliveries").json()["items"]

    address = "http://127.0.0.1:9/hook?***"
    assert {each["url"] for each in (*log, *again)} == {address}
    assert {each["labels"]["webhook"] for each in (shown, *listed, events[0])} == {address}
    assert "hidden" not in json.dumps([log, shown, listed, events])


def test_what_there_is_not_cannot_be_told_again(server: RunningServer) -> None:
    with server.client() as client:
        unknown = client.post("/v1/deliveries/999999999/redeliver")
        run = told(client, "http://127.0.0.1:9/hook")
        crooked = client.get(f"{run}/deliveries", params={"cursor": "x"})

    assert unknown.status_code == 404
    assert (crooked.status_code, crooked.json()["problems"][0]["code"]) == (400, "invalid_value")
