"""What activities use: over time, altogether, and when it is more than they may."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.akoflow.client import API, Client, by_name, document

from headrace.testing.running_server import RunningServer

MIB = 1024 * 1024


def python(text: str) -> str:
    """Return a `run` that is a Python program, as a block of the document."""
    command = f"{shlex.quote(sys.executable)} -S -c {shlex.quote(text)}"
    return "'" + command.replace("'", "''") + "'"


def metrics(client: Client, workflow: int, activity: Any, **query: Any) -> Any:
    answer = client.http.get(f"{API}/{workflow}/activities/{activity['id']}/metrics/", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_processor_time_and_memory_are_told_over_time(client: Client) -> None:
    spin = "import time; held = b'x' * 40_000_000\nwhile time.process_time() < 2.3: pass"
    workflow = client.submit(document(f"name: a, run: {python(spin)}".replace("\n", "\n\n      ")))
    [activity] = client.ended(workflow)["spec"]["activities"]
    found = metrics(client, workflow, activity)
    summary = found["summary"]

    assert activity["state"] == "succeeded"
    assert 1 <= len(found["cpu"]) == len(found["memory"]) <= 1000
    assert all(moment.endswith("Z") and 0 < cores < 1.5 for moment, cores in found["cpu"])
    assert max(size for _, size in found["memory"]) > 40_000_000
    assert summary["cpuSeconds"] >= 2.3
    assert 0.2 < summary["avgCpu"] < 1.2
    assert summary["maxMemoryBytes"] >= max(size for _, size in found["memory"])
    assert summary["readBytes"] >= 0
    assert summary["writtenBytes"] >= 0


def test_a_running_activity_has_measurements_so_far(client: Client) -> None:
    workflow = client.submit(document("name: a, run: sleep 600"))
    [activity] = client.get(f"{workflow}/")["spec"]["activities"]
    early = client.until(lambda: metrics(client, workflow, activity), lambda found: found["memory"])
    [row] = client.get(f"{workflow}/metrics/")
    client.http.post(f"{API}/{workflow}/cancel/")
    client.ended(workflow)

    assert early["summary"]["wallSeconds"] >= 1
    assert early["summary"]["maxMemoryBytes"] > 0
    assert early["summary"]["readBytes"] is None
    assert (row["state"], row["finished"]) == ("running", None)
    assert row["maxMemoryBytes"] > 0
    assert row["cpuSeconds"] is not None


def test_an_activity_of_a_moment_has_a_summary(client: Client) -> None:
    workflow = client.submit(document("name: a, run: 'true'", "name: b"))
    shown = by_name(client.ended(workflow))
    a, b = (metrics(client, workflow, shown[name]) for name in "ab")

    assert (a["cpu"], a["memory"]) == ([], [])
    assert a["summary"]["cpuSeconds"] >= 0
    assert a["summary"]["wallSeconds"] > 0
    assert set(b["summary"].values()) == {None}


def test_each_attempt_has_its_own_measurements(client: Client, tmp_path: Path) -> None:
    script = "test -e again && exit; touch again; exit 1"
    policy = "policy: {maxAttempts: 2, retryDelay: 0}"
    workflow = client.submit(document(f"name: a, run: {script}, {policy}", spec=f"mountPath: {tmp_path}"))
    [activity] = client.ended(workflow)["spec"]["activities"]
    path = f"{API}/{workflow}/activities/{activity['id']}/metrics/"
    first, second, last = (
        metrics(client, workflow, activity, **ask) for ask in ({"attempt": 1}, {"attempt": 2}, {})
    )

    assert first != second == last
    assert client.http.get(path, params={"attempt": 3}).status_code == 404
    assert client.http.get(path, params={"attempt": "x"}).status_code == 400


def test_an_activity_that_takes_more_memory_than_its_limit_fails(client: Client) -> None:
    greedy = "import time; held = b'x' * 200_000_000; time.sleep(600)"
    text = document(
        f"name: a, run: {python(greedy)}, memoryLimit: 64Mi, cpuLimit: 1",
        "name: b, run: 'true', dependsOn: a",
    )
    workflow = client.submit(text)
    shown = by_name(client.ended(workflow))

    assert (shown["a"]["state"], shown["a"]["reasonCode"]) == ("failed", "out_of_memory")
    assert (shown["a"]["exitCode"], shown["b"]["state"]) == (137, "skipped")
    assert "64.0 MiB" in shown["a"]["reason"]
    used = client.get(f"{workflow}/activities/{shown['a']['id']}/metrics/")
    assert used["summary"]["maxMemoryBytes"] > 64 * MIB
    assert shown["a"]["limits"]["memory"] in ("watched", "cgroup")
    assert shown["a"]["limits"]["cpu"] in ("packed", "cgroup")


def test_the_processor_time_of_a_killed_child_counts(client: Client) -> None:
    busy = "end = time.time() + 1.5; all(time.time() < end for _ in iter(int, 1))"
    greedy = f"import time; {busy}; held = b'x' * 200_000_000; time.sleep(600)"
    run = python(greedy).removesuffix("'") + "; true'"
    text = document(f"name: a, run: {run}, memoryLimit: 64Mi")
    workflow = client.submit(text)
    shown = by_name(client.ended(workflow))
    used = client.get(f"{workflow}/activities/{shown['a']['id']}/metrics/")

    assert shown["a"]["reasonCode"] == "out_of_memory"
    assert used["summary"]["cpuSeconds"] > 0.2


def test_a_log_above_the_limit_says_that_it_was_cut(start_server: Callable[..., RunningServer]) -> None:
    with start_server(LOCAL__MAX_LOG="1MiB").client() as http:
        client = Client(http)
        workflow = client.submit(document("name: a, run: 'head -c 2000000 /dev/zero; echo short >&2'"))
        [activity] = client.ended(workflow)["spec"]["activities"]
        logs = client.get(f"{workflow}/activities/{activity['id']}/logs/?tail=1")

    assert activity["state"] == "succeeded"
    assert (logs["stdout"]["truncated"], logs["stderr"]["truncated"]) == (True, False)
    assert MIB < logs["stdout"]["size"] < MIB + 100
    assert logs["stdout"]["text"].startswith("[headrace: this log was cut here")
