"""`kill -9` of a serving server at arbitrary moments, with clients at its door."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from headrace.testing.running_server import RunningServer

KILLS = 4
DEADLINE = 60.0


def document(ledger: Path) -> dict[str, Any]:
    """Return a workflow whose five steps write their attempt into the ledger, two of them side by side."""
    line = f'echo "$HEADRACE_ATTEMPT_DIR" >> "{ledger}"'

    def step(name: str, *after: str) -> dict[str, Any]:
        return {"name": name, "type": "core.shell", "inputs": {"script": line}, "depends_on": list(after)}

    tasks = [
        step("a"),
        step("b", "a"),
        step("c", "a"),
        {"name": "n", "type": "text.size", "inputs": {"text": "x"}, "depends_on": ["b"]},
        step("d", "b", "c", "n"),
        step("e", "d"),
    ]
    return {"title": "Ledger", "tasks": tasks}


class Submitter(threading.Thread):
    """Starts the workflow again and again, and remembers which starts were acknowledged."""

    def __init__(self, server: RunningServer, workflow: str) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.is_stopped = threading.Event()
        self._server = server
        self._workflow = workflow

    def run(self) -> None:
        while not self.is_stopped.wait(0.02):
            try:
                with self._server.client() as client:
                    answer = client.post(f"/workflows/{self._workflow}/executions", json={})
            except httpx2.HTTPError:
                continue  # the server is away; nothing was acknowledged
            if answer.status_code == 202:
                self.acknowledged.append(answer.json()["workflow_execution_id"])

    def await_another(self) -> None:
        """Return when one more start than now was acknowledged."""
        known, deadline = len(self.acknowledged), time.monotonic() + DEADLINE
        while len(self.acknowledged) == known:
            assert time.monotonic() < deadline, "No start was acknowledged."
            time.sleep(0.01)


def test_whatever_was_acknowledged_ends_and_nothing_runs_twice(
    start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    server = start_server(LOCAL__CPUS="4")
    with server.client() as client:
        made = client.post("/workflows", json=document(ledger)).raise_for_status().json()
    chance = random.Random(7)
    submitter = Submitter(server, made["workflow_id"])
    submitter.start()
    try:
        for _ in range(KILLS):
            submitter.await_another()
            time.sleep(chance.uniform(0, 0.5))  # an arbitrary moment is the point of this test
            server.kill()
            server.start_again()
    finally:
        submitter.is_stopped.set()
        submitter.join()

    with server.client() as client:
        runs = client.get(f"/workflows/{made['workflow_id']}/executions").json()["executions"]
        names = [run["workflow_execution_id"] for run in runs]
        ends = {name: _end(client, made["workflow_id"], name) for name in names}
    attempts = Counter(ledger.read_text().split())

    assert len(submitter.acknowledged) >= KILLS
    assert set(submitter.acknowledged) <= set(ends)
    assert {end["status"] for end in ends.values()} == {"COMPLETED"}
    assert [attempt for attempt, count in attempts.items() if count > 1] == []
    assert len(attempts) == 5 * len(ends)


def _end(client: httpx2.Client, workflow: str, execution: str) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        path = f"/workflows/{workflow}/executions/{execution}"
        found: dict[str, Any] = client.get(path, params={"wait": "10"}).raise_for_status().json()
        if found["status"] not in ("PENDING", "RUNNING"):
            return found
    raise AssertionError(f"{execution} did not end: {found}")
