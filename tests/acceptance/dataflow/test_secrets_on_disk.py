"""Secrets lie nowhere in the data directory, in no form, after a run that was given them in every way."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from tests.acceptance.conftest import StartServer
from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.testing.running_server import RunningServer
from headrace.testing.web_server import response

SECRET = "open/sesame+please 4711"
KEY = "sk-nobody-keeps-this-0123456789"
ENCODED = base64.b64encode(SECRET.encode()).decode()
FORMS = (
    SECRET,
    ENCODED.rstrip("=")[:-1],
    base64.b64encode(f"x{SECRET}".encode()).decode()[2:-4],
    quote(SECRET, safe=""),
    quote_plus(SECRET),
    json.dumps(SECRET)[1:-1],
    KEY,
    base64.b64encode(KEY.encode()).decode()[:-4],
)
PAGE = "<h1>Mill</h1><p>w={{secrets.plain}}</p>"
LONG = "<p>" + "The wheel turns. " * 8000 + "{{secrets.plain}}</p>"
REF = "{{secrets.plain}}"


def tasks(stage: Stage) -> list[dict[str, Any]]:
    url = f"{stage.site.url}/echo"
    asked = {"method": "POST", "url": url, "headers": {"X-Secret": REF}, "body": {"v": REF}}
    given = {
        "echo": ("echo", {"text": f"v={REF}"}),
        "lines": ("echo", {"text": f"a\n{REF}\nb"}),
        "extract": ("web.extract_text", {"html": PAGE}),
        "extract_long": ("web.extract_text", {"html": LONG}),
        "request": ("http.request", asked),
        "request_long": ("http.request", {**asked, "body": {"v": REF, "long": "x" * 80_000}}),
        "complete": ("openai.completion", {"text": "x", "prompt": REF}),
        "fails": ("http.request", {"method": "GET", "url": f"{stage.site.url}/missing/{REF}?q={REF}"}),
        "refused": ("openai.completion", {"text": REF, "prompt": "refuse"}),
        "wrong": ("web.extract_text", {"html": [REF]}),
    }
    return [
        {"name": name, "type": type, "inputs": inputs, "depends_on": []}
        for name, (type, inputs) in given.items()
    ]


@pytest.fixture(scope="module")
def after(start_server: StartServer, stage: Stage) -> Iterator[tuple[RunningServer, dict[str, Any]]]:
    server = start_server(**stage.settings)
    with server.client() as client:
        client.put("/v1/secrets/plain", json={"value": SECRET})
        refusal = json.dumps({"error": {"message": f"Wrong key {KEY} for {SECRET}."}})
        stage.openai.script.append(response(refusal, 400, "application/json"))
        outputs = [{"name": "said", "value": "{{tasks.echo.outputs.text}}"}]
        document = {"title": "Keep", "tasks": tasks(stage), "outputs": outputs}
        run = Door(client).start(document, headers={"x-openai-key": KEY})
        yield server, Door(client).ended(run)


def test_the_tasks_had_the_secret_and_show_a_mask(after: tuple[RunningServer, dict[str, Any]]) -> None:
    found = {task["name"]: task for task in after[1]["tasks"]}

    assert found["echo"]["outputs"] == {"text": "v=***"}
    assert found["extract"]["outputs"]["text"].endswith("w=***")
    assert found["extract_long"]["status"] == "COMPLETED"
    assert "***" in json.dumps(found["request"]["outputs"])
    assert found["request_long"]["status"] == "COMPLETED"
    assert "***" in found["fails"]["error"]["message"]
    assert "FAILED" in {found[name]["status"] for name in ("complete", "refused")}


def test_no_file_of_the_data_directory_holds_them(after: tuple[RunningServer, dict[str, Any]]) -> None:
    files = [file for file in after[0].directory.rglob("*") if file.is_file()]
    found = {
        str(file.relative_to(after[0].directory)): hits
        for file in files
        if (hits := [form for form in FORMS if form.encode() in file.read_bytes()])
    }

    assert found == {}
    assert [file for file in files if file.suffix == ".db"]


def test_what_workers_hand_over_is_removed(after: tuple[RunningServer, dict[str, Any]]) -> None:
    attempts = after[0].directory / "data" / "attempts"
    # A worker handed over what this task told; without it there would be nothing to remove.
    [extract] = [task for task in after[1]["tasks"] if task["name"] == "extract"]

    within(lambda: not list(attempts.rglob("result.msgpack*")), "the removal")

    assert extract["status"] == "COMPLETED"
    assert attempts.is_dir()
    assert list(attempts.rglob("result.msgpack*")) == []


def test_nobody_else_may_enter_where_attempts_are(
    after: tuple[RunningServer, dict[str, Any]],
) -> None:
    attempts = after[0].directory / "data" / "attempts"

    assert stat.S_IMODE(attempts.stat().st_mode) == 0o700


def test_a_result_that_waits_for_the_next_server_holds_no_secret_and_goes_with_it(
    start_server: StartServer,
) -> None:
    server = start_server()
    extract = {"name": "extract", "type": "web.extract_text", "inputs": {"html": PAGE}}
    with server.client() as client:
        client.put("/v1/secrets/plain", json={"value": SECRET})
        run = Door(client).start({"title": "Wait", "tasks": [extract]})
        within(lambda: client.get(run).json()["tasks"][0]["status"] == "RUNNING", "the start")
    server.kill()
    attempts = server.directory / "data" / "attempts"
    [result] = within(lambda: list(attempts.rglob("result.msgpack")), "the result")
    mode, content = stat.S_IMODE(result.stat().st_mode), result.read_bytes()
    server.start_again()
    with server.client() as client:
        details = Door(client).ended(run)

    assert mode == 0o600
    assert [form for form in FORMS if form.encode() in content] == []
    assert details["tasks"][0]["outputs"]["text"].endswith("w=***")
    within(lambda: not list(attempts.rglob("result.msgpack")), "the removal")
