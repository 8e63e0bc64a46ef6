"""Webhooks of a real server to a real receiver, also when the receiver fails and the server is killed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from headrace.testing.running_server import RunningServer
from headrace.testing.web_server import Request
from headrace.testing.webhook_receiver import Receiver, Silence, receive

OPERATOR = "whsec_b3BlcmF0b3Igc2VjcmV0IG9mIHRoZSB0ZXN0cw=="
OF_RUN = "whsec_c2VjcmV0IG9mIG9uZSBydW4gaW4gdGhlIHRlc3Rz"
DEADLINE = 20.0

TWO_TASKS = {
    "title": "Count twice",
    "inputs": [{"name": "text", "type": "text"}],
    "tasks": [
        {"name": "first", "type": "text.size", "inputs": {"text": "{{inputs.text}}"}},
        {"name": "second", "type": "text.size", "inputs": {"text": "{{inputs.text}}"}},
    ],
}
EVENTS = ["execution.running", "task.completed", "task.completed", "execution.completed"]


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(EGRESS_ALLOW="127.0.0.1", WEBHOOK_SECRET=OPERATOR)


def start(server: RunningServer, url: str, **monitoring: Any) -> str:
    """Start a run that tells this receiver, and return the path of the run."""
    with server.client() as client:
        workflow = client.post("/workflows", json=TWO_TASKS).json()["workflow_id"]
        answer = client.post(
            f"/workflows/{workflow}/executions",
            json={"inputs": {"text": "abc"}, "monitoring": {"webhook_url": url, **monitoring}},
        )
        assert answer.status_code == 202, answer.text
        return answer.headers["location"]


def deliveries(server: RunningServer, run: str) -> list[dict[str, Any]]:
    with server.client() as client:
        return client.get(f"{run}/deliveries").json()["deliveries"]  # type: ignore[no-any-return]


def over(server: RunningServer, run: str) -> list[dict[str, Any]]:
    """Return the log of a run's webhook when all has arrived or failed."""
    deadline = time.monotonic() + DEADLINE
    while len(log := deliveries(server, run)) < len(EVENTS) or any(
        entry["status"] == "WAITING" for entry in log
    ):
        assert time.monotonic() < deadline, log
        time.sleep(0.02)
    return log


def bodies(requests: list[Request], secret: str) -> list[dict[str, Any]]:
    """Verify all requests, and return their bodies."""
    return [Webhook(secret).verify(request.body, request.headers) for request in requests]


async def told(receiver: Receiver, server: RunningServer, **monitoring: Any) -> list[dict[str, Any]]:
    """Run to the end, and return the log when everything is in it."""
    run = await asyncio.to_thread(start, server, receiver.url, **monitoring)
    return await asyncio.to_thread(over, server, run)


async def test_a_run_is_told_change_by_change_with_valid_signatures(server: RunningServer) -> None:
    async with receive() as receiver:
        log = await told(receiver, server)

    found = bodies(receiver.requests, OPERATOR)
    assert [body["event"] for body in found] == EVENTS
    assert [body["sequence"] for body in found] == [1, 2, 3, 4]
    assert [entry["status"] for entry in log] == ["DELIVERED"] * 4
    assert [len(entry["tries"]) for entry in log] == [1] * 4
    assert receiver.most_at_once == 1


async def test_a_secret_of_the_run_signs_and_is_never_shown(server: RunningServer) -> None:
    async with receive() as receiver:
        log = await told(receiver, server, webhook_secret=OF_RUN)

    assert len(bodies(receiver.requests, OF_RUN)) == 4
    assert OF_RUN not in json.dumps(log)
    assert OF_RUN not in server.log
    stored = [path for path in server.directory.rglob("*") if path.is_file()]
    assert not any(OF_RUN.encode() in path.read_bytes() for path in stored)


async def test_after_a_503_and_a_kill_every_change_arrives_with_its_id(
    start_server: Callable[..., RunningServer],
) -> None:
    server = await asyncio.to_thread(start_server, EGRESS_ALLOW="127.0.0.1", WEBHOOK_SECRET=OPERATOR)
    async with receive(503, Silence()) as receiver:
        run = await asyncio.to_thread(start, server, receiver.url)
        await receiver.received(2)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start_again)
        log = await asyncio.to_thread(over, server, run)

    found = bodies(receiver.requests, OPERATOR)
    assert sorted({body["sequence"] for body in found}) == [1, 2, 3, 4]
    assert len(found) == 6
    ids = {
        (body["sequence"], request.headers["webhook-id"])
        for body, request in zip(found, receiver.requests, strict=True)
    }
    assert len(ids) == 4
    assert [entry["status"] for entry in log] == ["DELIVERED"] * 4
    assert [attempt["status_code"] for attempt in log[0]["tries"]] == [503, 200]


async def test_a_receiver_that_hangs_delays_no_other(server: RunningServer) -> None:
    async with receive(*[Silence()] * 20) as dead, receive() as alive:
        for _ in range(10):
            await asyncio.to_thread(start, server, dead.url)
        began = time.monotonic()
        await told(alive, server)

        assert time.monotonic() - began < 5.0


async def test_410_ends_the_telling_of_the_run(server: RunningServer) -> None:
    async with receive(410) as receiver:
        log = await told(receiver, server)

    assert len(receiver.requests) == 1
    assert [entry["status"] for entry in log] == ["FAILED"] * 4


async def test_a_delivery_is_sent_again_on_demand(server: RunningServer) -> None:
    async with receive() as receiver:
        run = await asyncio.to_thread(start, server, receiver.url)
        await asyncio.to_thread(over, server, run)
        with server.client() as client:
            answer = await asyncio.to_thread(client.post, f"{run}/deliveries/2/redeliver")
        *_, again = await receiver.received(5)
        log = await asyncio.to_thread(over, server, run)

    assert answer.status_code == 202
    assert again.headers["webhook-id"] == receiver.requests[1].headers["webhook-id"]
    assert len(log[1]["tries"]) == 2


def test_a_query_in_the_address_is_masked_in_the_log(server: RunningServer) -> None:
    run = start(server, "http://127.0.0.1:9/hook?token=hidden-from-the-log")
    [first, *_] = deliveries(server, run)

    assert "hidden" not in json.dumps(first)
    assert "hidden" not in server.log


def test_a_private_address_is_refused_at_the_start(start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    with server.client() as client:
        workflow = client.post("/workflows", json=TWO_TASKS).json()["workflow_id"]
        answer = client.post(
            f"/workflows/{workflow}/executions",
            json={"inputs": {"text": "abc"}, "monitoring": {"webhook_url": "http://127.0.0.1:9/"}},
        )

    assert answer.status_code == 400
    assert [error["code"] for error in answer.json()["errors"]] == ["egress_blocked"]


def test_a_signing_secret_that_is_no_key_keeps_the_server_down(
    start_server: Callable[..., RunningServer],
) -> None:
    with pytest.raises(AssertionError, match="webhook_secret"):
        start_server(WEBHOOK_SECRET="whsec_")
