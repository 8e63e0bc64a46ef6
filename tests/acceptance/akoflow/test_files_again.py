"""What a rerun finds: files and volumes are brought again, as they are now, with a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.akoflow.client import API, Client, document, states


def again(client: Client, workflow: int, **body: Any) -> Any:
    """Run a workflow again, wait for its end and return it."""
    answer = client.http.post(f"{API}/{workflow}/rerun/", json=body)
    assert answer.status_code == 200, answer.text
    return client.ended(answer.json()["workflow_id"])


def planned(client: Client, workflow: int) -> dict[str, str]:
    """Return what a rerun would do with each task, those that move files too."""
    answer = client.http.post(f"/v1/executions/{workflow}/rerun/plan", json={})
    return {each["task"]: each["mode"] for each in answer.json()["tasks"]}


def with_volume(place: Path, *activities: str, mode: str = "rw") -> str:
    volumes = f'["{place}/local:{place}/remote:{mode}"]'
    return document(*activities, spec=f"runtime: local\nmountPath: {place}/remote\nvolumes: {volumes}")


@pytest.mark.parametrize("mode", ["rw", "ro"])
@pytest.mark.parametrize(
    "asked", [{}, {"from": "start"}, {"activities": ["check"]}], ids=["failed", "start", "named"]
)
def test_a_rerun_works_on_the_input_that_was_repaired(
    client: Client, tmp_path: Path, mode: str, asked: dict[str, Any]
) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "input").write_text("bad\n")
    text = with_volume(
        tmp_path,
        "name: make, run: echo made > made",
        "name: check, dependsOn: make, run: grep good input && cat made",
        mode=mode,
    )
    workflow = client.submit(text)
    first = client.ended(workflow)
    (tmp_path / "local" / "input").write_text("good\n")
    found = again(client, workflow, **asked)

    assert states(first) == {"make": "succeeded", "check": "failed"}
    assert states(found) == {"make": "succeeded", "check": "succeeded"}
    assert (tmp_path / "local" / "input").read_text() == "good\n"
    assert (tmp_path / "local" / "made").is_file() == (mode == "rw")


def test_a_rerun_of_what_succeeded_takes_no_newer_file_back(client: Client, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "input").write_text("1\n")
    workflow = client.submit(with_volume(tmp_path, "name: a, run: cat input > copy"))
    client.ended(workflow)
    (tmp_path / "local" / "input").write_text("newer\n")
    found = again(client, workflow, activities=["a"])

    assert found["state"] == "succeeded"
    assert (tmp_path / "local" / "input").read_text() == "newer\n"
    assert (tmp_path / "local" / "copy").read_text() == "newer\n"


def test_what_a_reused_activity_made_of_an_input_stays(client: Client, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "input").write_text("1\n")
    (tmp_path / "local" / "go").write_text("no\n")
    text = with_volume(
        tmp_path,
        "name: a, run: echo 2 >> input",
        "name: b, dependsOn: a, run: grep yes go && cat input",
        mode="ro",
    )
    workflow = client.submit(text)
    client.ended(workflow)
    (tmp_path / "local" / "go").write_text("yes\n")
    found = again(client, workflow)
    b = next(each for each in found["spec"]["activities"] if each["name"] == "b")

    assert found["state"] == "succeeded", found["reason"]
    assert client.log(found["id"], b["id"]) == "yes\n1\n2\n"


def test_an_edit_while_a_workflow_runs_is_not_undone(client: Client, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "settings").write_text("1\n")
    wait = f"touch {tmp_path}/begun; while ! test -e {tmp_path}/go; do sleep 0.02; done; echo 1 > result"
    workflow = client.submit(with_volume(tmp_path, f"name: a, run: '{wait}'"))
    client.until((tmp_path / "begun").exists, bool)
    (tmp_path / "local" / "settings").write_text("edited\n")
    (tmp_path / "go").touch()
    client.ended(workflow)

    assert (tmp_path / "local" / "settings").read_text() == "edited\n"
    assert (tmp_path / "local" / "result").read_text() == "1\n"


CHAIN = (
    "name: a, run: echo a > f",
    "name: b, dependsOn: a, run: 'cat f; echo b >> f; test -e {place}/go'",
    "name: c, dependsOn: b, run: 'cat f'",
)


@pytest.mark.parametrize("asked", [{}, {"activities": ["b"]}], ids=["failed", "named"])
@pytest.mark.parametrize("where", ["\nmountPath: {place}/work", ""], ids=["mounted", "private"])
def test_an_activity_that_runs_again_begins_with_what_its_dependencies_made(
    client: Client, tmp_path: Path, asked: dict[str, Any], where: str
) -> None:
    spec = "runtime: local\nstoragePolicy: {type: standalone}" + where.format(place=tmp_path)
    workflow = client.submit(document(*(each.format(place=tmp_path) for each in CHAIN), spec=spec))
    client.ended(workflow)
    plan = planned(client, workflow)
    (tmp_path / "go").touch()
    once = again(client, workflow, **asked)
    twice = again(client, once["id"], activities=["b"])

    assert plan == {
        "a": "reuse",
        "b": "run",
        "c": "run",
        "files for b": "run",
        "files for c": "run",
    }
    for found in (once, twice):
        logs = [client.log(found["id"], each["id"]) for each in found["spec"]["activities"][1:]]
        assert (found["state"], logs) == ("succeeded", ["a\n", "a\nb\n"])


def test_what_is_reused_gets_no_files_again(client: Client, tmp_path: Path) -> None:
    spec = f"runtime: local\nstoragePolicy: {{type: standalone}}\nmountPath: {tmp_path}"
    workflow = client.submit(document(*(each.format(place=tmp_path) for each in CHAIN), spec=spec))
    (tmp_path / "go").touch()
    client.ended(workflow)

    assert set(planned(client, workflow).values()) == {"reuse"}


def test_what_reruns_themselves_change_is_no_change_from_outside(client: Client, tmp_path: Path) -> None:
    text = document(
        f"name: simulate, run: 'echo ran >> {tmp_path}/count; echo result > table'",
        "name: annotate, dependsOn: simulate, run: 'echo note >> table; false'",
    )
    workflow = client.submit(text)
    client.ended(workflow)
    for _ in range(4):
        found = again(client, workflow)
        workflow = found["id"]

    assert (tmp_path / "count").read_text() == "ran\n"
    assert states(found) == {"simulate": "succeeded", "annotate": "failed"}
    Path(found["spec"]["activities"][0]["directory"], "table").write_text("from outside")
    assert planned(client, workflow)["simulate"] == "run"
