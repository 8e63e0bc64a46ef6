"""Groups of cgroup v2 as the kernel has them, where the tests were given a group to divide.

    systemd-run --wait --pipe -p Delegate=yes -p WorkingDirectory=$PWD \\
        .venv/bin/python -m pytest tests/unit/runtimes/test_kernel_cgroups.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.runtimes.long_steps import HOLD, MIB, opened, python, step

from headrace.runtimes import cgroups
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.cgroups import Cgroups
from headrace.testing.witness import until

SPIN = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"


@pytest.fixture
def directories(tmp_path: Path) -> AttemptDirectories:
    return AttemptDirectories(tmp_path / "attempts")


@pytest.fixture
def groups(directories: AttemptDirectories) -> Cgroups:
    return made(directories)


def made(directories: AttemptDirectories) -> Cgroups:
    found = cgroups.of_this_process(directories.root)
    if found is None:
        pytest.skip("needs a control group (cgroup v2, memory) that was delegated to the tests alone")
    return found


def running(groups: Cgroups) -> list[str]:
    """The attempts that have a group."""
    return [each.name for each in groups.house.iterdir() if each.is_dir()]


async def test_the_kernel_ends_a_step_above_its_limit(
    groups: Cgroups, directories: AttemptDirectories
) -> None:
    hold = python(HOLD.format(size=120 * MIB, seconds=600))
    async with opened(directories, bounds=groups) as (runtime, witness):
        for attempt, script in enumerate((hold, f"setsid {hold}; true", f"{hold} & wait; true"), 1001):
            runtime.submit(step(attempt, script, memory=60 * MIB))
        ended = [await witness.ended(attempt) for attempt in (1001, 1002, 1003)]

    assert [each.failure and each.failure.code for each in ended] == ["out_of_memory"] * 3
    assert all("held 60.0 MiB" in each.failure.message for each in ended if each.failure)


async def test_what_could_be_swapped_out_counts(groups: Cgroups, directories: AttemptDirectories) -> None:
    async with opened(directories, bounds=groups) as (runtime, witness):
        runtime.submit(step(1001, "sleep 600", memory=60 * MIB))
        await witness.started(1001)
        file = groups.house / "1001" / "memory.swap.max"
        said = file.read_text().strip() if file.exists() else "0"  # not counted, and not for us to change
        runtime.cancel(1001)
        await witness.ended(1001)

    assert said == "0"


async def test_a_step_within_its_limits_is_left_alone_and_no_group_remains(
    groups: Cgroups, directories: AttemptDirectories
) -> None:
    async with opened(directories, bounds=groups) as (runtime, witness):
        runtime.submit(step(1001, python(HOLD.format(size=30 * MIB, seconds=0)), memory=100 * MIB, cpus=1))
        ended = await witness.ended(1001)

    assert ended.outcome == "succeeded"
    assert running(groups) == []


async def test_a_quarter_of_a_processor_is_no_more(groups: Cgroups, directories: AttemptDirectories) -> None:
    if "cpu:cgroup" not in groups.limits:
        pytest.skip("the control group of the tests was not given the cpu controller")
    async with opened(directories, bounds=groups) as (runtime, witness):
        runtime.submit(step(1001, python(SPIN), cpus=0.25))
        ended = await witness.ended(1001)

    assert ended.usage is not None
    assert ended.started_at is not None
    assert ended.usage.cpu_seconds / (ended.ended_at - ended.started_at) < 0.4  # without a limit it is 1


@pytest.mark.parametrize(
    ("script", "told"),
    [(python(HOLD.format(size=120 * MIB, seconds=600)), "out_of_memory"), ("exit 3", "exit_code")],
)
@pytest.mark.parametrize("ends_late", [False, True])
async def test_what_ended_without_a_server_is_found_by_the_next_one(
    groups: Cgroups, directories: AttemptDirectories, script: str, told: str, *, ends_late: bool
) -> None:
    go = directories.root.parent / "go"
    job = step(1001, f"while ! [ -e {go} ]; do sleep 0.05; done; {script}", memory=60 * MIB)
    async with opened(directories, bounds=groups) as (runtime, witness):
        runtime.submit(job)
        started = await witness.started(1001)
        await until((groups.house / "1001" / "cgroup.procs").read_text)  # it has entered
    found = made(directories)  # it looks at its groups once
    go.touch()
    pid = int(started.native or 0)
    await until(lambda: os.waitpid(pid, os.WNOHANG)[0])  # as whoever takes over orphans does
    async with opened(directories, bounds=found if ends_late else made(directories)) as (runtime, witness):
        runtime.recover(job)
        ended = await witness.ended(1001)

    assert ended.failure is not None
    assert ended.failure.code == told
    assert running(groups) == []
