"""Every path with every method that it does not have, over the whole table of routes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.dialects.akoflow.doors_in_process import opened

from headrace.dialects.akoflow.routes import operations

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


async def test_a_wrong_method_is_told_with_those_that_are_right(tmp_path: Path) -> None:
    table: dict[str, set[str]] = {}
    told: dict[tuple[str, str], tuple[int, str | None]] = {}
    async with opened(tmp_path) as (server, http):
        for operation in operations(server.services):
            table.setdefault(operation.path, set()).add(operation.method)
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
