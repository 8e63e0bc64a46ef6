"""Task runs, events, logs and artifacts of a real server, as clients meet them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx2
import pytest
from tests.acceptance.native_stage import ONE_TASK, SLEEPS, TALKS, ended, started

from headrace.testing.running_server import RunningServer


@pytest.fixture
def client(running_server: RunningServer) -> Iterator[httpx2.Client]:
    with running_server.client() as client:
        yield client


def test_a_task_run_shows_inputs_tries_and_outputs(client: httpx2.Client) -> None:
    shown = ended(client, ONE_TASK, text="abc")

    run = client.get(f"/v1/executions/{shown['number']}/tasks/size").json()
    listed = client.get(f"/v1/executions/{shown['number']}/tasks").json()["items"]

    assert run["inputs"] == {"text": "abc"}
    assert run["outputs"] == {"size": 3}
    assert [(each["attempt"], each["outcome"]) for each in run["tries"]] == [(1, "succeeded")]
    assert [item["number"] for item in listed] == [run["number"]]
    assert client.get(f"/v1/executions/{shown['number']}/tasks/nope").status_code == 404


def test_events_are_listed_from_a_place_on(client: httpx2.Client) -> None:
    shown = ended(client, ONE_TASK, text="abc")
    url = f"/v1/executions/{shown['number']}/events"

    everything = client.get(url).json()
    rest = client.get(url, params={"after": 2}).json()

    assert [event["seq"] for event in everything["events"]] == list(range(1, shown["seq"] + 1))
    assert everything["events"][0]["event"] == "execution_started"
    assert everything["events"][-1]["event"] == "execution_ended"
    assert everything["complete"] is True
    assert rest["events"] == everything["events"][2:]


def events_of(answer: httpx2.Response) -> list[tuple[int, str]]:
    """The ids and names of a stream of server-sent events, to its end."""
    found: list[tuple[int, str]] = []
    seq = 0
    for line in answer.iter_lines():
        if line.startswith("id: "):
            seq = int(line[4:])
        elif line.startswith("event: "):
            found.append((seq, line[7:]))
    return found


def test_events_can_be_followed_to_the_end_and_taken_up_again(client: httpx2.Client) -> None:
    url = started(client, TALKS)
    headers = {"accept": "text/event-stream"}

    with client.stream("GET", f"{url}/events", headers=headers) as answer:
        followed = events_of(answer)
    with client.stream("GET", f"{url}/events", headers=headers | {"last-event-id": "3"}) as answer:
        resumed = events_of(answer)

    assert followed[-1][1] == "execution_ended"
    assert [seq for seq, _ in followed] == list(range(1, len(followed) + 1))
    assert resumed == followed[3:]


def test_logs_are_read_in_ranges(client: httpx2.Client) -> None:
    shown = ended(client, TALKS)
    url = f"/v1/executions/{shown['number']}/tasks/talk/logs"

    whole = client.get(url)
    part = client.get(url, headers={"range": "bytes=4-6"})
    errors = client.get(url, params={"stream": "stderr"})
    outside = client.get(url, headers={"range": "bytes=900-"})

    assert whole.content == b"one\ntwo\nthree\n"
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"two", "bytes 4-6/14")
    assert errors.content == b"oops\n"
    assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */14")
    assert client.get(url, params={"attempt": 2}).status_code == 404


def test_logs_are_followed_while_they_are_written(client: httpx2.Client) -> None:
    url = started(client, SLEEPS)
    lines = []

    with client.stream("GET", f"{url}/tasks/nap/logs", params={"follow": True}) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                lines.append(json.loads(line[6:]))
                if lines[0]:
                    client.post(f"{url}/cancel")

    assert lines == ["begun\n", {}]


def test_a_large_output_is_previewed_and_downloaded_whole(client: httpx2.Client) -> None:
    text = "æ" * 100_000
    shown = ended(
        client, {"title": "Echo", "tasks": [{"name": "say", "type": "echo", "inputs": {"text": text}}]}
    )
    output = shown["tasks"][0]["outputs"]["text"]

    by_name = client.get(f"/v1/executions/{shown['number']}/tasks/say/outputs/text")
    by_hash = client.get(output["url"])
    part = client.get(output["url"], headers={"range": "bytes=0-3"})
    content = client.get(output["url"].partition("?")[0])
    known = client.get(str(content.url), headers={"if-none-match": content.headers["etag"]})

    assert output["preview"] == "æ" * 1024
    assert output["size"] == 200_000
    assert by_name.text == by_hash.text == text
    assert (part.status_code, part.text) == (206, "ææ")
    assert known.status_code == 304
    assert by_hash.headers["x-content-type-options"] == "nosniff"
    assert by_hash.headers["content-disposition"].startswith("attachment")


def test_task_types_are_described_and_suggested(client: httpx2.Client) -> None:
    listed = client.get("/v1/task-types").json()["items"]
    one = client.get("/v1/task-types/Text.Size").json()
    missing = client.get("/v1/task-types/text.sice")

    assert {"text.size", "core.shell"} <= {item["type"] for item in listed}
    assert one["type"] == "text.size"
    assert [port["name"] for port in one["inputs"]] == ["text"]
    assert "text.size" in missing.json()["detail"]


def test_a_task_type_can_be_tried_alone(client: httpx2.Client) -> None:
    tried = client.post(
        "/v1/task-types/text.truncate/try", json={"inputs": {"text": "Hello, World!", "length": 5}}
    )
    shown = client.get(tried.json()["url"], params={"wait": 30}).json()
    shell = client.post("/v1/task-types/core.shell/try", json={"inputs": {"script": "echo hi"}}).json()
    refused = client.post("/v1/task-types/text.truncate/try", json={"inputs": {"text": "x", "size": 5}})

    assert shown["tasks"][0]["outputs"] == {"truncated_text": "Hello..."}
    assert client.get(shell["url"], params={"wait": 30}).json()["tasks"][0]["outputs"]["stdout"] == "hi\n"
    assert {each["path"] for each in refused.json()["problems"]} >= {"/inputs/size"}


def test_a_trial_is_judged_like_a_start(client: httpx2.Client) -> None:
    refused = client.post(
        "/v1/task-types/openai.audio.transcription/try", json={"inputs": {"file": "file-99999999"}}
    )

    assert refused.status_code == 400
    assert {each["code"] for each in refused.json()["problems"]} >= {"unknown_file", "missing_credential"}


def test_a_secret_is_nowhere_to_be_read(client: httpx2.Client, running_server: RunningServer) -> None:
    client.put("/v1/secrets/door_key", json={"value": "hunter2-hunter2"})
    script = 'printf "key=%s\\n" "$KEY"; sleep 0.3'
    task = {
        "name": "tell",
        "type": "core.shell",
        "inputs": {"script": script, "env": {"KEY": "{{secrets.door_key}}"}},
    }
    url = started(client, {"title": "Tell", "tasks": [task]})

    with client.stream("GET", f"{url}/tasks/tell/logs", params={"follow": True}) as answer:
        followed = answer.read().decode()
    told = [
        followed,
        client.get(url, params={"wait": 30}).text,
        client.get(f"{url}/tasks/tell").text,
        client.get(f"{url}/tasks/tell/logs").text,
        client.get(f"{url}/tasks/tell/logs", headers={"range": "bytes=6-12"}).text,
        client.get(f"{url}/tasks/tell/outputs/stdout").text,
        client.get(f"{url}/events").text,
        running_server.log,
    ]

    assert client.get(url).json()["state"] == "succeeded"
    assert told[3] == "key=***************\n"
    assert client.get(f"{url}/tasks/tell").json()["inputs"]["environment.KEY"] == "***"
    assert [text for text in told if "hunter" in text or "unter2" in text] == []


def test_a_running_task_tells_what_it_uses(client: httpx2.Client) -> None:
    url = started(client, SLEEPS)
    until = time.monotonic() + 60
    while not (found := client.get(f"{url}/tasks/nap/metrics").json())["points"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    client.post(f"{url}/cancel")
    point = found["points"][0]
    absent = client.get(f"{url}/tasks/nap/metrics", params={"attempt": 2})

    assert isinstance(found["attempt"], int)
    assert point["at"].endswith("Z")
    assert point["seconds"] >= 1
    assert 0 <= point["cores"] < 1
    assert point["memory"] > 0
    assert absent.status_code == 404


def test_no_door_shows_the_secret_in_a_large_output(client: httpx2.Client) -> None:
    assert client.put("/v1/secrets/large", json={"value": "hunter2hunter2"}).status_code in (200, 201, 204)
    script = {"text": "x" * 100_000 + "{{secrets.large}}"}
    shown = ended(client, {"title": "Echo", "tasks": [{"name": "say", "type": "echo", "inputs": script}]})
    output = shown["tasks"][0]["outputs"]["text"]

    by_name = client.get(f"/v1/executions/{shown['number']}/tasks/say/outputs/text")
    by_hash = client.get(output["url"])

    assert by_name.text == by_hash.text
    assert by_hash.text.startswith("x" * 100_000)
    assert "hunter2" not in by_hash.text
