"""Every path with every method that it does not have, over the whole table of routes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from headrace.api.authentication import WithCaller
from headrace.app import Server
from headrace.dialects.akoflow.routes import application, operations
from headrace.settings import Settings

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(Settings(data_dir=tmp_path / "data"))
    await server.open()
    yield server
    await server.close()


async def test_a_wrong_method_is_told_with_those_that_are_right(server: Server) -> None:
    services = server.services
    table: dict[str, set[str]] = {}
    for operation in operations(services):
        table.setdefault(operation.path, set()).add(operation.method)
    app = WithCaller(application(services), server.store.tokens, services.clock, auth="off")
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))
    told: dict[tuple[str, str], tuple[int, str | None]] = {}
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for path, right in table.items():
            for method in METHODS:
                if method not in right:
                    answer = await http.request(method, re.sub(r"\{\w+(:path)?\}", "7", path))
                    told[path, method] = answer.status_code, answer.headers.get("allow")

    assert len(told) > 100
    assert told == {
        (path, method): (405, ", ".join(sorted({*table[path], *({"HEAD"} if "GET" in table[path] else ())})))
        for path, method in told
    }
    assert ("/akoflow-api/workflows/import", "GET") in told
