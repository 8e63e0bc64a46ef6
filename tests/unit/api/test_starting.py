"""Every door starts where no deletion can come between what it looked at and its commit."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.api.application import application
from headrace.app import Server
from headrace.cli.documents import dialects
from headrace.orchestrator.executions import StartRequest
from headrace.settings import Settings

SAY = {"name": "say", "type": "echo", "inputs": {"text": "x"}}
DOCUMENT = base64.b64encode(b"{name: w, spec: {runtime: local, activities: [{name: a}]}}").decode()
RERUN = {"from": "start"}


class House:
    """A server whose starts tell whether a deletion would have waited for them."""

    def __init__(self, server: Server, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.kept_apart: list[bool] = []
        self._services = server.services
        self._start = server.services.executions.start
        self._services.executions.start = self.start  # type: ignore[method-assign]

    async def start(self, asked: StartRequest) -> Any:
        self.kept_apart.append(self._services.starts._under_way == 1)
        return await self._start(asked)

    async def post(self, path: str, body: Any) -> Any:
        answer = await self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def over(self, key: str) -> None:
        executions = self._services.executions
        await executions.wait(await executions.get(key), 20)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    server = Server(Settings(data_dir=tmp_path / "data", auth="off"))
    await server.open()
    doors = application(server.services, dialects())
    transport = httpx2.ASGITransport(app=doors)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield House(server, http)
    await server.close()


async def test_trials(house: House) -> None:
    await house.post("/v1/task-types/echo/try", {"inputs": {"text": "x"}})

    assert house.kept_apart == [True]


async def test_starts_and_reruns_of_data_flow_at_both_doors(house: House) -> None:
    made = await house.post("/workflows", {"title": "Say", "tasks": [SAY]})
    first = await house.post(f"/workflows/{made['workflow_id']}/executions", {})
    await house.over(first["workflow_execution_id"])
    await house.post(
        f"/workflows/{made['workflow_id']}/executions/{first['workflow_execution_id']}/rerun", RERUN
    )
    second = await house.post(f"/v1/workflows/{made['workflow_id']}/executions", {})
    await house.over(second["id"])
    await house.post(f"/v1/executions/{second['id']}/rerun", RERUN)

    assert house.kept_apart == [True] * 4


async def test_submissions_and_reruns_of_akoflow_at_both_doors(house: House) -> None:
    made = await house.post("/akoflow-api/workflows", {"workflow": DOCUMENT})
    await house.over(made["id"])
    await house.post(f"/akoflow-api/workflows/{made['id']}/rerun", RERUN)
    await house.post(f"/v1/executions/{made['id']}/rerun", RERUN)

    assert house.kept_apart == [True] * 3
