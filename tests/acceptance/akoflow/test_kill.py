"""A large graph half way when the server is killed, twice: nothing is lost, nothing runs twice."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.akoflow.client import Client, by_name, document

from headrace.testing.running_server import RunningServer
from headrace.testing.webhook_receiver import receive

LAYERS, WIDTH = 20, 15


def layered(ledger: Path, url: str) -> str:
    """Return layers of activities, each of which depends on two of the layer before."""
    activities = [
        {
            "name": f"l{layer}-{place}",
            "run": f'echo "l{layer}-{place}" >> {ledger}',
            "dependsOn": [f"l{layer - 1}-{(place + step) % WIDTH}" for step in range(2)] if layer else [],
        }
        for layer in range(LAYERS)
        for place in range(WIDTH)
    ]
    spec = {"runtime": "local", "webhooks": [{"url": url}], "activities": activities}
    return json.dumps({"name": "layers", "spec": spec})


def lines_of(ledger: Path) -> list[str]:
    return ledger.read_text().split() if ledger.exists() else []


async def half_way(ledgers: list[Path], count: int) -> None:
    """Wait until so many activities have run in all."""
    until = time.monotonic() + 60
    while sum(len(lines_of(ledger)) for ledger in ledgers) < count:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_two_layered_workflows_survive_two_kills(
    start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    server = start_server(EGRESS_ALLOW="127.0.0.1", LOCAL__CPUS="4")
    ledgers = [tmp_path / "one", tmp_path / "two"]
    count = LAYERS * WIDTH
    async with receive() as receiver:

        def submit() -> list[int]:
            with server.client() as http:
                return [Client(http).submit(layered(ledger, receiver.url)) for ledger in ledgers]

        workflows = await asyncio.to_thread(submit)
        for part in (count // 2, count):
            await half_way(ledgers, part)
            server.kill()
            await asyncio.to_thread(server.start_again)

        def ends() -> tuple[list[Any], list[Any]]:
            with server.client() as http:
                client = Client(http)
                found = [client.ended(workflow) for workflow in workflows]
                return found, [log_of(client, workflow) for workflow in workflows]

        found, logs = await asyncio.to_thread(ends)

    assert [each["state"] for each in found] == ["succeeded", "succeeded"]
    for ledger in ledgers:
        lines = lines_of(ledger)
        assert Counter(lines).most_common(1)[0][1] == 1
        assert len(lines) == count
        place = {name: index for index, name in enumerate(lines)}
        for name, index in place.items():
            layer, _, column = name[1:].partition("-")
            for step in range(2) if layer != "0" else ():
                assert place[f"l{int(layer) - 1}-{(int(column) + step) % WIDTH}"] < index
    told = {request.headers["webhook-id"]: json.loads(request.body) for request in receiver.requests}
    completed = Counter(body["data"]["Id"] for body in told.values() if body["type"] == "ACTIVITY_COMPLETED")
    ids = [activity["id"] for workflow in found for activity in workflow["spec"]["activities"]]
    assert completed == Counter(ids)
    assert (
        sorted(body["data"]["ID"] for body in told.values() if body["type"] == "WORKFLOW_DONE") == workflows
    )
    assert [len(log) for log in logs] == [count + 1, count + 1]


def test_an_activity_that_ends_without_a_server_ended_when_it_did(
    start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    server = start_server()
    go, over = tmp_path / "go", tmp_path / "over"
    run = f"while ! [ -e {go} ]; do sleep 0.02; done; echo $PPID > {over}"
    with server.client() as http:
        began = time.time()
        workflow = Client(http).submit(document(f"name: a, run: '{run}'", "name: b, run: 'true'"))
        Client(http).until(
            lambda: by_name(Client(http).get(f"{workflow}/")),
            lambda shown: (shown["a"]["state"], shown["b"]["state"]) == ("running", "succeeded"),
        )
    server.kill()
    go.touch()
    until = time.monotonic() + 60
    while not (over.exists() and over.read_text()):
        assert time.monotonic() < until
        time.sleep(0.01)
    over_at = time.time()
    server.start_again()
    with server.client() as http:
        shown = by_name(Client(http).ended(workflow))
        used = Client(http).get(f"{workflow}/activities/{shown['a']['id']}/metrics/")

    # The shell ends a moment after its last line.
    assert used["summary"]["wallSeconds"] < over_at - began + 0.5
    assert [shown[name]["node"] for name in "ab"] == [socket.gethostname()] * 2


def log_of(client: Client, workflow: int) -> Any:
    """Return the delivery log when everything in it has arrived."""
    return client.until(lambda: client.get(f"{workflow}/webhooks/?limit=500"), settled)


def settled(log: list[dict[str, Any]]) -> bool:
    return len(log) == LAYERS * WIDTH + 1 and all(each["state"] == "delivered" for each in log)
