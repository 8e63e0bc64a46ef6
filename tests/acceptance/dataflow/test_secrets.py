"""Secrets show nowhere: one test per sink, for a run that gives its secret away in every way it can."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.client import Client, InvalidRequest
from headrace.testing.running_server import RunningServer
from headrace.testing.web_server import response

SECRET = "open/sesame+please 4711"
ESCAPED = quote(SECRET, safe="")
BASE64 = base64.b64encode(SECRET.encode()).decode()
BETRAYALS = (SECRET, ESCAPED, BASE64.rstrip("=")[:-1], "sesame", "c2VzYW1l", "please", json.dumps(SECRET))
SIGNING = "whsec_c2lnbmluZy1rZXktdGhhdC1ub2JvZHktc2Vlcw=="
KEY = "sk-nobody-sees-this-0123456789"
SCRIPT = """
printf %.13s "$KEY"; sleep 0.3; echo "${KEY#?????????????}"
printf %s "$KEY" | base64
printf %s "$KEY" | sed 's,/,%2F,g; s,+,%2B,g; s, ,%20,g'; echo
echo "to stderr: $KEY" >&2
head -c 80000 /dev/zero | tr '\\0' x
"""


def document(stage: Stage) -> dict[str, Any]:
    return {
        "title": "Betray",
        "tasks": [
            {
                "name": "tell",
                "type": "core.shell",
                "inputs": {"script": SCRIPT, "env": {"KEY": "{{secrets.door_key}}"}},
            },
            {"name": "say", "type": "echo", "inputs": {"text": "It is {{secrets.door_key}}!"}},
            {
                "name": "fetch",
                "type": "web.download",
                "inputs": {"url": f"{stage.site.url}/missing/{{{{secrets.door_key}}}}"},
            },
            {
                "name": "complete",
                "type": "openai.completion",
                "inputs": {"text": "x", "prompt": "{{secrets.door_key}}"},
                "depends_on": [],
            },
        ],
        "outputs": [{"name": "all", "value": "{{tasks.tell.outputs.stdout}} {{tasks.say.outputs.text}}"}],
    }


class Betrayed:
    """The run, while it went on and after."""

    def __init__(self, run: str, streamed: dict[str, str], bodies: list[bytes]) -> None:
        self.run = run
        self.streamed = streamed
        self.bodies = bodies


@pytest.fixture(scope="module")
def betrayed(door: Door, stage: Stage) -> Betrayed:
    door.client.put("/v1/secrets/door_key", json={"value": SECRET})
    refusal = json.dumps({"error": {"message": f"Wrong key {KEY} for {SECRET}."}})
    stage.openai.script.append(response(refusal, 400, "application/json"))
    streamed: dict[str, str] = {}
    monitoring = {"webhook_url": stage.receiver.url, "webhook_secret": SIGNING}
    before = len(stage.receiver.requests)
    run = door.start(document(stage), headers={"x-openai-key": KEY}, monitoring=monitoring)
    with door.client.stream("GET", f"{run}/tasks/tell/logs", params={"follow": "true"}) as answer:
        streamed["log"] = answer.read().decode()
    headers = {"accept": "text/event-stream"}
    with door.client.stream("GET", f"{run}/events", headers=headers) as answer:
        streamed["events"] = answer.read().decode()
    door.ended(run)

    def delivered() -> bool:
        log = door.client.get(f"{run}/deliveries").json()["deliveries"]
        return bool(log) and all(each["status"] == "DELIVERED" for each in log)

    within(delivered, "delivery")
    bodies = [request.body for request in stage.receiver.requests[before:]]
    return Betrayed(run, streamed, bodies)


def betrayals(text: str) -> list[str]:
    return [each for each in (*BETRAYALS, KEY, SIGNING) if each in text]


def test_the_run_had_the_secret_and_failed_where_it_should(
    door: Door, betrayed: Betrayed, stage: Stage
) -> None:
    details = door.client.get(betrayed.run).json()

    assert [task["status"] for task in details["tasks"]] == ["COMPLETED", "COMPLETED", "FAILED", "FAILED"]
    assert any(SECRET.split("+", maxsplit=1)[0] in request.path for request in stage.site.requests)
    assert any(KEY in (key or "") for _, key, _ in stage.openai.calls)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "/tasks",
        "/tasks/tell",
        "/tasks/say",
        "/tasks/fetch",
        "/tasks/complete",
        "/tasks/tell/outputs/stdout",
        "/tasks/tell/outputs/stderr",
        "/tasks/say/outputs/text",
        "/tasks/tell/logs",
        "/tasks/tell/logs?offset=1&limit=1",
        "/tasks/say/logs",
        "/tasks/complete/logs",
        "/events",
        "/deliveries",
    ],
)
def test_an_answer_shows_a_mask(door: Door, betrayed: Betrayed, rest: str) -> None:
    answer = door.client.get(f"{betrayed.run}{rest}")

    assert answer.status_code == 200
    assert betrayals(answer.text) == []


def test_errors_and_outputs_are_masked_and_not_left_out(door: Door, betrayed: Betrayed) -> None:
    tasks = {task["name"]: task for task in door.client.get(betrayed.run).json()["tasks"]}

    assert tasks["say"]["outputs"] == {"text": "It is ***!"}
    assert "***" in tasks["fetch"]["error"]["message"]
    assert "***" in tasks["complete"]["error"]["message"]
    assert tasks["tell"]["outputs"]["stdout"]["preview"].startswith("***\n***")


def test_a_text_that_is_cut_within_a_secret_shows_nothing_of_it(
    door: Door, betrayed: Betrayed, stage: Stage
) -> None:
    said = json.dumps({"error": {"message": "x" * 471 + KEY}})
    stage.openai.script.append(response(said, 400, "application/json"))
    script = f"printf %s \"$KEY\" >&2; head -c {4096 - len(SECRET) + 1} /dev/zero | tr '\\0' x >&2; exit 3"
    shell = {"script": script, "env": {"KEY": "{{secrets.door_key}}"}}
    tasks = [
        {"name": "tell", "type": "core.shell", "inputs": shell},
        {
            "name": "complete",
            "type": "openai.completion",
            "inputs": {"text": "x", "prompt": "x"},
            "depends_on": [],
        },
    ]

    assert betrayed.run
    run = door.start({"title": "Cut", "tasks": tasks}, headers={"x-openai-key": KEY})
    details = door.ended(run)
    messages = [task["error"]["message"] for task in details["tasks"]]

    assert messages[0] == "The step ended with exit code 3.\n…***" + "x" * 4074
    assert messages[1].endswith(" answered 400: " + "x" * 471 + "***…")


def test_the_native_answers_show_a_mask(door: Door, betrayed: Betrayed) -> None:
    url = f"/v1/executions/{betrayed.run.rsplit('/', 1)[1]}"
    answers = [
        door.client.get(f"{url}{rest}")
        for rest in ("", "/tasks/tell", "/tasks/tell/logs", "/tasks/tell/logs?stream=stderr", "/events")
    ]
    parts = [
        door.client.get(f"{url}/tasks/tell/logs", headers={"range": f"bytes={at}-{at + 9}"}).text
        for at in range(0, 90, 5)
    ]

    assert [each.status_code for each in answers] == [200] * 5
    assert [found for each in answers for found in betrayals(each.text)] == []
    assert [found for part in parts for found in betrayals(part)] == []


@pytest.mark.parametrize("stream", ["log", "events"])
def test_a_stream_shows_a_mask(betrayed: Betrayed, stream: str) -> None:
    assert betrayed.streamed[stream].count("data:") > 2
    assert betrayals(betrayed.streamed[stream]) == []


def test_webhooks_show_a_mask(betrayed: Betrayed) -> None:
    assert len(betrayed.bodies) == 6
    assert [found for body in betrayed.bodies for found in betrayals(body.decode())] == []


def test_the_log_of_the_server_shows_nothing(server: RunningServer, betrayed: Betrayed) -> None:
    assert betrayals(server.log) == []


def test_the_database_and_the_artifacts_hold_nothing(server: RunningServer, betrayed: Betrayed) -> None:
    data = server.directory / "data"
    files = [file for file in data.rglob("*") if file.is_file() and "attempts" not in file.parts]
    found = {
        str(file.relative_to(data)): hits
        for file in files
        if (hits := [each for each in (*BETRAYALS, KEY, SIGNING) if each.encode() in file.read_bytes()])
    }

    assert [file for file in files if file.suffix == ".db" or "wal" in file.name]
    assert found == {}


def test_the_key_of_the_header_is_in_no_file_at_all(server: RunningServer, betrayed: Betrayed) -> None:
    files = [file for file in server.directory.rglob("*") if file.is_file()]

    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
    assert [file for file in files if base64.b64encode(KEY.encode())[:-4] in file.read_bytes()] == []


@pytest.mark.parametrize("instead", ["nothing", "a stored key", "no need of a key"])
def test_the_key_is_gone_after_a_restart(start_server: Any, stage: Stage, instead: str) -> None:
    required = "false" if instead == "no need of a key" else "true"
    server: RunningServer = start_server(**stage.settings, OPENAI__KEY_REQUIRED=required)
    before = len(stage.openai.calls)
    with server.client() as client:
        if instead == "a stored key":
            client.put("/v1/secrets/openai_api_key", json={"value": "sk-of-somebody-else-0123456789"})
        wait = {"name": "wait", "type": "core.shell", "inputs": {"script": "sleep 1.5"}}
        ask = {
            "name": "ask",
            "type": "openai.completion",
            "inputs": {"text": "{{tasks.wait.outputs.stdout}}x", "prompt": "y"},
        }
        run = Door(client).start({"title": "Lost", "tasks": [wait, ask]}, headers={"x-openai-key": KEY})
        within(lambda: client.get(run).json()["tasks"][0]["status"] == "RUNNING", "the start of the step")
    server.kill()
    began = time.monotonic()
    server.start_again()
    with server.client() as client:
        details = Door(client).ended(run)

    assert time.monotonic() - began < 20
    assert details["tasks"][1]["error"]["code"] == "credential_lost"
    assert details["tasks"][1]["error"]["final"]
    assert stage.openai.calls[before:] == []


FORMER = "of-yesterday-0123456789"


@pytest.mark.parametrize("then", ["replaced", "deleted"])
@pytest.mark.parametrize("dies", [False, True], ids=["alive", "killed"])
def test_a_secret_that_was_replaced_or_deleted_meanwhile_shows_nowhere(
    start_server: Any, then: str, dies: bool
) -> None:
    server: RunningServer = start_server()
    script = 'echo "T=$T"; while ! test -e go; do sleep 0.02; done; echo "again $T" >&2; pwd'
    keeps = {
        "name": "keeps",
        "type": "core.shell",
        "inputs": {
            "script": script.replace("go", "$GO"),
            "env": {"T": "{{secrets.t}}", "GO": "{{inputs.go}}"},
        },
    }
    says = {"name": "says", "type": "echo", "inputs": {"text": "got {{tasks.keeps.outputs.stdout}}"}}
    document = {
        "title": "Keeps",
        "inputs": [{"name": "go", "type": "text"}],
        "tasks": [keeps, says],
        "outputs": [{"name": "all", "value": "{{tasks.says.outputs.text}}"}],
    }
    go = server.directory / "go"
    with server.client() as client:
        client.put("/v1/secrets/t", json={"value": FORMER})
        run = Door(client).start(document, {"go": str(go)})
        within(lambda: "***" in client.get(f"{run}/tasks/keeps/logs").text, "the first line")
        if then == "replaced":
            client.put("/v1/secrets/t", json={"value": "of-today-0123456789"})
        else:
            client.delete("/v1/secrets/t")
    if dies:
        server.kill()
        server.start_again()
    go.touch()
    with server.client() as client:
        details = Door(client).ended(run)
        shown = [
            client.get(path).text
            for path in (run, f"{run}/tasks/keeps/logs", f"{run}/tasks/keeps", f"{run}/events", "/v1/secrets")
        ]

    assert details["status"] == "COMPLETED", details
    assert [text for text in shown if FORMER in text] == []
    assert "again ***" in shown[1]
    files = [
        file for file in server.directory.glob("data/headrace.db*") if FORMER.encode() in file.read_bytes()
    ]
    assert files == []


NATIVE_KEY = "sk-native-nobody-sees-this-0123456789"


def test_the_native_doors_take_the_key_of_the_header_and_keep_it_nowhere(
    server: RunningServer, stage: Stage
) -> None:
    echo = {
        "title": "Echo the key",
        "inputs": [{"name": "text", "type": "text"}],
        "tasks": [
            {
                "name": "complete",
                "type": "openai.completion",
                "inputs": {"text": "{{inputs.text}}", "prompt": "y"},
            }
        ],
        "outputs": [{"name": "said", "value": "{{tasks.complete.outputs.completion}}"}],
    }
    with Client(server.url, server.token) as client:
        before = len(stage.openai.calls)
        workflow = client.create_workflow(echo)
        stage.openai.script.append(response(json.dumps({"error": {"message": f"Bad {NATIVE_KEY}"}}), 400))
        started = client.start(workflow.number, {"text": "x"}, openai_key=NATIVE_KEY)
        failed = client.execution(started.number, wait=20)
        again = client.rerun(started.number, openai_key=NATIVE_KEY)
        ended = client.execution(again.number, wait=20)
        tried = client.try_task("openai.completion", {"text": "x", "prompt": "y"}, openai_key=NATIVE_KEY)
        alone = client.execution(tried.number, wait=20)
        with pytest.raises(InvalidRequest, match="problem"):
            client.start(workflow.number, {"text": "x"})
        with pytest.raises(InvalidRequest, match="problem"):
            client.rerun(started.number)
        shown = msgspec.json.encode([failed, ended, alone, list(client.events(started.number))])

    used = [authorization for _, authorization, _ in stage.openai.calls[before:]]
    assert [failed.state, ended.state, alone.state] == ["failed", "succeeded", "succeeded"]
    assert used == [f"Bearer {NATIVE_KEY}"] * 3
    assert NATIVE_KEY.encode() not in shown
    assert NATIVE_KEY not in server.log
    files = [file for file in server.directory.rglob("*") if file.is_file()]
    assert [file for file in files if NATIVE_KEY.encode() in file.read_bytes()] == []
