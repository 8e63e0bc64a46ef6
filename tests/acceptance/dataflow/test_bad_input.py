"""The table of bad input (section 9) against a running server: status, error, codes, and the place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.acceptance.dataflow.stage import Door, Stage

from headrace.testing.running_server import RunningServer

SAY = {"name": "say", "type": "echo", "inputs": {"text": "x"}}
PAGE = {"name": "page", "type": "web.download", "inputs": {"url": "https://example.com"}}
SPEAK = {"name": "speak", "type": "openai.audio.text_to_speech", "inputs": {"text": "x"}}


def document(*tasks: Any, **more: Any) -> dict[str, Any]:
    return {"title": "Bad", "tasks": list(tasks or (SAY,)), **more}


def without(field: str, **more: Any) -> dict[str, Any]:
    found = document(**more)
    del found[field]
    return found


def say(text: Any, **more: Any) -> dict[str, Any]:
    return {"name": "b", "type": "echo", "inputs": {"text": text}, **more}


def cut(length: Any, **more: Any) -> dict[str, Any]:
    return {"name": "cut", "type": "text.truncate", "inputs": {"text": "x", "length": length}, **more}


def ask(**inputs: Any) -> dict[str, Any]:
    given = {"text": "x", "prompt": "y", **inputs}
    return {"name": "ask", "type": "openai.completion", "inputs": given}


TEXT_INPUT = {"name": "a", "type": "text"}
WORKFLOWS: list[tuple[str, Any, str, str]] = [
    ("no title", without("title"), "missing_field", ""),
    ("no tasks", without("tasks"), "missing_field", ""),
    ("input without type", document(inputs=[{"name": "a"}]), "missing_field", "/inputs/0"),
    ("output without value", document(outputs=[{"name": "a"}]), "missing_field", "/outputs/0"),
    ("no task at all", document() | {"tasks": []}, "empty", "/tasks"),
    ("empty title", document() | {"title": ""}, "empty", "/title"),
    ("tasks an object", document() | {"tasks": {}}, "invalid_type", "/tasks"),
    (
        "required a text",
        document(inputs=[TEXT_INPUT | {"required": "yes"}]),
        "invalid_type",
        "/inputs/0/required",
    ),
    ("a list", [], "invalid_type", ""),
    ("a text", "workflow", "invalid_type", ""),
    ("name with a space", document(SAY | {"name": "a b"}), "invalid_name", "/tasks/0/name"),
    ("name with a dot", document(SAY | {"name": "a.b"}), "invalid_name", "/tasks/0/name"),
    ("two tasks of one name", document(SAY, SAY), "duplicate_name", "/tasks/1/name"),
    ("two inputs of one name", document(inputs=[TEXT_INPUT, TEXT_INPUT]), "duplicate_name", "/inputs/1/name"),
    (
        "two outputs of one name",
        document(outputs=[{"name": "o", "value": 1}, {"name": "o", "value": 2}]),
        "duplicate_name",
        "/outputs/1/name",
    ),
    ("title and name", document(name="Other"), "conflicting_fields", "/name"),
    ("a slip in a key", document(SAY | {"conditon": True}), "unknown_field", "/tasks/0/conditon"),
    ("a slip in a type", document(PAGE | {"type": "web.downlaod"}), "unknown_task_type", "/tasks/0/type"),
    ("a value type", document(inputs=[{"name": "a", "type": "date"}]), "unknown_type", "/inputs/0/type"),
    (
        "unknown port",
        document(SAY | {"inputs": {"text": "x", "txet": 1}}),
        "unknown_port",
        "/tasks/0/inputs/txet",
    ),
    ("port left out", document(SAY | {"inputs": {}}), "missing_port", "/tasks/0/inputs"),
    (
        "port given twice",
        document(SAY | {"inputs": {"text": "x", "Text": "y"}}),
        "duplicate_port",
        "/tasks/0/inputs/Text",
    ),
    ("unknown input", document(say("{{inputs.nope}}")), "unknown_reference", "/tasks/0/inputs/text"),
    ("unknown task", document(say("{{tasks.nope.outputs.x}}")), "unknown_reference", "/tasks/0/inputs/text"),
    (
        "unknown output",
        document(PAGE, say("{{tasks.page.outputs.nope}}")),
        "unknown_reference",
        "/tasks/1/inputs/text",
    ),
    (
        "unknown dependency",
        document(SAY | {"depends_on": ["nope"]}),
        "unknown_reference",
        "/tasks/0/depends_on/0",
    ),
    (
        "a later task",
        document(say("{{tasks.say.outputs.text}}"), SAY),
        "forward_reference",
        "/tasks/0/inputs/text",
    ),
    ("itself", document(say("{{tasks.b.outputs.text}}")), "cycle", "/tasks/0/inputs/text"),
    ("unclosed", document(say("{{inputs.x")), "invalid_template", "/tasks/0/inputs/text"),
    ("unclosed many times", document(say("{{" * 25_000)), "invalid_template", "/tasks/0/inputs/text"),
    (
        "more than any text has",
        document(say("{{x}}" * 10_001)),
        "invalid_template",
        "/tasks/0/inputs/text",
    ),
    ("nothing inside", document(say("{{}}")), "invalid_template", "/tasks/0/inputs/text"),
    ("filter", document(say("{{inputs.x | upper}}")), "invalid_template", "/tasks/0/inputs/text"),
    ("unknown root", document(say("{{env.HOME}}")), "invalid_template", "/tasks/0/inputs/text"),
    ("outputs in inputs", document(say("{{outputs.x}}")), "reference_not_available", "/tasks/0/inputs/text"),
    (
        "file into text",
        document(say("{{inputs.f}}"), inputs=[{"name": "f", "type": "file"}]),
        "type_mismatch",
        "/tasks/0/inputs/text",
    ),
    (
        "text into number",
        document(cut("{{inputs.a}}"), inputs=[TEXT_INPUT]),
        "type_mismatch",
        "/tasks/0/inputs/length",
    ),
    (
        "output of another type",
        document(SAY, outputs=[{"name": "o", "type": "number", "value": "{{tasks.say.outputs.text}}"}]),
        "type_mismatch",
        "/outputs/0/value",
    ),
    ("length below zero", document(cut(-1)), "invalid_value", "/tasks/0/inputs/length"),
    ("temperature", document(ask(temperature=9)), "invalid_value", "/tasks/0/inputs/temperature"),
    ("no attempts", document(SAY | {"retry": {"attempts": 0}}), "invalid_value", "/tasks/0/retry/attempts"),
    (
        "default of another type",
        document(inputs=[TEXT_INPUT | {"default": 5}]),
        "invalid_type",
        "/inputs/0/default",
    ),
    (
        "condition",
        document(SAY | {"condition": "{{inputs.a}} and {{inputs.a}}"}, inputs=[TEXT_INPUT]),
        "invalid_condition",
        "/tasks/0/condition",
    ),
    (
        "fallback without the output",
        document(
            PAGE | {"fallback": {"task": "echo", "inputs": {"text": "x"}}},
            {"name": "n", "type": "echo", "inputs": {"text": "{{tasks.page.outputs.status}}"}},
        ),
        "fallback_mismatch",
        "/tasks/0/fallback/task",
    ),
]

NESTED = "[" * 80 + "]" * 80
BYTES: list[tuple[str, bytes, str]] = [
    ("broken", b'{"title": ', "invalid_json"),
    ("empty", b"", "invalid_json"),
    ("wrong encoding", b'{"title": "\xff"}', "invalid_json"),
    ("utf-16", '{"title": "x"}'.encode("utf-16"), "invalid_json"),
    ("NaN", b'{"title": NaN}', "invalid_json"),
    ("a key twice", b'{"title": "a", "title": "b"}', "duplicate_key"),
    ("too deep", f'{{"title": {NESTED}}}'.encode(), "too_deep"),
]

WANTING = document(say("{{inputs.a}}"), inputs=[TEXT_INPUT])
STARTS: list[tuple[str, Any, Any, str, str]] = [
    ("a list", WANTING, [], "invalid_type", ""),
    ("a text", WANTING, "x", "invalid_type", ""),
    ("input absent", WANTING, {}, "missing_input", ""),
    ("input null", WANTING, {"inputs": {"a": None}}, "missing_input", "/inputs/a"),
    ("input a number", WANTING, {"inputs": {"a": 5}}, "invalid_type", "/inputs/a"),
    ("undeclared input", WANTING, {"inputs": {"a": "x", "b": 1}}, "unknown_input", "/inputs/b"),
    ("relative webhook", SAY, {"webhook_url": "/hook"}, "invalid_url", "/webhook_url"),
    ("webhook of files", SAY, {"webhook_url": "file:///etc/passwd"}, "invalid_url", "/webhook_url"),
    ("webhook with a user", SAY, {"webhook_url": "https://a:b@example.com/"}, "invalid_url", "/webhook_url"),
    (
        "webhook inside",
        SAY,
        {"monitoring": {"webhook_url": "http://10.0.0.1/hook"}},
        "egress_blocked",
        "/monitoring/webhook_url",
    ),
    ("no key", SPEAK, {}, "missing_credential", ""),
    (
        "unknown file",
        document(
            {"name": "hear", "type": "video.extract_audio", "inputs": {"video": "{{inputs.f}}"}},
            inputs=[{"name": "f", "type": "file"}],
        ),
        {"inputs": {"f": "file-00000000"}},
        "unknown_file",
        "/inputs/f",
    ),
    ("no secret", say("{{secrets.nowhere}}"), {}, "missing_secret", ""),
]


@pytest.fixture(scope="module")
def server(start_server: Any, stage: Stage) -> RunningServer:
    return start_server(**stage.settings, DATAFLOW__MAX_BODY="64KiB")  # type: ignore[no-any-return]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind(door: Door) -> Iterator[None]:
    """After all the bad input the server has only what was accepted, and works."""
    yield
    listed = door.client.get("/workflows").json()["workflows"]
    executions = [door.client.get(f"/workflows/{each['workflow_id']}/executions").json() for each in listed]

    assert {each["title"] for each in listed} <= {"Accepted"}
    assert all(each["executions"] == [] for each in executions)
    assert door.run(document())["status"] == "COMPLETED"


def codes(answer: httpx2.Response) -> list[tuple[str, str]]:
    return [(each["code"], each["path"]) for each in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "code", "path"), [row[1:] for row in WORKFLOWS], ids=[row[0] for row in WORKFLOWS]
)
def test_a_bad_workflow_is_refused_where_it_is_bad(door: Door, body: Any, code: str, path: str) -> None:
    created = door.client.post("/workflows", json=body)
    validated = door.client.post("/workflows/validate", json=body)

    assert created.status_code == 400
    assert created.json()["error"] == "invalid_workflow"
    assert (code, path) in codes(created)
    assert len(codes(created)) == 1, created.text
    assert [validated.status_code, validated.json()["valid"]] == [200, False]
    assert validated.json()["errors"] == created.json()["errors"]


def test_a_loop_is_spelled_out(door: Door) -> None:
    there = {"name": "there", "type": "echo", "inputs": {"text": "{{tasks.back.outputs.text}}"}}
    back = {"name": "back", "type": "echo", "inputs": {"text": "{{tasks.there.outputs.text}}"}}
    answer = door.client.post("/workflows", json=document(there, back))

    assert [code for code, _ in codes(answer)] == ["cycle"]
    assert "there" in answer.json()["errors"][0]["message"]
    assert "back" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("place", "content", "code"),
    [
        pytest.param(place, content, code, id=f"{name} at {place}")
        for name, content, code in BYTES
        for place in ("/workflows", "/workflows/validate", "start")
        if content or place != "start"  # a start may be empty
    ],
)
def test_what_is_no_json_is_refused(door: Door, place: str, content: bytes, code: str) -> None:
    path = f"/workflows/{accepted(door)}/executions" if place == "start" else place
    answer = door.client.post(path, content=content, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_json"
    assert [each for each, _ in codes(answer)] == [code]


def accepted(door: Door, body: Any = None) -> str:
    return door.create({**(body or document()), "title": "Accepted"})


@pytest.mark.parametrize(
    ("body", "sent", "code", "path"), [row[1:] for row in STARTS], ids=[row[0] for row in STARTS]
)
@pytest.mark.parametrize("route", ["executions", "execute"])
def test_a_bad_start_is_refused(door: Door, route: str, body: Any, sent: Any, code: str, path: str) -> None:
    workflow = accepted(door, body if "title" in body else document(body))
    answer = door.client.post(f"/workflows/{workflow}/{route}", json=sent)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_execution"
    assert codes(answer) == [(code, path)]


def test_a_key_that_cannot_be_sent_on_is_refused(door: Door) -> None:
    path = f"/workflows/{accepted(door)}/executions"
    keys = ("sk-\u00e9".encode(), b"sk- a\tb")
    answers = [door.client.post(path, headers=[(b"x-openai-key", key)]) for key in keys]

    assert [(each.status_code, each.json()["error"]) for each in answers] == [(400, "invalid_header")] * 2


@pytest.mark.parametrize("path", ["/workflows", "/workflows/validate"])
def test_too_much_and_the_wrong_kind_are_refused(door: Door, path: str) -> None:
    large = door.client.post(path, json=document(say("x" * 70_000)))
    form = door.client.post(path, data={"title": "x"})
    xml = door.client.post(path, content=b"<x/>", headers={"content-type": "application/xml"})
    ours = door.client.post(
        path,
        content=json.dumps([]).encode(),
        headers={"content-type": "application/vnd.flow+json; charset=utf-8"},
    )

    assert [large.status_code, large.json()["error"], large.json()["errors"]] == [413, "too_large", []]
    assert [form.status_code, form.json()["error"]] == [415, "unsupported_media_type"]
    assert [xml.status_code, xml.json()["error"]] == [415, "unsupported_media_type"]
    assert ours.status_code in {200, 400}


@pytest.mark.parametrize(
    "path",
    [
        "/workflows/wf-00000000",
        "/workflows/wf-00000000/executions",
        "/workflows/nonsense",
        "/workflows/{id}/executions/we-00000000",
        "/workflows/{id}/executions/nonsense/tasks",
        "/workflows/{id}/versions/2",
        "/workflows/{id}/versions/x",
        "/workflows/%00",
        "/workflows/wf-%F0%9F%91%8D",
        "/files/file-00000000",
        "/files/nonsense/content",
        "/task-types/web.downlaod",
        "/workflows/{id}/nonsense",
    ],
)
def test_what_is_not_there_is_not_found(door: Door, path: str) -> None:
    answer = door.client.get(path.replace("{id}", accepted(door)))

    assert [answer.status_code, answer.json()["error"]] == [404, "not_found"]


def test_a_deleted_workflow_is_not_found(door: Door) -> None:
    workflow = accepted(door)
    deleted = door.client.delete(f"/workflows/{workflow}")
    path = f"/workflows/{workflow}"
    answers = [
        door.client.get(path),
        door.client.put(path, json=document()),
        door.client.delete(path),
        door.client.post(f"{path}/executions", json={}),
    ]

    assert deleted.status_code == 204
    assert [each.status_code for each in answers] == [404] * 4


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=%D9%A1",
        "cursor=nonsense",
        "cursor=MTIz",
        "status=DONE",
        "status=",
    ],
)
def test_a_bad_query_is_refused(door: Door, query: str) -> None:
    answer = door.client.get(f"/workflows/{accepted(door)}/executions?{query}")

    assert [answer.status_code, answer.json()["error"]] == [400, "invalid_query"]
    assert [code for code, _ in codes(answer)] == ["invalid_value"]


@pytest.mark.parametrize("path", ["/workflows", "/workflows/validate"])
def test_an_unknown_method_names_the_known_ones(door: Door, path: str) -> None:
    answer = door.client.request("PATCH", path)

    assert [answer.status_code, answer.json()["error"]] == [405, "method_not_allowed"]
    assert "POST" in answer.headers["allow"]


def test_an_old_version_in_if_match_is_refused(door: Door) -> None:
    workflow = accepted(door)
    answer = door.client.put(f"/workflows/{workflow}", json=document(say("new")), headers={"if-match": '"7"'})
    shown = door.client.get(f"/workflows/{workflow}")

    assert [answer.status_code, answer.json()["error"]] == [412, "version_conflict"]
    assert [shown.json()["workflow_version"], shown.headers["etag"]] == [1, '"1"']
