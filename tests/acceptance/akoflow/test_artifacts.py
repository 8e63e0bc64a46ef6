"""Files that AkoFlow activities made: downloads, archives, and who made which from which.

Statements 13 and 15 of section 9.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.acceptance.akoflow.client import API, Client, document, states

from headrace.testing.running_server import RunningServer

RULES = Path(__file__).parents[2] / "corpus" / "akoflow" / "wfformat-1.5.rules.json"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hashed(client: Client, workflow: int) -> list[dict[str, Any]]:
    """Return the artifacts of a workflow that has ended, once their contents were read."""
    client.ended(workflow)
    found: list[dict[str, Any]] = client.until(
        lambda: client.get(f"{workflow}/artifacts/?limit=500"),
        lambda found: found and all(each["sha256"] or each.get("superseded") for each in found),
    )
    return found


def test_files_are_listed_and_downloaded_exactly(client: Client, tmp_path: Path) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'mkdir d; head -c 100000 /dev/zero > \"d/ä b\"; printf 0123456789 > x'",
            spec=f"mountPath: {tmp_path}/m",
        )
    )
    found = {each["path"]: each for each in hashed(client, workflow)}
    path = f"{API}/{workflow}/artifacts"
    content = client.http.get(f"{path}/{found['x']['id']}/")
    part = client.http.get(f"{path}/{found['x']['id']}/", headers={"range": "bytes=3-5"})
    tail = client.http.get(f"{path}/{found['x']['id']}/", headers={"range": "bytes=-2"})
    beyond = client.http.get(f"{path}/{found['x']['id']}/", headers={"range": "bytes=10-"})
    known = client.http.get(f"{path}/{found['x']['id']}/", headers={"if-none-match": content.headers["etag"]})

    assert set(found) == {"x", "d/ä b"}
    assert found["x"]["sha256"] == digest(b"0123456789")
    assert found["d/ä b"]["sizeBytes"] == 100_000
    assert (content.content, content.headers["etag"]) == (b"0123456789", f'"{digest(b"0123456789")}"')
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"345", "bytes 3-5/10")
    assert (tail.status_code, tail.content) == (206, b"89")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("format", ["zip", "tar.gz"])
def test_an_archive_unpacks_to_files_with_the_listed_hashes(
    client: Client, tmp_path: Path, format: str
) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'echo 1 > x; mkdir -p d/e; seq 10000 > d/e/f; ln -s x link; echo no > gone'",
            "name: b, run: 'echo 2 >> x; rm gone', dependsOn: a",
            spec=f"mountPath: {tmp_path}/m",
        )
    )
    found = {each["path"]: each["sha256"] for each in hashed_without_links(client, workflow)}
    answer = client.http.get(f"{API}/{workflow}/artifacts/archive/", params={"format": format})
    target = tmp_path / "unpacked"
    if format == "zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            packed.extractall(target)
    else:
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as packed:
            packed.extractall(target, filter="data")

    unpacked = {
        str(each.relative_to(target)): digest(each.read_bytes())
        for each in target.rglob("*")
        if each.is_file()
    }
    missing = unpacked.pop("MISSING.txt")
    assert missing
    assert unpacked == {path: found[path] for path in ("x", "d/e/f")}
    assert unpacked["x"] == digest(b"1\n2\n")
    assert "link: 'link' is a symbolic link" in (target / "MISSING.txt").read_text()


def hashed_without_links(client: Client, workflow: int) -> list[dict[str, Any]]:
    client.ended(workflow)

    def look() -> list[dict[str, Any]]:
        return [each for each in client.get(f"{workflow}/artifacts/?limit=500") if "link" not in each]

    found: list[dict[str, Any]] = client.until(
        look, lambda found: found and all(each["sha256"] or each.get("superseded") for each in found)
    )
    return found


TURNS = (
    "name: first, run: 'echo one > x'",
    "name: second one, run: 'echo two >> x', dependsOn: first",
    "name: third, run: 'cat x > y', inputs: [x], dependsOn: second one",
)
ONE, BOTH = digest(b"one\n"), digest(b"one\ntwo\n")


def changed_in_turn(client: Client, tmp_path: Path) -> int:
    """Run TURNS, where the second activity goes on when the content that the first left is known."""
    gate = f"while ! test -e {tmp_path}/go; do sleep 0.02; done"
    turns = [each.replace("'echo two", f"'{gate}; echo two") for each in TURNS]
    workflow = client.submit(document(*turns, spec=f"mountPath: {tmp_path}/m"))
    client.until(
        lambda: client.get(f"{workflow}/artifacts/"), lambda found: bool(found and found[0]["sha256"])
    )
    (tmp_path / "go").touch()
    hashed(client, workflow)
    return workflow


def test_all_views_name_both_who_changed_a_file_in_turn(client: Client, tmp_path: Path) -> None:
    workflow = changed_in_turn(client, tmp_path)
    graph = client.get(f"{workflow}/storages/list-files/")
    lineage = client.get(f"{workflow}/lineage/?path=y&direction=upstream")
    prov = client.http.get(f"{API}/{workflow}/provenance/?format=prov").json()
    described = client.http.get(f"{API}/{workflow}/provenance/?format=wfformat").json()
    crate = client.http.get(f"{API}/{workflow}/provenance/?format=ro-crate")

    for view in (graph, lineage):
        edges = {(each["from"], each["label"], each["to"], each["sha256"]) for each in view["edges"]}
        assert {
            ("activity:first", "wasGeneratedBy", "file:x", ONE),
            ("file:x", "used", "activity:second one", ONE),
            ("activity:second one", "wasGeneratedBy", "file:x", BOTH),
            ("file:x", "used", "activity:third", BOTH),
            ("activity:third", "wasGeneratedBy", "file:y", BOTH),
        } == edges
    schema = json.loads((files("prov.tests") / "schemas" / "prov-json.schema.json").read_text())
    jsonschema.Draft4Validator(schema).validate(prov)
    labels = {id: each["prov:label"] for id, each in prov["activity"].items()}
    hashes = {id: each.get("headrace:sha256") for id, each in prov["entity"].items()}
    assert {
        (labels[each["prov:activity"]], hashes[each["prov:entity"]])
        for each in prov["wasGeneratedBy"].values()
    } == {("first", ONE), ("second one", BOTH), ("third", BOTH)}
    jsonschema.validate(described, json.loads(RULES.read_text()))
    tasks = {each["name"]: each for each in described["workflow"]["specification"]["tasks"]}
    assert ["x"] == tasks["first"]["outputFiles"] == tasks["second one"]["outputFiles"]
    with zipfile.ZipFile(io.BytesIO(crate.content)) as packed:
        entities = json.loads(packed.read("ro-crate-metadata.json"))["@graph"]
        for each in entities:
            if each["@type"] == "File":
                assert digest(packed.read(each["@id"])) == each["sha256"]
    by_id = {each["@id"]: each for each in entities}
    made = {
        (each["name"], by_id[result["@id"]]["sha256"])
        for each in entities
        if each["@type"] == "CreateAction" and each["@id"].startswith("#activity-")
        for result in [each["result"]]
    }
    assert made == {("first", ONE), ("second one", BOTH), ("third", BOTH)}


def test_an_input_that_an_activity_uses_up_leads_to_what_it_made(client: Client, tmp_path: Path) -> None:
    workflow = client.submit(
        document(
            "name: make, run: 'echo raw > raw.dat'",
            "name: reduce, run: 'gzip -n raw.dat', dependsOn: [make], inputs: [raw.dat]",
            spec=f"mountPath: {tmp_path}/m",
        )
    )
    hashed(client, workflow)
    lineage = client.get(f"{workflow}/lineage/?path=raw.dat.gz")
    prov = client.http.get(f"{API}/{workflow}/provenance/?format=prov").json()
    described = client.http.get(f"{API}/{workflow}/provenance/?format=wfformat").json()

    raw = digest(b"raw\n")
    edges = {(each["from"], each["to"], each["sha256"]) for each in lineage["edges"]}
    assert {("activity:make", "file:raw.dat", raw), ("file:raw.dat", "activity:reduce", raw)} <= edges
    [used] = prov["used"].values()
    assert prov["entity"][used["prov:entity"]]["headrace:sha256"] == raw
    tasks = {each["name"]: each for each in described["workflow"]["specification"]["tasks"]}
    assert tasks["reduce"]["inputFiles"] == ["raw.dat"]


def test_directories_that_lie_in_each_other_share_one_history(client: Client, tmp_path: Path) -> None:
    spec = f"mountPath: {tmp_path}/m"
    workflow = client.submit(
        document(
            "name: a, run: 'mkdir -p sub; echo 1 > sub/f'",
            f"name: b, run: 'echo 2 > f; echo 3 > h', mountPath: {tmp_path}/m/sub, dependsOn: [a]",
            "name: c, run: 'cat sub/f sub/h > out', inputs: [sub/f, sub/h], dependsOn: [b]",
            spec=spec,
        )
    )
    hashed(client, workflow)
    lineage = client.get(f"{workflow}/lineage/?path=out")
    again = client.http.post(f"{API}/{workflow}/rerun/", json={"from": "failed", "dry_run": True})

    edges = {(each["from"], each["to"], each["sha256"], each["certain"]) for each in lineage["edges"]}
    one, two, three = digest(b"1\n"), digest(b"2\n"), digest(b"3\n")
    assert edges == {
        ("activity:a", "file:sub/f", one, True),
        ("file:sub/f", "activity:b", one, True),
        ("activity:b", "file:sub/f", two, True),
        ("activity:b", "file:sub/h", three, True),
        ("file:sub/f", "activity:c", two, True),
        ("file:sub/h", "activity:c", three, True),
        ("activity:c", "file:out", digest(b"2\n3\n"), True),
    }
    assert {each["name"]: each["mode"] for each in again.json()["data"]["activities"]} == {
        "a": "reuse",
        "b": "reuse",
        "c": "reuse",
    }


def test_an_export_is_imported_as_the_same_workflow(client: Client, tmp_path: Path) -> None:
    workflow = client.submit(document(*TURNS, spec=f"mountPath: {tmp_path}/m"))
    hashed(client, workflow)
    described = client.http.get(f"{API}/{workflow}/provenance/?format=wfformat").json()

    answer = client.http.post(f"{API}/import/?format=wfformat&submit=true", json=described)

    again = client.ended(answer.json()["data"]["workflow"]["id"])
    activities = [
        (each["name"], each["run"].strip(), each["dependsOn"]) for each in again["spec"]["activities"]
    ]
    assert activities == [
        ("first", "echo one > x", []),
        ("second one", "echo two >> x", ["first"]),
        ("third", "cat x > y", ["second one"]),
    ]
    assert set(states(again).values()) == {"succeeded"}


def test_standalone_activities_use_what_others_made(client: Client, tmp_path: Path) -> None:
    spec = f"mountPath: {tmp_path}/m\nstoragePolicy: {{type: standalone}}"
    workflow = client.submit(document(*TURNS, spec=spec))
    hashed(client, workflow)

    found = client.get(f"{workflow}/lineage/?path=third/y")
    archive = client.http.get(f"/v1/executions/{workflow}/files/archive")

    place = f"second-one-{workflow + 2}"
    assert {each["id"]: each["type"] for each in found["nodes"]} == {
        "activity:third": "activity",
        f"file:{place}/x": "file",
        "activity:second one": "activity",
        "file:first/x": "file",
        "activity:first": "activity",
        "file:third/y": "file",
    }
    with zipfile.ZipFile(io.BytesIO(archive.content)) as packed:
        assert set(packed.namelist()) == {"first/x", f"{place}/x", "third/y"}


def test_a_content_leads_to_every_workflow_that_touched_it(client: Client, tmp_path: Path) -> None:
    word = os.urandom(8).hex()
    ids = [
        client.submit(
            document(f"name: a, run: 'printf {word} > {name}'", spec=f"mountPath: {tmp_path}/{name}")
        )
        for name in ("x", "y")
    ]
    for each in ids:
        hashed(client, each)

    found = client.http.get("/akoflow-api/lineage/", params={"sha256": digest(word.encode())}).json()["data"]

    assert [(each["workflowId"], each["path"], each["role"]) for each in found] == [
        (ids[0], "x", "made"),
        (ids[1], "y", "made"),
    ]


def test_the_command_line_fetches_files_that_activities_made(
    client: Client, server: RunningServer, tmp_path: Path
) -> None:
    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"HEADRACE_URL": server.url, "HEADRACE_TOKEN": server.token}
        command = [sys.executable, "-m", "headrace.cli", *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
        )

    workflow = changed_in_turn(client, tmp_path)
    listed = json.loads(ask("artifacts", "list", str(workflow), "--json").stdout)
    got = ask("artifacts", "get", str(workflow), "x")
    written = ask("artifacts", "get", str(workflow), "y", "--output", "mine")
    packed = ask("artifacts", "archive", str(workflow), "--output", "all.zip", "--task", "third")

    assert [(each["task"], each["name"], each["sha256"]) for each in listed] == [
        ("first", "x", ONE),
        ("second one", "x", BOTH),
        ("third", "y", BOTH),
    ]
    assert (got.returncode, got.stdout) == (0, "one\ntwo\n")
    assert (written.returncode, (tmp_path / "mine").read_text()) == (0, "one\ntwo\n")
    assert packed.returncode == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.namelist() == ["y"]
    assert ask("artifacts", "get", str(workflow), "nothing").returncode == 3


@pytest.mark.parametrize(("name", "again"), [("y", {"third"}), ("x", {"first", "second one", "third"})])
def test_a_rerun_runs_again_what_left_a_file_that_was_changed(
    client: Client, tmp_path: Path, name: str, again: set[str]
) -> None:
    workflow = client.submit(document(*TURNS, spec=f"mountPath: {tmp_path}/m"))
    hashed(client, workflow)
    (tmp_path / "m" / name).write_text("changed by hand")

    answer = client.http.post(f"{API}/{workflow}/rerun/", json={"dry_run": True})

    native = client.http.post(f"/v1/executions/{workflow}/rerun/plan", json={})

    modes = {each["name"]: each["mode"] for each in answer.json()["data"]["activities"]}
    assert {activity for activity, mode in modes.items() if mode == "run"} == again
    assert {each["task"]: each["mode"] for each in native.json()["tasks"]} == modes
