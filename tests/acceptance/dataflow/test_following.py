"""Following runs: changes as a list, as a stream that is taken up again, by webhook; logs by the piece."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.testing.web_server import Request

TWO: dict[str, Any] = {
    "title": "Two",
    "tasks": [
        {"name": "say", "type": "core.shell", "inputs": {"script": "echo one; echo two; echo three >&2"}},
        {"name": "size", "type": "text.size", "inputs": {"text": "{{tasks.say.outputs.stdout}}"}},
    ],
}
CHANGES = ["execution.running", "task.completed", "task.completed", "execution.completed"]


def arrived(stage: Stage, path: str) -> list[Request]:
    return [request for request in stage.receiver.requests if request.path == path]


def streamed(door: Door, path: str, **headers: str) -> list[dict[str, str]]:
    """Read server-sent events to the end of the stream."""
    with door.client.stream("GET", path, headers={"accept": "text/event-stream", **headers}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = answer.read().decode()
    blocks = [block for block in text.split("\n\n") if block.strip() and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_changes_are_numbered_alike_wherever_they_are_told(door: Door, stage: Stage) -> None:
    before = len(stage.receiver.requests)
    run = door.start(TWO, webhook_url=stage.receiver.url)
    live = streamed(door, f"{run}/events")
    door.ended(run)
    listed = door.client.get(f"{run}/events").json()
    late = door.client.get(f"{run}/events", params={"after": 2}).json()
    resumed = streamed(door, f"{run}/events", **{"last-event-id": "3"})
    within(lambda: len(stage.receiver.requests) == before + 4, "four webhooks")
    told = [json.loads(request.body) for request in stage.receiver.requests[before:]]

    assert [each["event"] for each in live] == CHANGES
    assert [json.loads(each["data"]) for each in live] == listed["events"]
    assert listed["complete"]
    assert [each["sequence"] for each in late["events"]] == [3, 4]
    assert [(each["id"], each["event"]) for each in resumed] == [("4", "execution.completed")]
    assert sorted((each["sequence"], each["event"]) for each in told) == list(enumerate(CHANGES, 1))


def test_a_webhook_hears_only_what_it_chose_and_again_what_is_asked_for(door: Door, stage: Stage) -> None:
    chosen = {"url": f"{stage.receiver.url}/chosen", "events": ["completed", "task.failed"]}
    run = door.start(TWO, monitoring={"webhook": chosen})
    door.ended(run)
    (first,) = within(lambda: arrived(stage, "/hook/chosen"), "the webhook")
    again = door.client.post(f"{run}/deliveries/4/redeliver")
    within(lambda: len(arrived(stage, "/hook/chosen")) == 2, "the second one")
    _, second = arrived(stage, "/hook/chosen")
    body = json.loads(first.body)
    pages = [door.client.get(f"{run}/deliveries", params={"limit": 1}).json()]
    while "next_cursor" in pages[-1]:
        params = {"limit": 1, "cursor": pages[-1]["next_cursor"]}
        pages.append(door.client.get(f"{run}/deliveries", params=params).json())

    log = door.client.get(f"{run}/deliveries").json()["deliveries"]
    assert [page["deliveries"] for page in pages] == [[each] for each in log]
    assert [body["sequence"], body["event"], body["status"]] == [4, "execution.completed", "COMPLETED"]
    assert [again.status_code, again.json()["sequence"]] == [202, 4]
    assert second.body == first.body
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert door.client.post(f"{run}/deliveries/1/redeliver").status_code == 404


def test_a_run_started_at_the_other_door_is_told_in_its_words(door: Door, stage: Stage) -> None:
    workflow = door.create(TWO)
    url = f"{stage.receiver.url}/other"
    started = door.client.post(f"/workflows/{workflow}/execute", json={"webhook_url": url})
    door.ended(started.headers["location"])
    first = within(lambda: arrived(stage, "/hook/other"), "the webhook")[0]
    body = json.loads(first.body)

    assert body["execution_id"] == started.json()["execution_id"]


def test_logs_are_read_by_the_piece(door: Door) -> None:
    run = door.start(TWO)
    door.ended(run)
    path = f"{run}/tasks/say/logs"
    whole = door.client.get(path).json()
    first = door.client.get(path, params={"limit": 2}).json()
    rest = door.client.get(path, params={"offset": first["next_offset"]}).json()
    second = door.client.get(path, params={"attempt": 2}).json()

    assert [(line["stream"], line["message"]) for line in whole["lines"]] == [
        ("stdout", "one"),
        ("stdout", "two"),
        ("stderr", "three"),
    ]
    assert whole["complete"]
    assert not first["complete"]
    assert first["lines"] + rest["lines"] == whole["lines"]
    assert second["lines"] == []


def test_tries_and_resolved_inputs_are_told(door: Door, stage: Stage) -> None:
    task = {
        "name": "page",
        "type": "web.download",
        "inputs": {"url": f"{stage.site.url}/flaky/tries"},
        "retry": {"attempts": 3, "delay": 0},
    }
    run = door.start({"title": "Tries", "tasks": [task]})
    door.ended(run)
    shown = door.client.get(f"{run}/tasks/page").json()

    assert shown["inputs"]["url"] == f"{stage.site.url}/flaky/tries"
    assert [(each["attempt"], each["status"]) for each in shown["tries"]] == [
        (1, "FAILED"),
        (2, "FAILED"),
        (3, "FAILED"),
        (4, "COMPLETED"),
    ]
    assert shown["tries"][0]["error"]["status"] == 503


def test_answers_about_a_document_with_capitals_have_keys_in_camel_case(door: Door, stage: Stage) -> None:
    document = {
        "title": "Capitals",
        "inputs": [{"name": "my_text", "type": "text"}],
        "tasks": [{"name": "say_it", "type": "echo", "inputs": {"text": "{{Inputs.my_text}}"}}],
        "outputs": [{"name": "what_it_said", "value": "{{Tasks.say_it.Outputs.text}}"}],
    }
    workflow = door.create(document)
    runs = [door.start_again(workflow, {"my_text": "x"}, webhook_url=stage.receiver.url) for _ in range(2)]
    for run in runs:
        door.ended(run)
    path = f"/workflows/{workflow}"
    answers = [
        door.client.get(each).json()
        for each in (
            f"{path}/executions?limit=1",
            f"{path}/versions",
            *(f"{run}{rest}" for rest in ("", "/tasks", "/events", "/deliveries", "/tasks/say_it/logs")),
        )
    ]

    names_of_users = {"my_text", "what_it_said"}
    assert {key for answer in answers for key in keys_of(answer) if "_" in key} <= names_of_users
    assert "nextCursor" in answers[0]


def keys_of(value: Any) -> list[str]:
    """Return the keys of all objects inside a value."""
    match value:
        case dict():
            return [*value, *(key for inner in value.values() for key in keys_of(inner))]
        case list():
            return [key for inner in value for key in keys_of(inner)]
        case _:
            return []


def test_a_webhook_names_the_files_that_the_run_was_given(door: Door, stage: Stage) -> None:
    file = door.client.post("/files?name=a.txt", content=b"hello").json()
    document = {
        "title": "Pass on",
        "inputs": [{"name": "f", "type": "file"}],
        "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}],
        "outputs": [{"name": "same", "value": "{{inputs.f}}"}],
    }
    hook = f"{stage.receiver.url}/files"
    run = door.start(
        document, {"f": file["file_id"]}, monitoring={"webhook": {"url": hook, "events": ["completed"]}}
    )
    details = door.ended(run)
    (told,) = within(lambda: arrived(stage, "/hook/files"), "the webhook")
    body = json.loads(told.body)

    assert body["inputs"] == details["inputs"] == {"f": file}
    assert body["outputs"] == details["outputs"] == {"same": file}
