"""Reruns at the doors of the dialect: what their bodies may say, and what can be used again."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import SLOW, codes, ended, run


def told(answer: httpx2.Response) -> list[tuple[str, str, str | None]]:
    problems = answer.json()["errors"]
    return [(problem["path"], problem["code"], problem["suggestion"]) for problem in problems]


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ([], [("", "invalid_type", None)]),
        ({"from": []}, [("/from", "empty", None)]),
        ({"from": 5}, [("/from", "invalid_type", None)]),
        ({"from": "nowhere"}, [("/from", "invalid_value", None)]),
        ({"From": "strat"}, [("/From", "invalid_value", "start")]),
        (
            {"from": ["say", "nope", 5, "shuot"]},
            [
                ("/from/1", "unknown_reference", None),
                ("/from/2", "invalid_type", None),
                ("/from/3", "unknown_reference", "shout"),
            ],
        ),
        ({"frm": "start"}, [("/frm", "unknown_field", "from")]),
        ({"workflow_id": "wf-00000000"}, [("/workflow_id", "invalid_value", ...)]),
        (
            {"from": "start", "inputs": {"zz": 1}, "webhookUrl": "https://example.com/h", "monitoring": {}},
            [
                ("/inputs", "unknown_field", None),
                ("/webhookUrl", "unknown_field", None),
                ("/monitoring", "unknown_field", None),
            ],
        ),
    ],
)
async def test_a_bad_body_of_a_rerun_is_told_where_it_is_wrong(
    client: httpx2.AsyncClient, body: Any, problems: list[tuple[str, str, Any]]
) -> None:
    path = await ended(client)
    answer = await client.post(f"{path}/rerun", json=body)
    found = told(answer)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_execution")
    assert [(place, code) for place, code, _ in found] == [(place, code) for place, code, _ in problems]
    assert all(wanted in (near, ...) for (_, _, near), (_, _, wanted) in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    "body", [None, {}, {"from": None, "inputs": None}, {"FROM": "start"}, {"from": ["shout"]}]
)
async def test_a_rerun_is_answered_as_a_start_is(client: httpx2.AsyncClient, body: Any) -> None:
    answer = await client.post(f"{await ended(client)}/rerun", json=body)

    assert answer.status_code == 202
    assert sorted(answer.json()) == ["status", "workflow_execution_id", "workflow_id", "workflow_version"]


async def test_what_is_odd_in_the_body_of_a_rerun_is_a_warning(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"{await ended(client)}/rerun", json={"from": ["Shout"], "why": "so"})
    warnings = answer.json()["warnings"]

    assert answer.status_code == 202
    assert [(each["path"], each["code"]) for each in warnings] == [
        ("/from/0", "alias_used"),
        ("/why", "unknown_field"),
    ]


async def test_a_cancelled_run_is_not_repeated_from_behind_what_has_no_result(
    client: httpx2.AsyncClient,
) -> None:
    path = await run(client, SLOW, {})
    await client.post(f"{path}/cancel")
    assert (await client.get(f"{path}?wait=20")).json()["status"] == "CANCELLED"
    behind = await client.post(f"{path}/rerun", json={"from": ["after"]})
    begun = await client.post(f"{path}/rerun", json={"from": "failed"})
    await client.post(f"{begun.headers['location']}/cancel")

    assert (behind.status_code, codes(behind)) == (400, ["invalid_value"])
    assert behind.json()["errors"][0]["path"] == "/from"
    assert "'wait'" in behind.json()["errors"][0]["message"]
    assert begun.status_code == 202


async def test_a_rerun_is_refused_without_the_files_that_the_run_was_given(
    client: httpx2.AsyncClient,
) -> None:
    document = {
        "title": "w",
        "inputs": [{"name": "talk", "type": "file"}],
        "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}],
    }
    uploaded = (await client.post("/files", params={"name": "talk.txt"}, content=b"hello")).json()["file_id"]
    path = await ended(client, document, {"inputs": {"talk": uploaded}})
    kept = await client.post(f"{path}/rerun", json={"from": "start"})
    await client.get(f"{kept.headers['location']}?wait=20")
    deleted = await client.delete(f"/files/{uploaded}")
    again = await client.post(f"{path}/rerun", json={"from": "start"})

    assert (kept.status_code, deleted.status_code) == (202, 204)
    assert (again.status_code, codes(again)) == (400, ["unknown_file"])
    assert uploaded in again.json()["errors"][0]["message"]
