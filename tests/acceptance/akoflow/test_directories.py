"""Where activities without a `mountPath` work, at every door by which a run can begin."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run
from typing import Any

from tests.acceptance.akoflow.client import API, Client, by_name, document, states

from headrace.testing.running_server import RunningServer

SHARED = document(
    "name: a, run: 'echo 1 > a; pwd'",
    "name: b c, run: 'cat a; pwd; echo $ACTIVITY_ID', dependsOn: a",
)


def started_natively(client: Client, text: str) -> int:
    headers = {"content-type": "application/yaml"}
    made = client.http.post("/v1/workflows?dialect=akoflow", content=text, headers=headers)
    assert made.status_code == 201, made.text
    assert not made.json().get("warnings")
    begun = client.http.post(f"/v1/workflows/{made.json()['number']}/executions", json={})
    assert begun.status_code == 201, begun.text
    found: int = begun.json()["number"]
    return found


def home(server: RunningServer, workflow: int) -> str:
    return str(server.directory / "data" / "akoflow" / "workflows" / str(workflow))


def test_a_run_of_the_native_door_has_one_private_directory(client: Client, server: RunningServer) -> None:
    workflow = started_natively(client, SHARED)
    found = client.ended(workflow)
    shown = by_name(found)

    assert states(found) == {"a": "succeeded", "b c": "succeeded"}
    place = home(server, workflow)
    assert client.log(workflow, shown["b c"]["id"]) == f"1\n{place}\n{shown['b c']['id']}\n"
    assert [each["directory"] for each in shown.values()] == [place, place]


def test_the_ids_of_activities_belong_to_nobody_else(client: Client) -> None:
    many = document(*(f"name: a{n}, run: 'true'" for n in range(20)))
    workflows = [client.ended(started_natively(client, many)) for _ in range(2)]
    workflows.append(client.ended(client.submit(many)))
    ids: list[int] = []
    for each in workflows:
        ids += [each["id"], *(activity["id"] for activity in each["spec"]["activities"])]
        graph: Any = client.http.get(f"/v1/executions/{each['id']}/tasks").json()
        ids += [task["number"] for task in graph["items"]]

    assert len(ids) == len(set(ids))


def test_a_run_of_the_command_line_has_one_private_directory(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(SHARED)
    environment = {"PATH": "/usr/bin:/bin", "HEADRACE_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "headrace.cli", "run", str(tmp_path / "w.yaml")]
    ended = run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 0, ended.stderr + ended.stdout
    [place] = (tmp_path / "data" / "akoflow" / "workflows").iterdir()
    assert [each.name for each in place.iterdir()] == ["a"]


def test_standalone_directories_are_told_apart_by_ids_at_every_door(
    client: Client, server: RunningServer
) -> None:
    text = document(
        "name: a-b, run: 'echo one > one'",
        "name: a b, run: 'cat one; echo two > two', dependsOn: [a-b]",
        "name: a/b, run: 'cat one two; pwd', dependsOn: [a b]",
        spec="runtime: local\nstoragePolicy: {type: standalone}",
    )
    for workflow in (client.submit(text), started_natively(client, text)):
        found = client.ended(workflow)
        shown = by_name(found)
        place = home(server, workflow)

        assert found["state"] == "succeeded", found
        directory = f"{place}/a-b-{shown['a/b']['id']}"
        assert client.log(workflow, shown["a/b"]["id"]) == f"one\ntwo\n{directory}\n"
        assert [each["directory"] for each in shown.values()] == [
            f"{place}/a-b",
            f"{place}/a-b-{shown['a b']['id']}",
            directory,
        ]


def test_a_rerun_works_where_the_first_run_worked(client: Client, server: RunningServer) -> None:
    text = document(
        "name: a b, run: 'echo kept > kept'",
        "name: c, run: 'cat kept && test -e good', dependsOn: a b",
        spec="runtime: local\nstoragePolicy: {type: standalone}",
    )
    workflow = started_natively(client, text)
    first = by_name(client.ended(workflow))
    Path(first["c"]["directory"], "good").touch()
    at_akoflow = client.http.post(f"{API}/{workflow}/rerun/", json={}).json()["workflow_id"]
    again = client.ended(at_akoflow)
    natively = client.http.post(f"/v1/executions/{workflow}/rerun", json={}).json()["number"]
    last = client.ended(natively)

    for found in (again, last):
        assert found["state"] == "succeeded", found
        assert by_name(found)["a b"]["directory"] == first["a b"]["directory"]
    assert first["a b"]["directory"].startswith(home(server, workflow))
