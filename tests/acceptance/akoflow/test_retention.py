"""Old directories go when the operator says so, and only those that the server made."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.acceptance.akoflow.client import API, Client, by_name, document

from headrace.app import Server
from headrace.dialects.akoflow.directories import inputs_of
from headrace.dialects.akoflow.labels import RERUN_OF
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.routes import tidying
from headrace.dialects.akoflow.routes.tidying import Tidying
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.orchestrator.executions import Executions, StartRequest
from headrace.settings import load
from headrace.store.rows import ExecutionFilter, ExecutionRow, Page
from headrace.testing.conformance.store_values import TurnedClock
from headrace.testing.running_server import RunningServer

WORKFLOW = document("name: a, run: 'echo kept > kept'", "name: b, run: 'cat kept; exit 3', dependsOn: a")
MONTH = timedelta(days=30)


class Place:
    """A server in this process, whose sweeps go by a clock that is turned."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clock = TurnedClock(server.services.clock.now())
        self.tidying = Tidying(replace(server.services, clock=self.clock), MONTH)
        self.root = server.services.settings.data_dir / "akoflow" / "workflows"

    async def ran(
        self, text: str, again: ExecutionRow | None = None, like: ExecutionRow | None = None
    ) -> ExecutionRow:
        """Run a document to its end: a new one, a rerun, or once more as the native door does."""
        services = self.server.services
        definition = parse(text.encode(), Surroundings()).definition
        assert definition is not None
        names = await services.executions.names_for(definition)
        inputs: dict[str, Any] = inputs_of(names.number, services.settings.data_dir)
        labels = {}
        if like is not None:
            workflow = like.workflow
        elif again is None:
            made = await services.workflows.create(definition, text.encode(), "application/yaml")
            workflow = made.number
        else:
            inputs = dict((await services.executions.view(again)).inputs)
            workflow, labels = again.workflow, {RERUN_OF: str(again.number)}
        row = await services.executions.start(
            StartRequest(workflow=workflow, version=1, inputs=inputs, names=names, labels=labels)
        )
        execution = await services.executions.wait(row, 30)
        assert execution.ended_at is not None
        return row

    async def sweep_after(self, time: timedelta) -> None:
        self.clock.moment += time.total_seconds()
        await self.tidying.sweep()

    def left(self) -> list[str]:
        return sorted(str(each.relative_to(self.root)) for each in self.root.rglob("*"))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    server = Server(load({"data_dir": str(tmp_path)}))
    await server.open()
    yield Place(server)
    await server.close()


async def test_a_directory_goes_when_its_time_is_over(place: Place) -> None:
    row = await place.ran(WORKFLOW)
    (place.root / "notes").mkdir()
    await place.sweep_after(MONTH - timedelta(minutes=5))
    before = place.left()
    await place.sweep_after(timedelta(minutes=10))

    assert before == [str(row.number), f"{row.number}/kept", "notes"]
    assert place.left() == ["notes"]


async def test_what_is_known_of_volumes_goes_with_the_directory(place: Place, tmp_path: Path) -> None:
    local, remote = tmp_path / "local", tmp_path / "remote"
    local.mkdir()
    (local / "x").touch()
    spec = f'runtime: local\nmountPath: {remote}\nvolumes: ["{local}:{remote}"]'
    row = await place.ran(document("name: a, run: 'true'", spec=spec))
    await place.sweep_after(MONTH - timedelta(minutes=5))
    before = place.left()
    await place.sweep_after(timedelta(minutes=10))

    lists = f"{row.number}.volumes"
    assert before == [lists, f"{lists}/0", f"{lists}/0.back"]
    assert place.left() == []
    assert (remote / "x").is_file()


async def test_what_only_a_rerun_brings_back_is_not_forgotten(place: Place, tmp_path: Path) -> None:
    local, remote = tmp_path / "local", tmp_path / "remote"
    local.mkdir()
    spec = f'runtime: local\nmountPath: {remote}\nvolumes: ["{local}:{remote}"]'
    row = await place.ran(document(f"name: a, run: 'rmdir {local}; touch {local} new'", spec=spec))
    await place.sweep_after(MONTH + timedelta(minutes=5))

    assert place.left() == [f"{row.number}.volumes", f"{row.number}.volumes/0"]


async def test_a_rerun_keeps_the_directory_that_it_works_in(place: Place) -> None:
    row = await place.ran(WORKFLOW)
    place.clock.moment += (MONTH * 2).total_seconds()
    again = await place.ran(WORKFLOW, again=row)
    last = await place.ran(WORKFLOW, again=again)
    ended = (await place.server.services.executions.get(last.number)).ended_at
    assert ended is not None
    place.clock.moment = ended + MONTH.total_seconds() - 1
    await place.tidying.sweep()
    before = place.left()
    await place.sweep_after(timedelta(seconds=10))

    assert before == [str(row.number), f"{row.number}/kept"]
    assert place.left() == []


class Asked:
    """Notes which executions are asked for, page by page."""

    def __init__(self, executions: Executions, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workflows: list[int | None] = []
        self._newest = executions.newest
        monkeypatch.setattr(executions, "newest", self._noted)

    async def _noted(self, which: ExecutionFilter, **page: Any) -> Page[ExecutionRow]:
        self.workflows.append(which.workflow)
        return await self._newest(which, **page)


async def test_only_what_can_repeat_a_run_is_asked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_PAGE", 2)
    row, *others = [await place.ran(document("name: a, run: 'true'")) for _ in range(6)]
    place.clock.moment += (MONTH * 2).total_seconds()
    for other in others:
        os.utime(place.root / str(other.number), (place.clock.now(), place.clock.now()))
    asked = Asked(place.server.services.executions, monkeypatch)
    await place.tidying.sweep()

    assert asked.workflows == [row.workflow]
    assert place.left() == [str(other.number) for other in others]


async def test_of_a_workflow_that_ran_often_only_younger_runs_are_asked_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "_PAGE", 2)
    row = await place.ran(WORKFLOW)
    for _ in range(6):
        row = await place.ran(WORKFLOW, like=row)
        await place.sweep_after(MONTH * 2)
    row = await place.ran(WORKFLOW, like=row)
    again = await place.ran(WORKFLOW, again=row)
    asked = Asked(place.server.services.executions, monkeypatch)
    await place.sweep_after(MONTH * 2)

    assert again.workflow == row.workflow
    assert asked.workflows == [row.workflow]
    assert place.left() == []


async def test_much_that_goes_is_moved_beside_the_event_loop_and_stops_for_a_rerun(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [f"name: {name}, run: 'touch x'" for name in "bcd"]
    kept = "name: a, run: 'touch x', keepDisk: true"
    row = await place.ran(document(kept, *others, spec="runtime: local\nstoragePolicy: {type: standalone}"))
    home = place.root / str(row.number)
    move, threads = tidying._move, []

    def marked(*asked: Any) -> bool:
        threads.append(threading.current_thread())
        moved = move(*asked)
        os.utime(home, (place.clock.now(), place.clock.now()))  # as a rerun does
        return moved

    monkeypatch.setattr(tidying, "_AT_ONCE", 1)
    with monkeypatch.context() as patched:
        patched.setattr(tidying, "_move", marked)
        await place.sweep_after(MONTH * 2)
    halfway = sorted(each.name for each in home.iterdir())
    await place.sweep_after(MONTH * 2)

    assert len(halfway) == 3
    assert "a" in halfway
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    assert [each.name for each in home.iterdir()] == ["a"]


async def test_what_an_activity_keeps_stays(place: Place) -> None:
    shared = await place.ran(document("name: a, run: 'touch x', keepDisk: yes", "name: b, run: 'touch y'"))
    alone = await place.ran(
        document(
            "name: a, run: 'touch x', keepDisk: true",
            "name: b, run: 'touch y'",
            spec="runtime: local\nstoragePolicy: {type: standalone}",
        )
    )
    for _ in range(2):
        await place.sweep_after(MONTH * 2)

    assert place.left() == [
        str(shared.number),
        f"{shared.number}/x",
        f"{shared.number}/y",
        str(alone.number),
        f"{alone.number}/a",
        f"{alone.number}/a/x",
    ]


async def test_what_a_killed_server_was_removing_goes(place: Place) -> None:
    (place.root / ".going-7" / "x").mkdir(parents=True)
    await place.tidying.sweep()

    assert place.left() == []


@pytest.fixture(scope="module")
def hasty(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(AKOFLOW__RETENTION="1s")


def test_a_rerun_that_uses_results_says_that_its_volumes_are_not_known_any_more(
    hasty: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "local").mkdir()
    volumes = f'["{tmp_path}/local:{tmp_path}/remote"]'
    spec = f"runtime: local\nmountPath: {tmp_path}/remote\nvolumes: {volumes}"
    with hasty.client() as http:
        client = Client(http)
        workflow = client.submit(document("name: a, run: 'echo 1 > x'", "name: b, run: 'false'", spec=spec))
        client.ended(workflow)
        lists = hasty.directory / "data" / "akoflow" / "workflows" / f"{workflow}.volumes"
        client.until(lambda: not lists.exists(), bool)
        refused = http.post(f"{API}/{workflow}/rerun/", json={"dry_run": True})
        again = http.post(f"{API}/{workflow}/rerun/", json={"from": "start"})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "directory_gone")
    assert "from the start" in refused.json()["message"]
    assert again.status_code == 200


def test_a_rerun_says_that_its_directory_is_gone(hasty: RunningServer, tmp_path: Path) -> None:
    with hasty.client() as http:
        client = Client(http)
        workflow = client.submit(WORKFLOW)
        elsewhere = client.submit(document("name: a, run: 'touch x'", spec=f"mountPath: {tmp_path}/mine"))
        client.ended(elsewhere)
        home = Path(by_name(client.ended(workflow))["a"]["directory"])
        client.until(home.exists, lambda is_there: not is_there)
        refused = [
            client.http.post(f"{API}/{workflow}/rerun/", json=body) for body in ({}, {"dry_run": True})
        ]
        native = client.http.post(f"/v1/executions/{workflow}/rerun", json={})
        again = client.http.post(f"{API}/{workflow}/rerun/", json={"from": "start"}).json()["workflow_id"]
        found = by_name(client.ended(again))

    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (409, "directory_gone")
        assert "from the start" in answer.json()["message"]
    assert [each["code"] for each in native.json()["problems"]] == ["directory_gone"]
    assert (found["a"]["state"], found["b"]["state"]) == ("succeeded", "failed")
    assert (tmp_path / "mine" / "x").exists()
