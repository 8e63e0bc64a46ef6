"""Processes that are just becoming something else are not overlooked."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.unit.runtimes.long_steps import opened, step

from headrace.runtimes import processes
from headrace.runtimes.attempts import AttemptDirectories
from headrace.testing.witness import until


@pytest.mark.parametrize("_", range(30))
def test_whose_a_young_process_is_is_known_or_known_to_be_unknown(_: int) -> None:
    child = subprocess.Popen(["sleep", "600"], env={**os.environ, processes.MARK: "/place"})
    try:
        [found] = [each for each in processes.residents() if each.pid == child.pid]
    finally:
        child.kill()
        child.wait()

    assert found.is_changing or found.mark == "/place"


def test_a_process_without_an_environment_is_nobody_in_particular() -> None:
    with subprocess.Popen(["cat"], env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"x")
        child.stdin.flush()
        child.stdout.read(1)  # it is what it will be
        [found] = [each for each in processes.residents() if each.pid == child.pid]

    assert (found.mark, found.is_changing) == (None, False)


async def test_who_left_its_session_and_is_becoming_another_program_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directories, pid_file = AttemptDirectories(tmp_path / "attempts"), tmp_path / "pid"
    looks, look = [], processes.residents
    os.mkfifo(tmp_path / "fifo")

    def first_look_in_mid_exec() -> list[processes.Resident]:
        looks.append(asyncio.get_running_loop().time())
        return [
            msgspec.structs.replace(each, mark=None, is_changing=True)
            if each.pid == away and len(looks) == 1
            else each
            for each in look()
        ]

    async with opened(directories) as (runtime, witness):
        runtime.submit(
            step(1001, f"setsid sh -c 'echo $$ > {pid_file}; read -r _ <> {tmp_path}/fifo' & wait")
        )
        await until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        away = int(pid_file.read_text())
        monkeypatch.setattr(processes, "residents", first_look_in_mid_exec)
        runtime.cancel(1001)
        ended = await witness.ended(1001)

    assert ended.outcome == "cancelled"
    assert len(looks) > 1
    assert away not in {each.pid for each in look()}
