"""The list of workflows and its filters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.dialects.akoflow.doors_in_process import opened

from headrace.app import Server
from headrace.dialects.akoflow import render as render_module
from headrace.orchestrator import executions

API = "/akoflow-api/workflows"


class Lists:
    """A server without a socket, with workflows that do nothing."""

    def __init__(self, server: Server, http: httpx2.AsyncClient) -> None:
        self._server = server
        self._http = http

    async def add(self, *names: str) -> list[int]:
        """Run workflows of these names to their ends, and return their ids."""
        ids = []
        for name in names:
            text = f"{{name: {name}, spec: {{runtime: local, activities: [{{name: a}}]}}}}"
            answer = await self._http.post(API, content=text, headers={"content-type": "application/yaml"})
            assert answer.status_code == 200, answer.text
            ids.append(answer.json()["id"])
            row = await self._server.services.executions.get(ids[-1])
            await self._server.services.executions.wait(row, 20)
        return ids

    async def page(self, cursor: str | None = None, **query: str | int) -> tuple[list[int], str | None]:
        """Return the ids of one page and its cursor."""
        more = {} if cursor is None else {"cursor": cursor}
        answer = await self._http.get(API, params={**query, **more})
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["data"]], answer.json()["next"]


@pytest.fixture
async def lists(tmp_path: Path) -> AsyncIterator[Lists]:
    async with opened(tmp_path) as (server, http):
        yield Lists(server, http)


async def test_a_search_by_name_fills_its_page_from_far_behind(lists: Lists) -> None:
    names = ["mem", *["other"] * 12, "mem", *["other"] * 12, "mem", *["other"] * 12]
    ids = await lists.add(*names)
    wanted = [number for number, name in zip(ids, names, strict=True) if name == "mem"][::-1]

    first, cursor = await lists.page(name="mem", limit=1)
    second, further = await lists.page(cursor, name="mem", limit=1)
    assert (first, second) == (wanted[:1], wanted[1:2])
    assert await lists.page(further, name="mem", limit=1) == (wanted[2:], None)
    assert await lists.page(name="mem", limit=2) == (wanted[:2], further)
    assert await lists.page(name="mem") == (wanted, None)
    assert await lists.page(name="mem", state="failed") == ([], None)
    assert await lists.page(name="nobody", limit=1) == ([], None)
    assert (await lists.page(name="", limit=1))[0] == ids[-1:]


async def test_a_search_by_name_stops_and_leads_on(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "MOST_PARTS", 2)
    monkeypatch.setattr(executions, "PART", 3)
    ids = await lists.add("mem", *["other"] * 7)

    found, cursor = await lists.page(name="mem", limit=1)
    assert found == []
    assert cursor is not None
    assert await lists.page(cursor, name="mem", limit=1) == (ids[:1], None)


async def test_a_search_by_state_fills_its_page(lists: Lists) -> None:
    ids = await lists.add(*["w"] * 3)

    assert await lists.page(state="failed", limit=1) == ([], None)
    assert (await lists.page(state="succeeded", limit=2))[0] == ids[:0:-1]


async def test_workflows_that_are_over_are_looked_at_once(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    render = render_module.workflow

    def counted(execution: Any, *values: Any, **more: Any) -> Any:
        looked.append(execution.number)
        return render(execution, *values, **more)

    ids = await lists.add(*["w"] * 5)
    monkeypatch.setattr(render_module, "workflow", counted)
    first, _ = await lists.page()
    second, _ = await lists.page()

    assert first == second == ids[::-1]
    assert looked == ids[::-1]
