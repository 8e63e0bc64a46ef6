"""A submission whose start fails leaves no workflow, unless something was started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.unit.dialects.akoflow.doors_in_process import opened

from headrace.app import Server
from headrace.errors import StoreError
from headrace.store.rows import Commit

API = "/akoflow-api/workflows"
TEXT = "{name: w, spec: {runtime: local, activities: [{name: a}]}}"


class Doors:
    """The doors of a server without a socket."""

    def __init__(self, server: Server, http: httpx2.AsyncClient) -> None:
        self.server = server
        self._http = http

    async def submit(self) -> int:
        headers = {"content-type": "application/yaml"}
        return (await self._http.post(API, content=TEXT, headers=headers)).status_code

    async def kept(self) -> tuple[int, int]:
        """Return how many workflows and executions there are."""
        store = self.server.store
        workflows = (await store.definitions.newest()).rows
        return len(workflows), len((await store.executions.newest()).rows)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with opened(tmp_path) as (server, http):
        yield Doors(server, http)


async def test_a_start_that_the_store_refuses_leaves_no_workflow(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: Commit) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(doors.server.store, "commit", refuse)
        statuses = [await doors.submit() for _ in range(3)]
        kept = await doors.kept()
    last = await doors.submit()

    assert (statuses, kept) == ([503] * 3, (0, 0))
    assert (last, await doors.kept()) == (200, (1, 1))


async def test_a_workflow_stays_whose_start_was_committed_although_the_answer_was_lost(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = doors.server.store.commit

    async def lose(change: Commit) -> None:
        await commit(change)
        raise StoreError("The answer was lost.")

    monkeypatch.setattr(doors.server.store, "commit", lose)
    status = await doors.submit()
    monkeypatch.undo()

    assert (status, await doors.kept()) == (503, (1, 1))


async def test_what_made_the_start_fail_is_told_also_when_the_workflow_cannot_be_withdrawn(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(doors.server.store, "commit", refuse)
    monkeypatch.setattr(doors.server.store.definitions, "withdraw", refuse)
    status = await doors.submit()
    monkeypatch.undo()

    assert (status, await doors.kept()) == (503, (1, 0))
