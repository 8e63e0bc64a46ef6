"""The life of workflows, runs and files through the doors, over the real server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import HELLO, SLOW, create, ended, run, token_of

from headrace.app import Server
from headrace.dialects.dataflow.routes import operations


async def test_versions(client: httpx2.AsyncClient) -> None:
    path = f"/workflows/{await create(client)}"
    shown = await client.get(path)
    same = await client.put(path, json=shown.json())
    changed = await client.put(path, json={**HELLO, "title": "New"}, headers={"if-match": '"1"'})
    late = await client.put(path, json=HELLO, headers={"if-match": '"1"'})
    listed = (await client.get(f"{path}/versions")).json()["versions"]

    assert shown.headers["etag"] == '"1"'
    assert [same.json()["workflow_version"], changed.json()["workflow_version"]] == [1, 2]
    assert (late.status_code, late.json()["error"]) == (412, "version_conflict")
    assert [version["workflow_version"] for version in listed] == [2, 1]
    assert (await client.get(f"{path}/versions/1")).json()["title"] == "Hello"
    assert (await client.get(f"{path}/versions/3")).status_code == 404


async def test_a_request_with_a_key_is_done_once(client: httpx2.AsyncClient) -> None:
    headers = {"idempotency-key": "k"}
    first = await client.post("/workflows", json=HELLO, headers=headers)
    second = await client.post("/workflows", json=HELLO, headers=headers)
    other = await client.post("/workflows", json={**HELLO, "title": "x"}, headers=headers)

    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_conflict")


async def test_a_start_with_a_key_is_done_once(client: httpx2.AsyncClient) -> None:
    path = f"/workflows/{await create(client)}/executions"
    sent: dict[str, Any] = {"json": {"inputs": {"text": "x"}}, "headers": {"idempotency-key": "k"}}
    first, second = await client.post(path, **sent), await client.post(path, **sent)

    assert first.content == second.content
    assert first.headers["location"] == second.headers["location"]
    assert len((await client.get(path)).json()["executions"]) == 1


TALK = {"name": "talk.mp3", "content_type": "audio/mpeg", "content_base64": "SUQz"}
TALK_HASH = hashlib.sha256(b"ID3").hexdigest()


@pytest.mark.parametrize("given", ["data:audio/mpeg;base64,SUQz", TALK])
@pytest.mark.parametrize("at", ["start", "default", "output"])
async def test_a_file_that_is_given_by_its_content_is_shown_and_read_as_a_file(
    client: httpx2.AsyncClient, given: Any, at: str
) -> None:
    declared = {"name": "talk", "type": "file", **({"default": given} if at == "default" else {})}
    document = {
        "title": "Talk",
        "inputs": [] if at == "output" else [declared],
        "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}],
        "outputs": [
            {"name": "file", "type": "file", "value": given if at == "output" else "{{inputs.talk}}"}
        ],
    }
    path = await run(client, document, {"inputs": {"talk": given}} if at == "start" else {})
    details = (await client.get(f"{path}?wait=20")).json()
    file = details["outputs"]["file"]
    whole = await client.get(f"{path}/outputs/file")
    kept = await client.get(file["url"])
    told = await client.get(f"/files/{file['file_id']}")

    assert file == {
        "file_id": file["file_id"],
        "name": file["name"],
        "content_type": "audio/mpeg",
        "size": 3,
        "sha256": TALK_HASH,
        "url": f"/files/{file['file_id']}/content",
    }
    assert file["name"] in {"talk.mp3", "file.mp3"}
    assert details["inputs"] == ({} if at == "output" else {"talk": file})
    assert (whole.content, kept.content, kept.headers["content-type"]) == (b"ID3", b"ID3", "audio/mpeg")
    assert told.json() == file


async def test_a_literal_file_of_a_document_is_judged_when_it_is_written(client: httpx2.AsyncClient) -> None:
    call = {"name": "t", "type": "openai.audio.transcription", "inputs": {"file": "data:;base64,#"}}
    declared = [{"name": "f", "type": "file", "default": {"content_base64": "#"}}]
    answer = await client.post("/workflows", json={"title": "t", "inputs": declared, "tasks": [call]})

    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [
        ("/inputs/0/default", "invalid_value"),
        ("/tasks/0/inputs/file", "invalid_value"),
    ]


async def test_a_run_is_cancelled_once_it_lives(client: httpx2.AsyncClient) -> None:
    path = await run(client, SLOW, {})
    in_use = await client.delete(path.rsplit("/", 2)[0])
    answer = await client.post(f"{path}/cancel")
    details = (await client.get(f"{path}?wait=20")).json()
    again = await client.post(f"{path}/cancel")

    assert (in_use.status_code, in_use.json()["error"]) == (409, "workflow_in_use")
    assert answer.status_code == 202
    assert details["status"] == "CANCELLED"
    assert [task["status"] for task in details["tasks"]] == ["CANCELLED", "CANCELLED"]
    assert (again.status_code, again.json()["error"]) == (409, "execution_ended")


async def test_ended_runs_of_a_deleted_workflow_stay_readable(client: httpx2.AsyncClient) -> None:
    path = await ended(client)
    workflow = path.rsplit("/", 2)[0]

    assert (await client.delete(workflow)).status_code == 204
    assert (await client.get(workflow)).status_code == 404
    assert (await client.post(f"{workflow}/executions", json={})).status_code == 404
    assert (await client.get(path)).json()["status"] == "COMPLETED"


async def test_a_version_that_the_client_has_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    path = f"/workflows/{await create(client)}"
    known = [
        await client.get(asked, headers={"if-none-match": tags})
        for asked in (path, f"{path}/versions/1")
        for tags in ('"1"', 'W/"1"', '"7", "1"', "*")
    ]
    await client.put(path, json={**HELLO, "title": "New"})
    changed = await client.get(path, headers={"if-none-match": '"1"'})
    missing = await client.get("/workflows/wf-00000000", headers={"if-none-match": "*"})

    assert {(each.status_code, each.content, each.headers["etag"]) for each in known} == {(304, b"", '"1"')}
    assert (changed.status_code, changed.json()["title"], changed.headers["etag"]) == (200, "New", '"2"')
    assert missing.status_code == 404


async def test_a_large_text_is_shown_by_its_beginning_and_downloads_in_ranges_without_secrets(
    server: Server, client: httpx2.AsyncClient
) -> None:
    secret = "swordfish-of-the-admiral"
    script = f"yes x | tr -d '\\n' | head -c 1010; echo {secret}; yes | head -c 100000"
    task = {"name": "tell", "type": "core.shell", "inputs": {"script": script}}
    outputs = [{"name": "told", "value": "{{tasks.tell.outputs.stdout}}"}]
    path = await ended(client, {"title": "w", "tasks": [task], "outputs": outputs}, {})
    server.services.secrets_in_use.learn([secret])
    expected = ("x" * 1010 + "***\n" + "y\n" * 50_000).encode()

    shown = (await client.get(path)).json()["tasks"][0]["outputs"]["stdout"]
    whole = await client.get(f"{path}/outputs/told")
    part = await client.get(shown["url"], headers={"range": "bytes=1005-1015"})

    assert shown["preview"] == expected.decode()[:1024]
    assert shown["size"] == 1010 + len(secret) + 1 + 100_000
    assert (whole.content, whole.headers["content-length"]) == (expected, str(len(expected)))
    assert (part.status_code, part.content) == (206, expected[1005:1016])
    assert part.headers["content-range"] == f"bytes 1005-1015/{len(expected)}"
    assert part.headers["content-type"] == "text/plain; charset=utf-8"


async def test_tasks_logs_and_outputs(client: httpx2.AsyncClient) -> None:
    path = await ended(client)
    task = (await client.get(f"{path}/tasks/shout")).json()
    logs = (await client.get(f"{path}/tasks/shout/logs")).json()
    raw = await client.get(f"{path}/outputs/loud", headers={"range": "bytes=1-2"})

    assert task["inputs"] == {"script": "tr a-z A-Z; echo done >&2", "stdin": "hello"}
    assert [(each["attempt"], each["status"]) for each in task["tries"]] == [(1, "COMPLETED")]
    assert [(line["stream"], line["message"]) for line in logs["lines"]] == [
        ("stdout", "HELLO"),
        ("stderr", "done"),
    ]
    assert (logs["next_offset"], logs["complete"]) == (2, True)
    assert (raw.status_code, raw.text) == (206, "EL")
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert raw.headers["content-disposition"].startswith("attachment")
    for missing in ("tasks/nope", "tasks/shout/outputs/nope", "outputs/nope", "tasks/nope/logs"):
        assert (await client.get(f"{path}/{missing}")).status_code == 404


async def test_outputs_of_a_run_that_lives_are_not_ready(client: httpx2.AsyncClient) -> None:
    document = {**SLOW, "outputs": [{"name": "o", "value": "{{tasks.after.outputs.text}}"}]}
    path = await run(client, document, {})
    answers = [await client.get(f"{path}/{each}") for each in ("outputs/o", "tasks/after/outputs/text")]
    await client.post(f"{path}/cancel")

    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(409, "not_ready")] * 2


async def test_logs_are_followed_to_their_end(client: httpx2.AsyncClient) -> None:
    script = "for i in 1 2 3; do echo $i; done; echo e >&2"
    document = {"title": "w", "tasks": [{"name": "t", "type": "core.shell", "inputs": {"script": script}}]}
    path = await run(client, document, {})
    answer = await client.get(f"{path}/tasks/t/logs?follow=true")
    lines = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [(line["stream"], line["message"]) for line in lines] == [
        ("stdout", "1"),
        ("stdout", "2"),
        ("stdout", "3"),
        ("stderr", "e"),
    ]


@pytest.mark.parametrize("last", ["1.2.0", "2"])
async def test_a_stream_of_logs_is_taken_up_where_it_was_left(client: httpx2.AsyncClient, last: str) -> None:
    script = "for i in 1 2 3; do echo $i; done; echo e >&2"
    document = {"title": "w", "tasks": [{"name": "t", "type": "core.shell", "inputs": {"script": script}}]}
    logs = f"{await run(client, document, {})}/tasks/t/logs?follow=true"
    whole = (await client.get(logs)).text.split("\n\n")
    rest = (await client.get(logs, headers={"last-event-id": last})).text
    other = await client.get(logs, headers={"last-event-id": "x"})
    lines = [json.loads(line[5:])["message"] for line in rest.splitlines() if line.startswith("data:")]

    assert [event.splitlines()[0] for event in whole if "id:" in event] == [
        "id: 1.1.0",
        "id: 1.2.0",
        "id: 1.3.0",
        "id: 1.3.1",
    ]
    assert lines == ["3", "e"]
    assert (other.status_code, other.json()["error"]) == (400, "invalid_header")


async def test_events_are_a_list_or_a_stream_with_the_same_numbers(client: httpx2.AsyncClient) -> None:
    path = await ended(client)
    listed = (await client.get(f"{path}/events?after=1")).json()
    headers = {"accept": "text/event-stream", "last-event-id": "1"}
    stream = (await client.get(f"{path}/events", headers=headers)).text
    told = [json.loads(line[5:]) for line in stream.splitlines() if line.startswith("data:")]

    assert [event["event"] for event in listed["events"]] == [
        "task.completed",
        "task.completed",
        "execution.completed",
    ]
    assert listed["complete"] is True
    assert told == listed["events"]
    assert "id: 2\n" in stream


async def test_files_are_kept_shown_and_given_to_runs(client: httpx2.AsyncClient) -> None:
    part = {"file": ("talk.png", b"\x89PNG\r\n\x1a\nxx", "image/jpeg")}
    by_form = (await client.post("/files", files=part)).json()
    raw = await client.post("/files?name=a%2Fb.txt", content=b"hello")
    row = raw.json()
    content = await client.get(row["url"])
    document = {
        "title": "w",
        "inputs": [{"name": "f", "type": "file"}],
        "tasks": [{"name": "t", "type": "echo", "input": "x"}],
        "outputs": [{"name": "f", "value": "{{inputs.f}}"}],
    }
    details = (await client.get(await ended(client, document, {"inputs": {"f": row["file_id"]}}))).json()

    assert (by_form["name"], by_form["content_type"]) == ("talk.png", "image/png")
    assert raw.headers["location"] == f"/files/{row['file_id']}"
    assert (row["name"], row["size"]) == ("a_b.txt", 5)
    assert content.content == b"hello"
    assert details["outputs"]["f"] == details["inputs"]["f"] == row
    assert (await client.delete(f"/files/{row['file_id']}")).status_code == 204
    assert (await client.get(f"/files/{row['file_id']}")).status_code == 404


async def test_a_file_in_the_hands_of_a_run_stays(client: httpx2.AsyncClient) -> None:
    row = (await client.post("/files", content=b"hello")).json()
    path = await run(
        client, {**SLOW, "inputs": [{"name": "f", "type": "file"}]}, {"inputs": {"f": row["file_id"]}}
    )
    answer = await client.delete(f"/files/{row['file_id']}")
    await client.post(f"{path}/cancel")

    assert (answer.status_code, answer.json()["error"]) == (409, "file_in_use")


async def test_validation_answers_200_either_way(client: httpx2.AsyncClient) -> None:
    good, bad = (
        await client.post("/workflows/validate", json=HELLO),
        await client.post("/workflows/validate", json={}),
    )

    assert [good.status_code, bad.status_code] == [200, 200]
    assert [good.json()["valid"], bad.json()["valid"]] == [True, False]
    assert [step["because"] for step in good.json()["plan"]] == ["position", "reference"]


async def test_a_webhook_is_remembered_and_its_secret_is_not_shown(
    client: httpx2.AsyncClient, server: Server
) -> None:
    webhook = {"url": "https://example.com/h", "events": ["completed"], "secret": "whsec_c2VjcmV0"}
    path = await run(client, body={"inputs": {"text": "x"}, "monitoring": {"webhook": webhook}})
    row = await server.services.executions.get(path.rsplit("/", 1)[1])

    assert row.labels["webhook"] == "https://example.com/h"
    assert row.labels["webhook_events"] == "execution.completed"
    assert (
        await server.services.vault.reveal(row.labels["webhook_secret"], "webhook_secret") == "whsec_c2VjcmV0"
    )
    assert "c2VjcmV0" not in (await client.get(path)).text


async def test_no_token_no_answer_and_a_small_scope_is_not_enough(
    client: httpx2.AsyncClient, server: Server
) -> None:
    reader = {"authorization": f"Bearer {await token_of(server, 'read')}"}
    nobody = {"authorization": ""}

    for operation in operations(server.services):
        path = operation.path.format(
            id="wf-00000000", eid="we-00000000", fid="f", n="1", task="t", name="n", sequence="1", type="x"
        )
        refused = await client.request(operation.method, path, headers=nobody)
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized"), path
        if operation.scope != "read":
            forbidden = await client.request(operation.method, path, headers=reader)
            assert (forbidden.status_code, forbidden.json()["error"]) == (403, "forbidden"), path


async def test_a_wrong_method_is_told_which_are_right(client: httpx2.AsyncClient) -> None:
    answer = await client.patch("/workflows/wf-00000000")

    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"


async def test_a_run_is_run_again_from_where_it_failed(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    script = f'echo once; test -e "{flag}"'
    document = {
        "title": "w",
        "tasks": [
            {"name": "good", "type": "echo", "inputs": {"text": "x"}},
            {"name": "bad", "type": "core.shell", "inputs": {"script": script}},
        ],
    }
    path = await ended(client, document, {})
    flag.touch()
    answer = await client.post(f"{path}/rerun", json={"from": "failed"})
    details = (await client.get(f"{answer.headers['location']}?wait=20")).json()

    assert (await client.get(path)).json()["status"] == "FAILED"
    assert answer.status_code == 202
    assert answer.json()["status"] == "PENDING"
    assert details["status"] == "COMPLETED"
    assert [task["attempts"] for task in details["tasks"]] == [0, 1]


async def test_a_run_that_lives_is_not_run_again(client: httpx2.AsyncClient) -> None:
    path = await run(client, SLOW, {})
    answer = await client.post(f"{path}/rerun", json={"from": "start"})
    await client.post(f"{path}/cancel")

    assert answer.status_code == 409
