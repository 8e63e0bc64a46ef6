"""What a request may say beside its body, and how it is refused where it says something else."""

from __future__ import annotations

import gzip

import httpx2
from tests.unit.dialects.dataflow.serving import codes, create, ended


async def test_a_packed_body_is_refused_with_what_to_do(client: httpx2.AsyncClient) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await client.post("/workflows", content=gzip.compress(b"{}"), headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
    assert "gzip" in answer.json()["message"]


async def test_to_follow_is_true_or_false(client: httpx2.AsyncClient) -> None:
    logs = f"{await ended(client)}/tasks/shout/logs"
    wrong = await client.get(f"{logs}?follow=maybe")
    page = await client.get(f"{logs}?follow=false")

    assert (wrong.status_code, wrong.json()["error"], codes(wrong)) == (
        400,
        "invalid_query",
        ["invalid_value"],
    )
    assert page.json()["complete"] is True


async def test_a_stream_is_not_taken_up_at_what_it_never_told(client: httpx2.AsyncClient) -> None:
    headers = {"accept": "text/event-stream", "last-event-id": "x"}
    answer = await client.get(f"{await ended(client)}/events", headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_header")
    assert "Last-Event-ID" in answer.json()["message"]


async def test_a_version_is_told_as_it_was_asked_for(client: httpx2.AsyncClient) -> None:
    workflow = await create(client)
    answer = await client.get(f"/workflows/{workflow}/versions/{'9' * 23}")

    assert answer.status_code == 404
    assert f"'{'9' * 23}'" in answer.json()["message"]
