"""`kill -9` at every commit boundary: nothing acknowledged is lost, nothing runs twice, everything ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

PROGRAM = Path(__file__).with_name("mortal_server.py")


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    root = tmp_path_factory.mktemp("lives")
    ended = subprocess.run(
        [sys.executable, str(PROGRAM), str(root)], capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    found: list[dict[str, Any]] = json.loads((root / "trials.json").read_text())
    for each in found:
        each["root"] = str(root)
    return found


def test_servers_were_killed_before_and_after_every_commit(trials: list[dict[str, Any]]) -> None:
    killed = [(found["before"], found["kill_at"]) for found in trials if found["killed"]]

    # How many commits there are depends on how many reports arrive together.
    assert len([where for where in killed if where[0]]) >= 8
    assert len([where for where in killed if not where[0]]) >= 8


def test_every_execution_ends_well_after_the_restart(trials: list[dict[str, Any]]) -> None:
    ends = [(found["before"], found["kill_at"], found["state"]) for found in trials]

    assert [end for end in ends if end[2] != "succeeded"] == []


def test_no_attempt_ran_twice(trials: list[dict[str, Any]]) -> None:
    repeated = [
        (found["before"], found["kill_at"], attempt)
        for found in trials
        for attempt, count in Counter(found["ledger"]).items()
        if count > 1
    ]

    assert repeated == []


def test_every_attempt_that_ended_had_its_effect_once(trials: list[dict[str, Any]]) -> None:
    # The child's only step stands in the ledger too, and in no run of the parent.
    counts = [
        (found["before"], found["kill_at"], found["steps"] + 1, len(found["ledger"])) for found in trials
    ]

    assert [count for count in counts if count[2] != count[3]] == []


def test_there_is_one_child_and_one_parent(trials: list[dict[str, Any]]) -> None:
    assert {found["executions"] for found in trials} == {2}


def test_no_process_is_left_behind(trials: list[dict[str, Any]]) -> None:
    root = trials[0]["root"]

    left = [process.pid for process in psutil.process_iter() if root in " ".join(_command_line(process))]

    assert left == []


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
