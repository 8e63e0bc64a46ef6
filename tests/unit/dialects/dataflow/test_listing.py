"""A list of workflows reads no definition as a whole, and of each version only once how it is spelled."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import HELLO, create

from headrace.app import Server
from headrace.dialects.dataflow.routes import styles
from headrace.orchestrator import definitions

CAPITALS: dict[str, Any] = {
    "title": "Capitals",
    "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "{{Inputs.text}}"}}],
    "inputs": [{"name": "text", "type": "text"}],
}


@pytest.fixture
def read(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The versions that were read from the store, by number of their workflow and their own."""
    asked: list[tuple[int, int]] = []
    original = server.store.definitions.version

    async def counted(workflow: int, version: int) -> Any:
        asked.append((workflow, version))
        return await original(workflow, version)

    monkeypatch.setattr(server.store.definitions, "version", counted)
    return asked


async def listed(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/workflows")
    assert answer.status_code == 200
    workflows: list[dict[str, Any]] = answer.json()["workflows"]
    return workflows


async def test_the_style_of_a_version_is_read_once_and_that_of_a_new_version_anew(
    client: httpx2.AsyncClient, read: list[tuple[int, int]]
) -> None:
    plain = await create(client)
    capitals = (await client.post("/workflows", json=CAPITALS)).json()["workflowId"]
    lists = [await listed(client), await listed(client)]
    assert len(read) == 2
    await client.put(f"/workflows/{plain}", json={**CAPITALS, "title": "Now with capitals"})
    changed = await listed(client)

    assert lists[0] == lists[1]
    assert [each.get("workflow_id") or each["workflowId"] for each in lists[0]] == [capitals, plain]
    assert "workflowId" in lists[0][0]
    assert "workflow_id" in lists[0][1]
    assert changed[1]["workflowVersion"] == 2
    assert len(read) == 3


async def test_a_list_leaves_the_definitions_of_running_work_where_they_are(
    client: httpx2.AsyncClient, read: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "KEPT", 1)
    monkeypatch.setattr(styles, "KEPT", 2)
    for _ in range(3):
        await create(client)
    last = await create(client, {**HELLO, "title": "Last"})
    assert len(await listed(client)) == 4
    read.clear()
    run = await client.post(f"/workflows/{last}/executions", json={"inputs": {"text": "x"}})

    assert run.status_code == 202
    assert read == []
