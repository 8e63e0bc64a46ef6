"""Uploaded files go when their time is over, and everybody who asks for one is told so."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.testing.running_server import RunningServer

FILE_INPUT = [{"name": "f", "type": "file"}]


@pytest.fixture(scope="module")
def door(start_server: Callable[..., RunningServer]) -> Iterator[Door]:
    server = start_server(DATAFLOW__FILE_RETENTION="1s")
    with server.client() as client:
        yield Door(client)


def waiting(gate: Path) -> dict[str, Any]:
    script = f"until [ -e {gate} ]; do sleep 0.05; done"
    return {
        "title": "Wait",
        "inputs": FILE_INPUT,
        "tasks": [{"name": "wait", "type": "core.shell", "inputs": {"script": script}}],
        "outputs": [{"name": "same", "value": "{{inputs.f}}"}],
    }


def test_an_old_upload_is_gone_and_its_runs_stay(door: Door, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    other = door.client.post("/files?name=other.txt", content=b"nobody needs this").json()
    file = door.client.post("/files?name=a.txt", content=b"hello").json()
    run = door.start(waiting(gate), {"f": file["file_id"]})
    within(lambda: door.client.get(other["url"]).status_code == 410, "the removal of what nobody uses")
    while_it_lives = door.client.get(file["url"])
    gate.touch()
    details = door.ended(run)
    within(lambda: door.client.get(file["url"]).status_code == 410, "the removal after the run")
    gone = door.client.get(f"/files/{file['file_id']}").json()
    workflow = run.split("/executions")[0]
    again = door.client.post(f"{workflow}/executions", json={"inputs": {"f": file["file_id"]}})
    native = door.client.post(f"/v1{workflow}/executions", json={"inputs": {"f": file["file_id"]}})

    assert while_it_lives.content == b"hello"
    assert details["outputs"]["same"]["file_id"] == file["file_id"]
    assert gone["error"] == "gone"
    assert "was removed on" in gone["message"]
    assert "retention" in gone["message"]
    assert again.status_code == 400
    assert "retention" in again.json()["errors"][0]["message"]
    assert again.json()["errors"][0]["code"] == "unknown_file"
    assert native.status_code == 400
    assert "retention" in native.text
    assert door.client.get(run).json()["inputs"]["f"]["name"] == "a.txt"
    assert door.client.get(f"{run}/outputs/same").content == b"hello"
    assert door.client.delete(f"/files/{file['file_id']}").status_code == 410


def secrets_of(server: RunningServer) -> int:
    with closing(sqlite3.connect(server.directory / "data" / "headrace.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM secrets").fetchone()[0])


def test_a_signing_secret_stays_while_its_run_lives_and_has_told_nothing(
    start_server: Callable[..., RunningServer], stage: Stage, tmp_path: Path
) -> None:
    server = start_server(**stage.settings, WEBHOOKS__LOG_RETENTION="1s")
    gate = tmp_path / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.05; done"
    webhook = {"url": stage.receiver.url, "events": ["failed"], "secret": "whsec_c2VzYW1l"}
    with server.client() as client:
        door = Door(client)
        runs = [
            door.start(
                {"title": "T", "tasks": [{"name": "t", "type": "core.shell", "inputs": {"script": each}}]},
                monitoring={"webhook": webhook},
            )
            for each in (script, "true")
        ]
        before = secrets_of(server)
        door.ended(runs[1])
        within(lambda: secrets_of(server) == 1, "the end of the secret of the run that is over")
        gate.touch()
        door.ended(runs[0])
        within(lambda: secrets_of(server) == 0, "the end of the other one")

    assert before == 2


def test_the_log_of_an_ended_run_goes_and_its_events_stay(
    start_server: Callable[..., RunningServer], stage: Stage
) -> None:
    server = start_server(**stage.settings, WEBHOOKS__LOG_RETENTION="1s")
    document = {"title": "Say", "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}]}
    with server.client() as client:
        door = Door(client)
        monitoring = {"webhook_url": stage.receiver.url, "webhook_secret": "whsec_c2VzYW1l"}
        run = door.start(document, monitoring=monitoring)
        before = secrets_of(server)
        door.ended(run)
        within(lambda: secrets_of(server) == 0, "the end of the signing secret")
        within(lambda: client.get(f"{run}/deliveries").json()["deliveries"] == [], "the end of the log")
        again = client.post(f"{run}/deliveries/1/redeliver")
        events = client.get(f"{run}/events").json()["events"]

    assert before == 1
    assert again.status_code == 404
    assert [each["event"] for each in events][-1] == "execution.completed"
