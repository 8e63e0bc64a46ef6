"""Workflows of the Data Flow dialect, started at the native door by the rules of their own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from headrace.testing.running_server import RunningServer

MEASURE = """\
title: Measure
inputs:
  - {name: text, type: text, default: twelve chars}
tasks:
  - name: size
    type: text.size
    inputs: {text: "{{inputs.text}}"}
outputs:
  - {name: size, value: "{{tasks.size.outputs.size}}"}
"""
NOTHING = {"title": "Nothing", "tasks": [{"name": "nothing", "type": "core.noop"}]}
KEEP = NOTHING | {
    "inputs": [{"name": "book", "type": "file", "required": True}],
    "outputs": [{"name": "book", "value": "{{inputs.book}}"}],
}
ASK = {
    "title": "Ask",
    "tasks": [{"name": "ask", "type": "openai.completion", "inputs": {"text": "x", "prompt": "Why?"}}],
}
HELLO = b"hello, file"


@pytest.fixture
def client(running_server: RunningServer) -> Iterator[httpx2.Client]:
    with running_server.client() as client:
        yield client


def created(client: httpx2.Client, document: Any) -> str:
    sent = {"content": document} if isinstance(document, str) else {"json": document}
    answer = client.post("/v1/workflows", **sent)
    assert answer.status_code == 201, answer.text
    return f"/v1/workflows/{answer.json()['number']}/executions"


def refused(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 400, answer.text
    return {problem["code"]: problem["path"] for problem in answer.json()["problems"]}


def test_a_document_in_yaml_runs_with_its_defaults(client: httpx2.Client) -> None:
    shown = client.post(created(client, MEASURE), params={"wait": 20}).json()

    assert (shown["state"], shown["outputs"]) == ("succeeded", {"size": 12})


def test_a_document_in_yaml_is_shown_at_the_doors_of_its_dialect(client: httpx2.Client) -> None:
    made = client.post("/v1/workflows", content=MEASURE).json()

    shown = client.get(f"/workflows/{made['alias']}").json()

    assert shown["inputs"][0]["default"] == "twelve chars"


def test_problems_of_a_document_in_yaml_have_their_places(client: httpx2.Client) -> None:
    answer = client.post("/v1/workflows", content=MEASURE.replace("text.size", "text.sise"))

    (problem,) = answer.json()["problems"]
    assert (problem["path"], problem["line"], problem["column"]) == ("/tasks/0/type", 6, 5)


@pytest.mark.parametrize("form", ["data", "object", "stored"])
def test_a_file_may_be_given_in_every_form_of_the_dialect(client: httpx2.Client, form: str) -> None:
    content = base64.b64encode(HELLO).decode()
    stored = client.post("/files", params={"name": "a.txt"}, content=HELLO).json()
    forms = {
        "data": f"data:text/plain;base64,{content}",
        "object": {"content_base64": content, "name": "a.txt"},
        "stored": stored["file_id"],
    }

    answer = client.post(created(client, KEEP), params={"wait": 20}, json={"inputs": {"book": forms[form]}})

    assert answer.json()["state"] == "succeeded", answer.text


def test_a_file_that_the_document_names_is_looked_up(client: httpx2.Client) -> None:
    stored = client.post("/files", params={"name": "a.txt"}, content=HELLO).json()

    def told(file_id: str) -> set[str]:
        task = {"name": "hear", "type": "openai.audio.transcription", "inputs": {"file": file_id}}
        return set(refused(client.post(created(client, {"title": "Hear", "tasks": [task]}))))

    assert told("file-zzzzzzzz") == {"unknown_file", "missing_credential"}
    assert told(stored["file_id"]) == {"missing_credential"}


def test_everything_that_is_wrong_with_a_start_is_told_at_once(client: httpx2.Client) -> None:
    answer = client.post(created(client, KEEP), json={"inputs": {"book": "file-zzzzzzzz"}})
    absent = client.post(created(client, KEEP))

    assert refused(answer) == {"unknown_file": "/inputs/book"}
    assert refused(absent) == {"missing_input": "/inputs"}


def test_a_missing_credential_is_told_before_anything_runs(client: httpx2.Client) -> None:
    assert refused(client.post(created(client, ASK))) == {"missing_credential": ""}


def test_a_warning_of_a_start_is_told(client: httpx2.Client) -> None:
    answer = client.post(created(client, NOTHING), json={"inputs": {"x": 1}})

    (warning,) = answer.json()["warnings"]
    assert warning["code"] == "input_ignored"


def test_a_label_that_the_server_keeps_is_refused(client: httpx2.Client) -> None:
    answer = client.post(created(client, MEASURE), json={"labels": {"webhook": "http://127.0.0.1:9"}})

    assert refused(answer) == {"reserved_label": "/labels/webhook"}
