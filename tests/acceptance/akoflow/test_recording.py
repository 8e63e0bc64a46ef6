"""What a real server notes of the files of activities (section 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.akoflow.client import Client, document

from headrace.clock import SystemClock
from headrace.store.provenance_rows import RecordedUse
from headrace.store.sqlite import open_sqlite
from headrace.testing.running_server import RunningServer

StartServer = Callable[..., RunningServer]


class Recorded:
    """A server whose record can be read once it is closed."""

    def __init__(self, server: RunningServer, client: Client) -> None:
        self.server = server
        self.client = client

    def ran(self, text: str) -> Any:
        found = self.client.ended(self.client.submit(text))
        assert found["state"] == "succeeded", found
        return found


@pytest.fixture
def recorded(start_server: StartServer) -> Iterator[Recorded]:
    server = start_server()
    with server.client() as http:
        yield Recorded(server, Client(http))


def uses_of(data: Path, execution: int) -> list[RecordedUse]:
    """Return what the record of a stopped server says."""

    async def read() -> list[RecordedUse]:
        store = open_sqlite(data, clock=SystemClock())
        try:
            return (await store.provenance.uses(execution)).rows
        finally:
            await store.close()

    return asyncio.run(read())


def told(uses: list[RecordedUse]) -> set[tuple[str, str, str, str | None]]:
    """Return who did what with which path, and what that then held."""
    return {(each.use.task, each.use.kind, each.version.path, each.version.sha256) for each in uses}


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def kept(client: Client, workflow: int) -> list[Any]:
    """Return what activities left once all of it was read."""
    found: list[Any] = client.until(
        lambda: client.get(f"{workflow}/artifacts/"),
        lambda rows: bool(rows) and all(row["sha256"] or row.get("superseded") for row in rows),
    )
    return found


def test_a_file_that_two_activities_change_in_turn_names_both(recorded: Recorded, tmp_path: Path) -> None:
    text = document(
        'name: a, run: "echo 1 > f; mkdir sub; echo x > sub/g"',
        'name: b, run: "echo 2 >> f; rm sub/g", dependsOn: [a], inputs: [f]',
        spec=f"runtime: local\nmountPath: {tmp_path}/w",
    )
    found = recorded.ran(text)
    kept(recorded.client, found["id"])
    recorded.server.stop()

    uses = told(uses_of(recorded.server.directory / "data", found["id"]))
    assert {(task, kind, path) for task, kind, path, _ in uses} == {
        ("a", "created", "f"),
        ("a", "created", "sub/g"),
        ("b", "read", "f"),
        ("b", "modified", "f"),
        ("b", "deleted", "sub/g"),
    }
    assert ("b", "modified", "f", digest("1\n2\n")) in uses


def test_standalone_reads_the_files_that_its_dependencies_made(recorded: Recorded, tmp_path: Path) -> None:
    text = document(
        'name: a, run: "echo 1 > a"',
        'name: b, run: "echo 2 > b"',
        'name: c, run: "echo 3 > c"',
        'name: d, run: "cat a b c > d", dependsOn: [a, b, c]',
        spec=f"runtime: local\nmountPath: {tmp_path}/w\nstoragePolicy: {{type: standalone}}",
    )
    found = recorded.ran(text)
    kept(recorded.client, found["id"])
    recorded.server.stop()

    uses = uses_of(recorded.server.directory / "data", found["id"])
    made = {each.after.number: each.use.task for each in uses if each.use.kind == "created" and each.after}
    read = {made[each.before.number] for each in uses if each.use.kind == "read" and each.before}
    assert sorted(made.values()) == ["a", "b", "c", "d"]
    assert read == {"a", "b", "c"}
    assert ("d", "created", "d", digest("1\n2\n3\n")) in told(uses)
