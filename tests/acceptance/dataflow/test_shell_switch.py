"""`local.shell_enabled = false`: no shell step of any dialect, at any door, whenever its run began."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.acceptance.conftest import StartServer
from tests.acceptance.dataflow.stage import Door, within

from headrace.testing.running_server import RunningServer

SETTING = "local.shell_enabled"
SHELL = {"title": "Shell", "tasks": [{"name": "sh", "type": "core.shell", "inputs": {"script": "echo hi"}}]}
AKOFLOW = "name: wf\nspec:\n  mountPath: /tmp/wf\n  activities:\n    - {name: a, run: echo hi}\n"


@pytest.fixture(scope="module")
def forbidding(start_server: StartServer) -> RunningServer:
    return start_server(LOCAL__SHELL_ENABLED="false")


@pytest.fixture(scope="module")
def client(forbidding: RunningServer) -> Iterator[httpx2.Client]:
    with forbidding.client() as client:
        yield client


def test_the_type_is_listed_as_not_available(client: httpx2.Client) -> None:
    listed = {each["type"]: each for each in client.get("/task-types").json()["task_types"]}
    shown = client.get("/v1/task-types/core.shell").json()

    assert listed["core.shell"]["available"] is False
    assert listed["web.extract_text"]["available"] is True
    assert SETTING in shown["unavailable_because"]


def test_a_workflow_with_it_is_created_with_a_warning_and_no_start_is_taken(client: httpx2.Client) -> None:
    made = client.post("/workflows", json=SHELL)
    path = f"/workflows/{made.json()['workflow_id']}"
    started = client.post(f"{path}/executions", json={})
    native = client.post("/v1/workflows", json=SHELL).json()["number"]
    elsewhere = client.post(f"/v1/workflows/{native}/executions", json={})

    assert [each["code"] for each in made.json()["warnings"]] == ["task_type_unavailable"]
    assert SETTING in made.text
    assert [started.status_code, started.json()["error"]] == [400, "invalid_execution"]
    assert [each["code"] for each in started.json()["errors"]] == ["task_type_unavailable"]
    assert elsewhere.status_code == 400
    assert "task_type_unavailable" in elsewhere.text
    assert client.get(f"{path}/executions").json()["executions"] == []


def test_a_trial_is_refused(client: httpx2.Client) -> None:
    tried = client.post("/v1/task-types/core.shell/try", json={"inputs": {"script": "echo hi"}})

    assert tried.status_code == 400
    assert "task_type_unavailable" in tried.text
    assert SETTING in tried.text


def test_the_command_line_refuses_with_the_name_of_the_setting(
    forbidding: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "shell.json").write_text(str(SHELL).replace("'", '"'))
    there = ("task", "run", "core.shell", "-i", "script=echo hi")
    here = ("run", "shell.json", "--set", f"{SETTING}=false")
    said = [
        subprocess.run(
            [sys.executable, "-m", "headrace.cli", *words],
            cwd=tmp_path,
            env={"HEADRACE_URL": forbidding.url, "HEADRACE_TOKEN": forbidding.token},
            capture_output=True,
            text=True,
            check=False,
        )
        for words in (there, here)
    ]

    assert [each.returncode for each in said] == [2, 2]
    assert [SETTING in " ".join(each.stderr.split()) for each in said] == [True, True]


def test_an_akoflow_document_for_this_machine_is_refused(client: httpx2.Client) -> None:
    encoded = base64.b64encode(AKOFLOW.encode()).decode()
    answer = client.post("/akoflow-api/workflows/", json={"workflow": encoded})
    other = client.post(
        "/v1/workflows?dialect=akoflow", content=AKOFLOW, headers={"content-type": "application/yaml"}
    )

    for told in (answer, other):
        assert told.status_code == 400, told.text
        assert "runtime_not_configured" in told.text
        assert SETTING in told.text


def test_a_type_with_a_process_of_its_own_goes_on(client: httpx2.Client) -> None:
    done = Door(client).task("web.extract_text", {"html": "<h1>Hello</h1>"})

    assert done["outputs"] == {"text": "Hello"}


def test_runs_of_before_fail_at_the_shell_step_that_runs_and_at_the_one_to_come(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    mark = str(tmp_path / "mark")
    script = 'echo begun; sleep 30; touch "$MARK"'
    running = {"name": "sh", "type": "core.shell", "inputs": {"script": script, "env": {"MARK": mark}}}
    sleeper: dict[str, Any] = {"title": "Runs", "tasks": [running]}
    waits = {"name": "wait", "type": "core.shell", "inputs": {"script": "exit 1"}}
    patient = waits | {"retry": {"attempts": 3, "delay": 6}}

    with server.client() as client:

        def is_tried(run: str) -> bool:
            tries = client.get(f"{run}/tasks/wait").json().get("tries", ())
            return bool(tries) and tries[0]["status"] == "FAILED"

        door = Door(client)
        first = door.start(sleeper)
        second = door.start({"title": "Tries again", "tasks": [patient]})
        within(lambda: client.get(first).json()["tasks"][0]["status"] == "RUNNING", "the first step")
        within(lambda: is_tried(second), "the first failure")
    server.kill()
    server.settings["LOCAL__SHELL_ENABLED"] = "false"
    server.start_again()
    with server.client() as client:
        failed = [Door(client).ended(run)["tasks"][0] for run in (first, second)]

    assert [task["status"] for task in failed] == ["FAILED", "FAILED"]
    assert [task["error"]["code"] for task in failed] == ["shell_disabled"] * 2
    assert [task["error"]["final"] for task in failed] == [True, True]
    assert all(SETTING in task["error"]["message"] for task in failed)
    assert not Path(mark).exists()


def test_an_akoflow_workflow_of_before_fails_when_it_is_run_again(start_server: StartServer) -> None:
    server = start_server()
    api = "/akoflow-api/workflows/"
    with server.client() as client:
        made = client.post(api, json={"workflow": base64.b64encode(AKOFLOW.encode()).decode()}).json()
        one = f"{api}{made['workflow_id']}/"
        within(lambda: client.get(one).json()["data"]["status"] >= 2, "the first end")
        first = client.get(f"/v1/executions/{made['workflow_id']}").json()
    server.stop()
    server.settings["LOCAL__SHELL_ENABLED"] = "false"
    server.start_again()
    with server.client() as client:
        again = client.post(f"/v1/executions/{first['number']}/rerun", json={"from": "start"})
        assert again.status_code == 201, again.text
        ended = client.get(again.json()["url"], params={"wait": 20}).json()

    assert (first["state"], ended["state"]) == ("succeeded", "failed")
    assert "shell_disabled" in str(ended)
    assert SETTING in str(ended)
