"""What an activity's process is given, and what is told of its end (sections 3.5 and 3.6)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.akoflow.client import Client, by_name, document

from headrace.testing.running_server import RunningServer

ITS_OWN = {
    "WORKFLOW_NAME",
    "WORKFLOW_ID",
    "WORKFLOW_NAMESPACE",
    "ACTIVITY_NAME",
    "ACTIVITY_ID",
    "ACTIVITY_MOUNT_PATH",
    "ACTIVITY_ATTEMPT",
}
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "HEADRACE_ATTEMPT_DIR"}


def test_a_process_sees_what_is_allowed_and_nothing_else(
    start_server: Callable[..., RunningServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    with start_server(AKOFLOW__MAX_RUN="1MiB").client() as http:
        client = Client(http)
        command = '{entrypoint: env, environment: {MINE: "a b", WORKFLOW_ID: "7"}}'
        workflow = client.submit(document("name: a, run: 'env'", f"name: b, command: {command}"))
        shown = by_name(client.ended(workflow))
        logs = {
            name: dict(line.split("=", 1) for line in client.log(workflow, each["id"]).splitlines())
            for name, each in shown.items()
        }

    allowed = {"PATH", "HOME", "LANG", "TZ", "TMPDIR"}
    assert set(logs["a"]) - OF_THE_SHELL == ITS_OWN | allowed
    assert set(logs["b"]) - OF_THE_SHELL == ITS_OWN | allowed | {"MINE"}
    assert (logs["b"]["MINE"], logs["b"]["WORKFLOW_ID"]) == ("a b", str(workflow))
    assert (logs["a"]["TMPDIR"], logs["a"]["ACTIVITY_ATTEMPT"]) == (str(tmp_path), "1")


def test_a_command_sees_variables_that_no_shell_could_hold(client: Client) -> None:
    given = {"spring.x": "1", "a-b": "2", "ü": "3", "PWD": "/foo", "IFS": "x", "OLDPWD": "q", "N": "a\nb"}
    command = json.dumps({"entrypoint": ["env", "-0"], "environment": given}, ensure_ascii=False)
    workflow = client.submit(document(f"name: a, command: {command}"))
    [activity] = client.ended(workflow)["spec"]["activities"]
    seen = dict(entry.split("=", 1) for entry in client.log(workflow, activity["id"]).split("\0") if entry)

    assert {name: seen.get(name) for name in given} == given
    assert set(seen) - OF_THE_SHELL - ITS_OWN - {"PATH", "HOME", "LANG", "TZ", "TMPDIR"} == set(given) - {
        "PWD",
        "OLDPWD",
    }


def test_a_process_has_an_empty_input_and_its_author_chooses_the_options(client: Client) -> None:
    script = "cat; false; echo still here; set -o | grep errexit"
    workflow = client.submit(document(f"name: a, run: '{script}'"))
    [activity] = client.ended(workflow)["spec"]["activities"]

    assert activity["state"] == "succeeded"
    first, second = client.log(workflow, activity["id"]).splitlines()
    assert first == "still here"
    assert second.split() == ["errexit", "off"]


def test_the_end_of_a_process_is_told(client: Client) -> None:
    workflow = client.submit(
        document(
            "name: killed, run: 'kill -9 $$'",
            "name: wordy, run: 'for n in $(seq 30); do echo line $n >&2; done; exit 5'",
            "name: slow, run: 'sleep 60', policy: {timeout: 200ms}",
            "name: tries, run: 'echo $ACTIVITY_ATTEMPT; exit 1', policy: {maxAttempts: 2, retryDelay: 0}",
        ).replace("200ms", "0.2")
    )
    shown = by_name(client.ended(workflow))

    assert (shown["killed"]["state"], shown["killed"]["exitCode"]) == ("failed", 137)
    assert (shown["wordy"]["state"], shown["wordy"]["exitCode"]) == ("failed", 5)
    assert [f"line {n}" for n in range(11, 31)] == [
        line for line in shown["wordy"]["reason"].splitlines() if line.startswith("line ")
    ]
    assert (shown["slow"]["state"], shown["slow"]["status"]) == ("timed_out", 3)
    assert (shown["tries"]["attempt"], client.log(workflow, shown["tries"]["id"])) == (2, "2\n")
