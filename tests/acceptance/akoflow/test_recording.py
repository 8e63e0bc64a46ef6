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
    assert {("a", "created", "f", digest("1\n")), ("b", "modified", "f", digest("1\n2\n"))} <= uses


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


def test_what_several_may_have_made_is_said_of_each(recorded: Recorded, tmp_path: Path) -> None:
    wait = "while [ ! -e {other}.here ]; do sleep 0.02; done"
    text = document(
        f'name: a, run: "touch a.here; {wait.format(other="b")}; echo 1 > shared", outputs: [a.here]',
        f'name: b, run: "touch b.here; {wait.format(other="a")}; sleep 0.3", outputs: [b.here]',
        spec=f"runtime: local\nmountPath: {tmp_path}/w",
    )
    found = recorded.ran(text)
    recorded.server.stop()

    uses = uses_of(recorded.server.directory / "data", found["id"])
    assert sorted((each.use.task, each.version.path, each.use.is_certain) for each in uses) == [
        ("a", "a.here", True),
        ("a", "shared", False),
        ("b", "b.here", True),
        ("b", "shared", False),
    ]


def test_a_killed_server_loses_no_change_and_notes_none_twice(recorded: Recorded, tmp_path: Path) -> None:
    place = tmp_path / "w"
    place.mkdir()
    (place / "in").write_text("input\n")
    text = document(
        "name: a, inputs: [in],"
        ' run: "echo 1 > before; while [ ! -e go ]; do sleep 0.02; done; echo 2 > after"',
        'name: b, run: "cat before after > sum", dependsOn: [a], inputs: [before, after]',
        spec=f"runtime: local\nmountPath: {place}",
    )
    workflow = recorded.client.submit(text)
    recorded.client.until((place / "before").exists, bool)
    recorded.server.kill()
    (place / "go").touch()
    recorded.server.start_again()
    with recorded.server.client() as http:
        client = Client(http)
        assert client.ended(workflow)["state"] == "succeeded"
        kept(client, workflow)
    recorded.server.stop()

    uses = uses_of(recorded.server.directory / "data", workflow)
    assert sorted((each.use.task, each.use.kind, each.version.path) for each in uses) == [
        ("a", "created", "after"),
        ("a", "created", "before"),
        ("a", "created", "go"),
        ("a", "read", "in"),
        ("b", "created", "sum"),
        ("b", "read", "after"),
        ("b", "read", "before"),
    ]
    assert ("b", "created", "sum", digest("1\n2\n")) in told(uses)


def test_nothing_is_noted_when_it_is_switched_off(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(AKOFLOW__PROVENANCE="off")
    with server.client() as http:
        recorded = Recorded(server, Client(http))
        text = document('name: a, run: "echo 1 > f"', spec=f"runtime: local\nmountPath: {tmp_path}/w")
        found = recorded.ran(text)
        server.stop()

    assert uses_of(server.directory / "data", found["id"]) == []
