"""Headrace as people run it: `headrace serve` as a process, asked over HTTP on one connection.

Here the client's own time counts too, so the client is as plain as one can be.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

DOCUMENT = {"title": "One task", "tasks": [{"name": "only", "type": "core.noop"}]}

LONGEST = 30
"""Seconds after which a request has failed."""

MIB = 1024**2


class Served:
    """A server process, and one connection to it."""

    def __init__(self, directory: Path) -> None:
        """Start it and wait until it is ready."""
        self.missing = 0
        """Executions whose end was told before the store had it."""
        token = secrets.token_urlsafe(32)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [Path(sys.executable).parent / "headrace", "serve", "--port=0", f"--data-dir={directory}"],
            env={**_bare_environment(), "HEADRACE_ADMIN_TOKEN": token},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        address = self._process.stdout.readline().strip()
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=LONGEST)
        while self._status("/readyz") != 200:
            time.sleep(0.01)
        self.start_seconds = time.perf_counter() - started
        """From the start of the process until it says that it is ready."""
        self._seen = psutil.Process(self._process.pid)
        database = f"file:{directory / 'headrace.db'}?mode=ro"
        self._store = sqlite3.connect(database, uri=True, isolation_level=None)

    @property
    def memory(self) -> float:
        """Resident memory, in MiB."""
        return float(self._seen.memory_info().rss) / MIB

    @property
    def most_memory(self) -> float:
        """Most resident memory so far, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return float(line.split()[1]) * 1024 / MIB

    @property
    def cpu_seconds(self) -> float:
        """CPU time so far, in steps of a clock tick (10 ms)."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def create(self) -> str:
        """Create the workflow of one task and return where it is started."""
        answer = self._ask("POST", "/v1/workflows", json.dumps(DOCUMENT))
        return f"/v1/workflows/{answer['number']}/executions"

    def start_and_ask(self, path: str) -> float:
        """Start an execution and ask until it is over: two requests. Return the seconds."""
        begun = time.perf_counter()
        started = self._ask("POST", path)
        execution = self._ask("GET", f"{started['url']}?wait={LONGEST}")
        return self._looked_up(execution, time.perf_counter() - begun)

    def start_and_wait(self, path: str) -> float:
        """Start an execution and wait in the same request. Return the seconds."""
        begun = time.perf_counter()
        execution = self._ask("POST", f"{path}?wait={LONGEST}")
        return self._looked_up(execution, time.perf_counter() - begun)

    def submit(self, document: str) -> tuple[int, float]:
        """Submit an AkoFlow document; return the number of its run, and the seconds until the answer."""
        body = json.dumps({"workflow": base64.b64encode(document.encode()).decode()})
        begun = time.perf_counter()
        answer = self._ask("POST", "/akoflow-api/workflows/", body)
        return int(answer["workflow_id"]), time.perf_counter() - begun

    def wait_for(self, number: int) -> None:
        """Return when a run has succeeded, however long it takes."""
        execution: dict[str, Any] = {"state": "running"}
        while execution["state"] in ("pending", "running"):
            execution = self._ask("GET", f"/v1/executions/{number}?wait={LONGEST - 5}")
        if execution["state"] != "succeeded":
            raise RuntimeError(f"The execution is {execution['state']}.")

    def close(self) -> None:
        """Stop the server."""
        self._store.close()
        self._connection.close()
        self._process.terminate()
        self._process.wait(LONGEST)

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path} was answered {response.status}: {content.decode()}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    def _status(self, path: str) -> int:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        response.read()
        return response.status

    def _looked_up(self, execution: dict[str, Any], seconds: float) -> float:
        """Return the seconds, after a look whether the store has the end that was told."""
        if execution["state"] != "succeeded":
            raise RuntimeError(f"The execution is {execution['state']}.")
        (count,) = self._store.execute(
            "SELECT count(*) FROM executions JOIN task_runs ON task_runs.execution = executions.number"
            " WHERE executions.number = ? AND executions.ended_at IS NOT NULL"
            " AND task_runs.ended_at IS NOT NULL",
            (execution["number"],),
        ).fetchone()
        self.missing += 1 - int(count)
        return seconds


def _bare_environment() -> dict[str, str]:
    """Return the environment without settings; modules stay compiled, as those of an installed server."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HEADRACE_") and name != "PYTHONDONTWRITEBYTECODE"
    }


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    """Serve a data directory; one that does not exist yet is made."""
    server = Served(directory)
    try:
        yield server
    finally:
        server.close()
