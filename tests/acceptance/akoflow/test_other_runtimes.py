"""Documents for runtimes that are not this machine as it is, judged by what those can."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.acceptance.akoflow import sdumont_runtime
from tests.acceptance.akoflow.client import GOLDEN, Client, by_name, document

from headrace.testing.running_server import RunningServer

SCRIPT = """
import base64, json, sys, urllib.request

with open(sys.argv[1], "rb") as file:
    body = json.dumps({"workflow": base64.b64encode(file.read()).decode()}).encode()
request = urllib.request.Request("BASE/workflows", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as response:
    print(response.status, response.read().decode())
"""


@pytest.fixture(scope="module")
def site(
    start_server: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory
) -> RunningServer:
    plugins = tmp_path_factory.mktemp("plugins")
    sdumont_runtime.install(plugins)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(plugins))
        return start_server(AKOFLOW__HOST_ROOTS="/data-akoflow", AUTH="off")


@pytest.fixture
def client(site: RunningServer) -> Iterator[Client]:
    with site.client() as http:
        yield Client(http)


def test_the_script_of_the_guide_needs_a_new_base_url_and_nothing_else(
    site: RunningServer, tmp_path: Path
) -> None:
    workflow = tmp_path / "workflow.yaml"
    workflow.write_text(GOLDEN.read_text().replace("https://myhost.com/", "http://127.0.0.1:9/"))
    script = tmp_path / "submit.py"
    script.write_text(SCRIPT.replace("BASE", site.url))
    told = subprocess.run(
        [sys.executable, script, workflow], check=True, capture_output=True, text=True, timeout=60
    ).stdout

    assert told.startswith("200 {")
    assert '"workflow_id":' in told


def test_runtimes_are_listed_with_what_they_can(client: Client) -> None:
    listed = client.http.get("/akoflow-api/runtimes/").json()["data"]
    shown = {each["name"]: each["metadata"]["capabilities"] for each in listed}

    assert sorted(shown) == ["far", "local", "sdumont"]
    assert {"images", "volumes"} <= set(shown["sdumont"])
    assert {"images", "volumes"}.isdisjoint(shown["far"])


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("runtime: sdumont", "image_required"),
        ("runtime: far\nvolumes: ['/data-akoflow:/x']", "volume_unsupported"),
        ("runtime: sdumont\nimage: i\nvolumes: ['/etc:/x']", "host_path_refused"),
        ("runtime: sdumont\nimage: i\nvolumes: ['/data-akoflow/../etc:/x']", "bad_volume"),
    ],
)
def test_what_a_runtime_cannot_is_refused(client: Client, spec: str, code: str) -> None:
    told = client.post(document("name: a, run: 'true'", spec=spec)).json()

    assert [each["code"] for each in told["errors"]] == [code]


def test_a_runtime_of_the_first_activity_is_not_that_of_the_second(client: Client, tmp_path: Path) -> None:
    workflow = client.submit(
        document(
            f"name: a, run: 'pwd', runtime: sdumont, image: a.sif, mountPath: {tmp_path}/a",
            "name: b, run: 'pwd', dependsOn: a",
            spec=f"runtime: local\nmountPath: {tmp_path}/b",
        )
    )
    shown = by_name(client.ended(workflow))

    assert (shown["a"]["runtime"], shown["a"]["image"]) == ("sdumont", "a.sif")
    assert (shown["b"]["runtime"], shown["b"]["image"]) == ("local", "")
    assert client.log(workflow, shown["b"]["id"]) == f"{tmp_path}/b\n"
    assert {each["state"] for each in shown.values()} == {"succeeded"}


def test_the_base_url_may_carry_the_token(start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    packed = base64.b64encode(document("name: a, run: 'true'").encode()).decode()
    with server.client(auth=("any", server.token), headers={"authorization": ""}) as http:
        answer = http.post("/workflows", json={"workflow": packed})

    assert answer.status_code == 200


def test_documents_are_judged_alike_at_every_door(client: Client, site: RunningServer) -> None:
    headers = {"content-type": "application/yaml"}
    path = "/v1/workflows?dialect=akoflow"
    named = client.http.post(
        path, content=document("name: a, run: 'true'", spec="runtime: far"), headers=headers
    )
    bare = document("name: a, run: 'true'", spec=f"runtime: sdumont\nmountPath: {site.directory}/data")
    refused = client.http.post(path, content=bare, headers=headers)

    assert named.status_code == 201
    assert sorted(each["code"] for each in refused.json()["problems"]) == [
        "host_path_refused",
        "image_required",
    ]
