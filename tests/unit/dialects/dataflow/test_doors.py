"""What the doors answer to good and bad requests, over the real server."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import HELLO, codes, create, ended, opened, run

from headrace.settings import Settings
from headrace.settings.model import DataflowSettings


async def test_a_clean_document_gets_exactly_the_documented_answer(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/workflows", json=HELLO)

    assert answer.status_code == 201
    assert list(answer.json()) == ["workflow_id"]
    assert answer.headers["location"] == f"/workflows/{answer.json()['workflow_id']}"


async def test_a_run_is_started_followed_and_read(client: httpx2.AsyncClient) -> None:
    path = await ended(client)
    details = (await client.get(path)).json()

    assert details["status"] == "COMPLETED"
    assert details["outputs"] == {"loud": "HELLO"}
    assert [task["status"] for task in details["tasks"]] == ["COMPLETED", "COMPLETED"]


async def test_both_doors_start_and_either_prefix_finds_the_run(client: httpx2.AsyncClient) -> None:
    workflow = await create(client)
    answer = await client.post(f"/workflows/{workflow}/execute", json={"input": {"text": "x"}})
    suffix = answer.json()["execution_id"].removeprefix("ex-")

    assert answer.status_code == 202
    for prefix, key in (("ex", "execution_id"), ("we", "workflow_execution_id")):
        found = await client.get(f"/workflows/{workflow}/executions/{prefix}-{suffix}")
        assert found.json()[key] == f"{prefix}-{suffix}"


@pytest.mark.parametrize(
    ("content", "content_type", "status", "error", "problems"),
    [
        (b"{", "application/json", 400, "invalid_json", ["invalid_json"]),
        (b"\xff", "application/json", 400, "invalid_json", ["invalid_json"]),
        (b'{"a": NaN}', "application/json", 400, "invalid_json", ["invalid_json"]),
        (b'{"a": 1, "a": 2}', "application/json", 400, "invalid_json", ["duplicate_key"]),
        (b"[" * 70 + b"]" * 70, "application/json", 400, "invalid_json", ["too_deep"]),
        (b"", "application/json", 400, "invalid_json", ["invalid_json"]),
        (b"[]", "application/json", 400, "invalid_workflow", ["invalid_type"]),
        (b'"x"', "application/problem+json", 400, "invalid_workflow", ["invalid_type"]),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type", []),
        (b"<a/>", "application/xml", 415, "unsupported_media_type", []),
    ],
)
async def test_bodies_that_are_no_workflow(
    client: httpx2.AsyncClient,
    content: bytes,
    content_type: str,
    status: int,
    error: str,
    problems: list[str],
) -> None:
    answer = await client.post("/workflows", content=content, headers={"content-type": content_type})

    assert (answer.status_code, answer.json()["error"], codes(answer)) == (status, error, problems)


async def test_all_problems_are_told_at_once_and_nothing_is_kept(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/workflows", json={"title": "", "tasks": [{"type": "nope"}], "conditon": 1})

    assert answer.status_code == 400
    assert answer.json()["message"] == "The workflow has 2 problems."
    assert codes(answer) == ["empty", "unknown_task_type"]
    assert (await client.get("/workflows")).json() == {"workflows": []}


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("{{ input.o.content-type }}", "the fields are: Content-Type, n; did you mean 'Content-Type'?"),
        ("a {{inputs.o.nope}}", "the fields are: Content-Type, n"),
        ("{{inputs.o.n.deeper}}", ""),
    ],
)
async def test_a_field_that_is_not_there_is_told_with_its_port_and_as_it_is_written(
    client: httpx2.AsyncClient, reference: str, told: str
) -> None:
    document = {
        "title": "Missing",
        "inputs": [{"name": "o", "type": "object"}],
        "tasks": [{"name": "a", "type": "echo", "inputs": {"text": reference}}],
        "outputs": [{"name": "text", "value": "{{tasks.a.outputs.text}}"}],
    }
    path = await run(client, document, {"inputs": {"o": {"Content-Type": "x", "n": 1}}})
    task = (await client.get(f"{path}?wait=20")).json()["tasks"][0]
    written = reference.removeprefix("a ")
    written = f"{{{{{written.strip('{ }')}}}}}"
    field = written.strip("{}").rsplit(".", 1)[1]

    assert task["error"]["code"] == "missing_value"
    rest = f"; {told}" if told else ""
    assert task["error"]["message"] == (
        f"task 'a' input 'text': {written} is not there: no field '{field}'{rest}"
    )


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63)])
async def test_whole_numbers_of_64_bits_come_through_a_run_as_they_are(
    client: httpx2.AsyncClient, number: int
) -> None:
    document = {
        "title": "Large",
        "inputs": [
            {"name": "o", "type": "object"},
            {"name": "n", "type": "number", "default": number},
        ],
        "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "{{inputs.o.v}} {{inputs.n}}"}}],
        "outputs": [
            {"name": "v", "value": "{{inputs.o.v}}"},
            {"name": "text", "value": "{{tasks.say.outputs.text}}"},
            {"name": "written", "value": {"n": number}},
        ],
    }
    path = await run(client, document, {"inputs": {"o": {"v": number}}})
    details = (await client.get(f"{path}?wait=20")).json()

    assert details["outputs"] == {"v": number, "text": f"{number} {number}", "written": {"n": number}}
    assert details["inputs"] == {"o": {"v": number}, "n": number}


async def test_whole_numbers_beyond_64_bits_are_refused_with_the_range(client: httpx2.AsyncClient) -> None:
    declared = [{"name": "n", "type": "number", "default": 2**64}, {"name": "o", "type": "object"}]
    call = {"name": "a", "type": "http.request", "inputs": {"url": "https://e.com", "body": [-(2**63) - 1]}}
    answer = await client.post("/workflows", json={"title": "t", "inputs": declared, "tasks": [call]})
    told = [(each["path"], each["code"]) for each in answer.json()["errors"]]

    assert told == [("/inputs/0/default", "invalid_value"), ("/tasks/0/inputs/body/0", "invalid_value")]
    for each in answer.json()["errors"]:
        assert "from -9223372036854775808 to 18446744073709551615" in each["message"]


async def test_a_body_above_the_limit_is_refused(tmp_path: Path) -> None:
    limited = DataflowSettings(max_body=1000)
    async with opened(Settings(data_dir=tmp_path, dataflow=limited)) as (_, client):
        answer = await client.post("/workflows", content=b" " * 1001)

    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_bad_start_leaves_no_run(client: httpx2.AsyncClient) -> None:
    workflow = await create(client)
    answer = await client.post(f"/workflows/{workflow}/executions", json={"inputs": {"webpage_url": "x"}})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_execution")
    assert codes(answer) == ["missing_input", "unknown_input"]
    assert (await client.get(f"/workflows/{workflow}/executions")).json() == {"executions": []}


async def test_a_start_needs_no_body_where_no_input_is_needed(client: httpx2.AsyncClient) -> None:
    workflow = await create(client, {"title": "w", "tasks": [{"name": "a", "type": "echo", "input": "x"}]})
    answer = await client.post(
        f"/workflows/{workflow}/executions", headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "path",
    [
        "/workflows/wf-00000000",
        "/workflows/nope",
        "/workflows/wf-00000000/executions",
        "/workflows/wf-00000000/executions/we-00000000",
        "/workflows/wf-00000000/versions/1",
        "/workflows/wf-00000000/nope",
        "/files/file-00000000",
        "/files/..%2f..",
        "/task-types/web.downlaod",
    ],
)
async def test_what_is_not_there_is_404(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_run_of_another_workflow_is_404(client: httpx2.AsyncClient) -> None:
    path = await ended(client)
    other = await create(client)
    answer = await client.get(f"/workflows/{other}/executions/{path.rsplit('/', 1)[1]}")

    assert answer.status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1001", "cursor=x", "status=DONE"])
async def test_bad_queries_of_lists(client: httpx2.AsyncClient, query: str) -> None:
    workflow = await create(client)
    answer = await client.get(f"/workflows/{workflow}/executions?{query}")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")
    assert codes(answer) == ["invalid_value"]


@pytest.mark.parametrize("wait", ["x", "-1", "61", "nan", "٣"])
async def test_a_bad_wait(client: httpx2.AsyncClient, wait: str) -> None:
    answer = await client.get(f"{await run(client)}?wait={wait}")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")


async def test_lists_go_on_where_they_left_off(client: httpx2.AsyncClient) -> None:
    workflow = await create(client)
    for _ in range(3):
        await client.post(f"/workflows/{workflow}/executions", json={"inputs": {"text": "x"}})
    first = (await client.get(f"/workflows/{workflow}/executions?limit=2")).json()
    rest = (
        await client.get(f"/workflows/{workflow}/executions?limit=2&cursor={first['next_cursor']}")
    ).json()

    assert [len(first["executions"]), len(rest["executions"])] == [2, 1]
    assert "next_cursor" not in rest
