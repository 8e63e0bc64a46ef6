"""Looking at AkoFlow workflows: lists, attempts, logs, runtimes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.akoflow.client import API, Client, by_name, document


def test_lists_have_cursors_and_filters(client: Client) -> None:
    ids = [client.submit(document("name: a, run: 'true'")) for _ in range(3)]
    for each in ids:
        client.ended(each)
    asked = {"limit": "2", "state": "succeeded"}
    page = client.http.get(f"{API}/", params=asked).json()
    rest = client.http.get(f"{API}/", params={**asked, "cursor": page["next"]}).json()
    crossed = client.http.get(f"{API}/", params={"limit": 2, "cursor": page["next"]})

    assert [each["id"] for each in page["data"]] == [ids[2], ids[1]]
    assert rest["data"][0]["id"] == ids[0]
    assert crossed.status_code == 400
    assert page["data"][0]["spec"]["activities"] == []
    assert isinstance(page["timestamp"], int)


def test_attempts_are_listed(client: Client, tmp_path: Path) -> None:
    script = "echo try >> tries; test $(wc -l < tries) -eq 2"
    workflow = client.submit(
        document(
            f"name: a, run: '{script}', policy: {{maxAttempts: 3, retryDelay: 0}}",
            spec=f"mountPath: {tmp_path}",
        )
    )
    [activity] = client.ended(workflow)["spec"]["activities"]
    shown = client.get(f"{workflow}/activities/{activity['id']}/")

    assert [each["state"] for each in shown["attempts"]] == ["failed", "succeeded"]
    assert shown["attempt"] == 2
    assert client.http.get(f"{API}/{workflow}/activities/{workflow}/").status_code == 404
    assert [each["name"] for each in client.get(f"{workflow}/activities/?state=succeeded")] == ["a"]


def test_logs_are_read_in_parts_and_ranges(client: Client) -> None:
    workflow = client.submit(document("name: a, run: 'printf \"one\\ntwo\\nthree\\n\"; echo err >&2'"))
    [activity] = client.ended(workflow)["spec"]["activities"]
    path = f"{API}/{workflow}/activities/{activity['id']}/logs/"
    whole = client.http.get(path).json()["data"]
    tail = client.http.get(path, params={"tail": 1, "stream": "stdout"}).json()["data"]
    raw = {"stream": "stdout", "format": "raw"}
    part = client.http.get(path, params=raw, headers={"range": "bytes=4-6"})
    other = client.http.get(path, params=raw, headers={"range": "bytes=4-6", "if-range": '"other"'})
    beyond = client.http.get(path, params=raw, headers={"range": "bytes=99-"})

    assert (other.status_code, other.content[4:7]) == (200, part.content)
    assert whole["stdout"] == {
        "text": "one\ntwo\nthree\n",
        "offset": 0,
        "nextOffset": 14,
        "size": 14,
        "ended": True,
        "truncated": False,
    }
    assert whole["stderr"]["text"] == "err\n"
    assert (tail["stdout"]["text"], "stderr" in tail) == ("three\n", False)
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"two", "bytes 4-6/14")
    assert beyond.status_code == 416


def test_a_log_is_followed_and_taken_up_again(client: Client, tmp_path: Path) -> None:
    script = "echo one; while ! test -e go; do sleep 0.05; done; echo two"
    workflow = client.submit(document(f"name: a, run: '{script}'", spec=f"mountPath: {tmp_path}"))
    [activity] = client.get(f"{workflow}/")["spec"]["activities"]
    path = f"{API}/{workflow}/activities/{activity['id']}/logs/?follow=true"
    with client.http.stream("GET", path) as answer:
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(3)]
    (tmp_path / "go").touch()
    last = first[0].removeprefix("id: ")
    rest = client.http.get(path, headers={"last-event-id": last}).text

    assert first[1] == "event: stdout"
    assert json.loads(first[2].removeprefix("data: ")) == {"offset": 0, "text": "one\n"}
    assert '"text":"two\\n"' in rest
    assert "one" not in rest
    assert "event: end" in rest


def test_one_log_is_followed_alone(client: Client) -> None:
    workflow = client.submit(document("name: a, run: 'echo one; echo two >&2'"))
    [activity] = client.ended(workflow)["spec"]["activities"]
    path = f"{API}/{workflow}/activities/{activity['id']}/logs/"
    followed = client.http.get(f"{path}?follow=true&stream=stderr").text
    unclear = client.http.get(f"{path}?follow=maybe")
    partial = [client.http.get(f"{path}?follow=true&{each}") for each in ("offset=1", "tail=1", "format=raw")]

    assert "event: stdout" not in followed
    assert '"text":"two\\n"' in followed
    assert (unclear.status_code, unclear.json()["code"]) == (400, "invalid_query")
    assert [each.json()["code"] for each in partial] == ["invalid_query"] * 3


def test_the_runtimes_are_listed(client: Client) -> None:
    [local] = client.http.get("/akoflow-api/runtimes/").json()["data"]

    assert (local["name"], local["status"]) == ("local", 1)


def test_the_use_of_the_machine_is_told(client: Client) -> None:
    text = document("name: a, run: 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'", "name: b")
    workflow = client.submit(text)
    shown = by_name(client.ended(workflow))
    metrics = client.get(f"{workflow}/activities/{shown['a']['id']}/metrics/")
    timeline = client.get(f"{workflow}/metrics/")

    assert metrics["summary"]["cpuSeconds"] > 0
    assert metrics["summary"]["wallSeconds"] > 0
    assert [each["name"] for each in timeline] == ["a", "b"]
    assert timeline[0]["cpuSeconds"] == metrics["summary"]["cpuSeconds"]
    assert timeline[1]["cpuSeconds"] is None
