"""Every row of section 7 of the specification at the door, with a real server."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.akoflow.client import API, Client, document
from tests.acceptance.conftest import COMMAND

from headrace.testing.running_server import RunningServer

A = "name: a, run: 'true'"


def spec(text: str) -> str:
    """Return a document that is right but for a line of its spec."""
    return document(A, spec=f"runtime: local\n{text}")


ROWS = {
    "yaml_syntax": "name: w\nspec: [",
    "yaml_many_documents": f"{document(A)}\n---\nname: x",
    "not_a_mapping": "- just\n- a list",
    "duplicate_key": "name: w\nname: x",
    "key_twice": document(A) + "\nruntime: local",
    "yaml_tag": "name: !!python/object:os.system {}",
    "name_missing": document(A).replace("name: w", "name: ''"),
    "spec_missing": "name: w",
    "activities_missing": "name: w\nspec: {runtime: local, activities: []}",
    "wrong_type": document("name: a, run: [x]"),
    "control_character": document('name: "a\\x07", run: x'),
    "duplicate_activity": document(A, A),
    "unknown_dependency": document(A, "name: b, run: x, dependsOn: [c]"),
    "duplicate_dependency": document(A, "name: b, run: x, dependsOn: [a, a]"),
    "dependency_cycle": document("name: a, run: x, dependsOn: b", "name: b, run: x, dependsOn: a"),
    "run_and_command": document("name: a, run: x, command: {entrypoint: x}"),
    "run_too_large": document(f"name: a, run: '{'x' * (4 * 1024 * 1024 + 1)}'"),
    "bad_quantity": document("name: a, run: x, cpuLimit: '0'"),
    "unknown_storage_policy": spec("storagePolicy: {type: heap}"),
    "bad_volume": spec("volumes: ['/a:/b:rx']"),
    "bad_path": spec("mountPath: relative/path"),
    "runtime_not_configured": document(A, spec="runtime: sdumont"),
    "bad_node_selector": document("name: a, run: x, nodeSelector: gpu"),
    "bad_webhook": spec("webhooks: [{name: x}]"),
    "bad_webhook_secret": spec("webhooks: [{url: 'http://example.com', secretRef: nobody}]"),
}
"""Code to a document of which it is the one problem."""

MORE = [
    ("not_a_mapping", document(A) + "\n    - just a text"),
    ("name_missing", document("run: x")),
    ("name_missing", "spec: {activities: [{name: a}]}"),
    ("dependency_cycle", document("name: a, run: x, dependsOn: a")),
    ("bad_quantity", document("name: a, run: x, memoryLimit: 1GiB")),
    ("bad_quantity", document("name: a, run: x, memoryLimit: NaN")),
    ("bad_quantity", document("name: a, run: x, memoryLimit: 500m")),
    ("bad_quantity", spec("storageSize: 1 GB")),
    ("bad_quantity", document("name: a, run: x, policy: {timeout: soon}")),
    ("bad_volume", spec("volumes: ['relative:/b']")),
    ("bad_path", spec("mountPath: /")),
    ("bad_path", spec("mountPath: /a/../b")),
    ("bad_webhook", spec("webhooks: [{url: 'ftp://example.com'}]")),
    ("bad_webhook", spec("webhooks: [{url: 'http://me:secret@example.com/'}]")),
    ("bad_webhook_secret", spec("webhooks: [{url: 'http://example.com', secret: whsec_x}]")),
    ("yaml_too_complex", "[" * 65 + "]" * 65),
]


@pytest.mark.parametrize(("code", "text"), [*ROWS.items(), *MORE])
def test_each_kind_of_bad_document_has_its_code_and_its_place(client: Client, code: str, text: str) -> None:
    answer = client.post(text)

    assert answer.status_code == 400
    told = answer.json()
    assert {each["code"] for each in told["errors"]} == {code}
    assert told["code"] == code
    assert all(each["line"] and each["column"] and each["message"] for each in told["errors"])


@pytest.mark.parametrize("text", [b"name: [", b"\n \xff"], ids=["yaml_syntax", "not_utf8"])
def test_the_place_is_told_once_in_the_sentence(client: Client, text: bytes) -> None:
    assert client.post(text).json()["message"].count("line ") == 1


def test_problems_of_one_document_come_together_and_in_its_order(client: Client) -> None:
    text = """name: w
spec:
  runtime: local
  mountPath: relative
  storagePolicy: {type: heap}
  volumes: ['/a:/b:rx']
  webhooks: [{name: x}]
  activities:
    - {name: a, run: x, cpuLimit: -1, dependsOn: nobody}
    - {name: a, run: x, command: {entrypoint: y}, nodeSelector: gpu}
    - {name: c, run: x, dependsOn: d}
    - {name: d, run: x, dependsOn: c}
"""
    answer = client.post(text).json()

    assert answer["code"] == "invalid_workflow"
    assert answer["errorsTotal"] == len(answer["errors"]) == 10
    assert [each["line"] for each in answer["errors"]] == sorted(each["line"] for each in answer["errors"])
    assert {each["code"] for each in answer["errors"]} == {
        "bad_path",
        "unknown_storage_policy",
        "bad_volume",
        "bad_webhook",
        "bad_quantity",
        "unknown_dependency",
        "duplicate_activity",
        "run_and_command",
        "bad_node_selector",
        "dependency_cycle",
    }
    cycle = next(each for each in answer["errors"] if each["code"] == "dependency_cycle")
    assert "c → d → c" in cycle["message"]


def test_only_the_first_hundred_problems_are_told(client: Client) -> None:
    answer = client.post(document(*(f"name: a{n}, run: x, cpuLimit: -1" for n in range(150)))).json()

    assert (len(answer["errors"]), answer["errorsTotal"]) == (100, 150)


def test_nobody_works_where_the_server_keeps_its_own(client: Client, server: RunningServer) -> None:
    data = server.directory / "data"
    (server.directory / "link").symlink_to(data / "attempts")
    refused = [
        spec(f"mountPath: {data}"),
        spec(f"mountPath: {data}/artifacts/x"),
        spec(f"mountPath: {server.directory}/link"),
        spec(f"mountPath: {server.directory}"),
        spec(f"volumes: ['{data}:/tmp/x']"),
        spec(f"volumes: ['/tmp/x:{data}/attempts']"),
        document(f"name: a, run: x, mountPath: {data}/attempts"),
    ]
    for text in refused:
        told = client.post(text).json()
        assert [each["code"] for each in told["errors"]] == ["host_path_refused"], text
    (server.directory / "later").mkdir()
    headers = {"content-type": "application/yaml"}
    later = spec(f"mountPath: {server.directory}/later")
    made = client.http.post("/v1/workflows?dialect=akoflow", content=later, headers=headers).json()
    (server.directory / "later").rmdir()
    (server.directory / "later").symlink_to(data / "attempts")
    begun = client.http.post(f"/v1/workflows/{made['number']}/executions", json={})
    natively = client.http.post("/v1/workflows?dialect=akoflow", content=refused[1], headers=headers)

    for answer in (begun, natively):
        assert answer.status_code == 400
        assert [each["code"] for each in answer.json()["problems"]] == ["host_path_refused"]
    assert client.ended(client.submit(spec(f"mountPath: {data}/akoflow/mine")))["state"] == "succeeded"


def test_what_is_done_otherwise_than_asked_is_a_warning(client: Client) -> None:
    text = document("name: a, run: 'true', cpuLimit: 4096, nodeSelector: gpu=yes", "name: b, run: 'true'")
    answer = client.post(text).json()
    found = client.ended(answer["id"])

    assert {each["code"] for each in answer["warnings"]} == {"exceeds_capacity", "node_selector_ignored"}
    assert [each["warnings"] for each in found["spec"]["activities"]] == [["exceeds_capacity"], []]
    assert found["state"] == "succeeded"


def test_limits_of_the_operator(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(AKOFLOW__MAX_ACTIVITIES="2", AKOFLOW__MAX_RUN="16", AKOFLOW__MAX_BODY="4KiB")
    chain = ["name: a0", "name: a1, dependsOn: a0", "name: a2, dependsOn: a1"]
    wide = document("name: a", f"name: b, dependsOn: [{', '.join(['a'] * 21)}]")
    with server.client() as http:
        client = Client(http)
        codes = [
            client.post(document(*chain)).json()["code"],
            client.post(wide).json()["code"],
            client.post(document(f"name: a, run: '{'x' * 17}'")).json()["code"],
        ]
        large = client.post(document(f"name: a, run: '{'x' * 5000}'"))

    assert codes == ["too_many_activities", "too_many_edges", "run_too_large"]
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


def test_an_absent_runtime_is_a_problem_where_there_is_no_default(tmp_path: Path) -> None:
    config = tmp_path / "headrace.toml"
    config.write_text('[akoflow]\ndefault_runtime = ""\n')
    with (
        RunningServer.start([*COMMAND, "--config", str(config)], tmp_path) as server,
        server.client() as http,
    ):
        client = Client(http)
        missing = client.post(document(A, spec="namespace: x")).json()
        named = client.post(document("name: a, run: 'true', runtime: local", spec="namespace: x"))

    assert [each["code"] for each in missing["errors"]] == ["runtime_missing"]
    assert named.status_code == 200


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_bad_documents_leave_nothing_behind(client: Client, server: RunningServer) -> None:
    aliases = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    bad = [*(text for _, text in MORE), *(text for code, text in ROWS.items() if code != "run_too_large")]
    for text in (*bad, aliases):
        client.post(text)
    before, listed = resident_bytes(server.pid), client.get("")
    began = time.monotonic()
    for _ in range(10):
        for text in (*bad, aliases):
            assert client.post(text).status_code == 400
    took = time.monotonic() - began

    assert resident_bytes(server.pid) - before < 20 * 1024 * 1024
    assert took < 60
    assert client.get("") == listed
    assert (
        client.http.get("/v1/workflows").json()["items"] == client.http.get("/v1/workflows").json()["items"]
    )
    assert client.ended(client.submit(document(A)))["state"] == "succeeded"


def test_a_store_that_cannot_answer_is_told_and_nothing_is_accepted(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    with server.client() as http:
        client = Client(http)
        [database] = (server.directory / "data").glob("*.db")
        holder = sqlite3.connect(database, isolation_level=None, timeout=30)
        holder.execute("BEGIN IMMEDIATE")
        try:
            answer: Any = client.post(document(A))
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        listed = client.get("")
        later = client.ended(client.submit(document(A)))

    assert answer.status_code == 503
    assert answer.json()["code"] == "store_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert listed == []
    assert later["state"] == "succeeded"


def test_an_id_of_another_dialect_is_nobodys(client: Client) -> None:
    task = {"name": "a", "type": "core.noop"}
    made = client.http.post("/workflows", json={"title": "t", "tasks": [task]}).json()
    run = client.http.post(f"/workflows/{made['workflow_id']}/executions", json={}).json()
    shown = client.http.get(f"/v1/executions/{run['workflow_execution_id']}").json()
    answer = client.http.get(f"{API}/{shown['number']}/")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
