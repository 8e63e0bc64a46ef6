from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Say

from headrace.errors import StoreError
from headrace.orchestrator.executions import Executions


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests run in the background of a shell, which ignores it there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_document_runs_without_a_server(say: Say, report: Path) -> None:
    said = say("run", str(report), "--input", "text=Hello")

    assert said.status == 0
    assert said.out == "size: 5\n"
    assert "✓ Measure  succeeded" in said.err
    assert "└─ ✓ size  text.size" in said.err


def test_a_run_for_programs_is_one_document(say: Say, report: Path) -> None:
    said = say("run", str(report), "--input", "text=Hello", "--json")

    assert (said.status, said.err) == (0, "")
    assert said.document["state"] == "succeeded"
    assert said.document["outputs"] == {"size": 5}


def test_a_run_that_fails_says_so_with_its_status(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "fails.json"
    path.write_text(
        '{"title": "Fail", "tasks": [{"name": "no", "type": "core.shell", "inputs": {"script": "exit 3"}}]}'
    )

    said = say("run", str(path))

    assert said.status == 1
    assert "exit code 3" in said.err


def test_an_input_may_come_from_a_file(say: Say, report: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Hello, World!")

    assert say("run", str(report), "-i", "text=@text.txt").out == "size: 13\n"


def test_wrong_inputs_are_all_told_and_are_a_wrong_command_line(
    say: Say, report: Path, tmp_path: Path
) -> None:
    said = say("run", str(report), "--input", "txet=Hello")
    with sqlite3.connect(tmp_path / ".headrace" / "headrace.db") as database:
        left = database.execute("SELECT count(*) FROM workflows WHERE deleted_at IS NULL").fetchone()
    database.close()

    assert said.status == 2
    assert left == (0,)
    assert "/inputs/txet" in said.err
    assert "input 'text'" in said.err


def test_a_run_that_the_store_refuses_leaves_no_workflow(
    say: Say, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: Executions, asked: Any) -> Any:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(Executions, "start", refuse)
    said = say("run", str(report), "--input", "text=Hello")
    with sqlite3.connect(tmp_path / ".headrace" / "headrace.db") as database:
        left = database.execute("SELECT count(*) FROM workflows WHERE deleted_at IS NULL").fetchone()
    database.close()

    assert "The disk is full." in said.err
    assert said.status != 0
    assert left == (0,)


def test_a_document_with_problems_does_not_run_and_leaves_nothing(
    say: Say, broken: Path, tmp_path: Path
) -> None:
    said = say("run", str(broken))

    assert said.status == 1
    assert "unknown_task_type" in said.out
    assert "nothing was started" in said.err
    assert not (tmp_path / ".headrace").exists()


def test_a_wrong_setting_is_a_wrong_command_line(say: Say, report: Path) -> None:
    said = say("run", str(report), "--set", "local.cpu=4")

    assert said.status == 2
    assert "did you mean local.cpus?" in said.err


def test_a_data_directory_that_cannot_be_used_is_told_and_not_replaced(
    say: Say, report: Path, tmp_path: Path
) -> None:
    said = say("run", str(report), "-i", "text=a", "--data-dir", str(report))

    assert said.status == 5
    assert "cannot be used" in said.err


def test_a_file_is_an_input(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "pass.json"
    path.write_text(
        '{"title": "Pass", "inputs": [{"name": "talk", "type": "file"}],'
        ' "tasks": [{"name": "a", "type": "core.noop"}],'
        ' "outputs": [{"name": "talk", "value": "{{inputs.talk}}"}]}'
    )
    (tmp_path / "talk.txt").write_text("Hello")

    said = say("run", str(path), "-i", "talk=@talk.txt", "--json")

    assert said.status == 0, said.err
    assert said.document["outputs"]["talk"]["name"] == "talk.txt"
    assert said.document["outputs"]["talk"]["size"] == 5


@pytest.mark.usefixtures("interruptible")
def test_a_run_that_is_interrupted_in_its_start_is_cancelled(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sleeps.json"
    path.write_text(
        '{"title": "Nap", "tasks": [{"name": "nap", "type": "core.shell", "inputs": {"script": "sleep 60"}}]}'
    )
    start = Executions.start

    async def interrupted(self: Executions, request: Any) -> Any:
        row = await start(self, request)
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)
        return row

    monkeypatch.setattr(Executions, "start", interrupted)
    said = say("run", str(path))
    with sqlite3.connect(tmp_path / ".headrace" / "headrace.db") as database:
        [(state,)] = database.execute("SELECT state FROM executions").fetchall()
    database.close()

    assert said.status == 130
    assert state == "cancelled"
    assert "the run is cancelled" in said.err
