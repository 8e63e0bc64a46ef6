"""Steps that hold more memory than they declared, watched from outside."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.unit.runtimes.long_steps import HOLD, MIB, opened, python, sampled, step

from headrace.runtimes import record
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.protocol import JobEnded
from headrace.testing.witness import until

FORK = """
import os, time
held = b'x' * {size}
for _ in range(3):
    if not os.fork():
        break
time.sleep({seconds})
"""
MAP = """
import mmap, time
with open({path!r}, 'rb') as file:
    content = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    assert sum(content[at] for at in range(0, len(content), 4096)) == 0
    time.sleep({seconds})
"""


@pytest.fixture
def directories(tmp_path: Path) -> AttemptDirectories:
    return AttemptDirectories(tmp_path / "attempts")


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def run(directories: AttemptDirectories, script: str, memory: int) -> JobEnded:
    async with opened(directories) as (runtime, witness):
        runtime.submit(step(1001, script, memory=memory))
        return await witness.ended(1001)


async def test_a_step_that_holds_too_much_is_ended(directories: AttemptDirectories) -> None:
    ended = await run(directories, python(HOLD.format(size=120 * MIB, seconds=600)), 60 * MIB)

    assert ended.outcome == "failed"
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.exit_code, ended.failure.final) == ("out_of_memory", 137, False)
    assert "above its limit of 60.0 MiB" in ended.failure.message
    [held] = re.findall(r"held ([\d.]+) MiB of memory", ended.failure.message)
    assert 60 < float(held) < 160  # it may be seen while it still grows
    assert ended.usage is not None
    assert ended.usage.max_rss_bytes >= float(held) * MIB - MIB
    found = sampled(directories, 1001)
    assert found is not None
    assert found.max_memory > 60 * MIB


async def test_all_its_processes_count_and_all_are_ended(
    directories: AttemptDirectories, tmp_path: Path
) -> None:
    note = f"import os; open('{tmp_path}/' + str(os.getpid()), 'w')"
    hold = python(f"{note}\n{HOLD.format(size=50 * MIB, seconds=600)}")
    ended = await run(directories, f"trap : TERM; {hold} & {hold} & wait; wait", 80 * MIB)
    pids = [int(name) for name in names(tmp_path) if name.isdigit()]

    assert ended.failure is not None
    assert ended.failure.code == "out_of_memory"
    assert len(pids) == 2
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


async def test_what_processes_share_counts_once(directories: AttemptDirectories) -> None:
    ended = await run(directories, python(FORK.format(size=60 * MIB, seconds=1.5)), 120 * MIB)

    assert ended.outcome == "succeeded"


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """A file whose pages are in the page cache."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True)
    if kind.stdout.strip() == "tmpfs":
        pytest.skip("temporary files lie in memory here, and are memory of whoever maps them")
    file = tmp_path / "large"
    file.write_bytes(bytes(150 * MIB))
    return file


async def test_files_that_are_mapped_do_not_count(directories: AttemptDirectories, large_file: Path) -> None:
    ended = await run(directories, python(MAP.format(path=str(large_file), seconds=1.5)), 100 * MIB)

    assert ended.outcome == "succeeded"


async def test_a_step_within_its_limit_is_left_alone(directories: AttemptDirectories) -> None:
    ended = await run(directories, python(HOLD.format(size=30 * MIB, seconds=1.2)), 100 * MIB)

    assert ended.outcome == "succeeded"
    assert ended.usage is not None
    assert 30 * MIB < ended.usage.max_rss_bytes < 100 * MIB


async def test_the_verdict_outlives_the_server(directories: AttemptDirectories) -> None:
    await run(directories, python(HOLD.format(size=120 * MIB, seconds=600)), 60 * MIB)
    async with opened(directories) as (runtime, witness):
        runtime.recover(step(1001, "true", memory=60 * MIB))
        ended = await witness.ended(1001)

    assert record.read(directories.path(1001)) is not None
    assert (ended.outcome, ended.failure and ended.failure.code) == ("failed", "out_of_memory")
    assert ended.failure is not None
    assert ended.failure.message == "The step held more memory, above its limit of 60.0 MiB, and was ended."


async def test_a_step_of_an_earlier_server_is_watched_too(
    directories: AttemptDirectories, tmp_path: Path
) -> None:
    wait = f"while ! [ -e {tmp_path}/go ]; do sleep 0.05; done"
    job = step(1001, f"{wait}; {python(HOLD.format(size=120 * MIB, seconds=600))}", memory=60 * MIB)
    async with opened(directories) as (runtime, witness):
        runtime.submit(job)
        await witness.started(1001)
    async with opened(directories) as (runtime, witness):
        runtime.recover(job)
        await witness.started(1001)
        (tmp_path / "go").touch()
        ended = await witness.ended(1001)

    assert ended.failure is not None
    assert ended.failure.code == "out_of_memory"


def test_this_is_a_machine_that_tells_what_is_shared() -> None:
    assert "Pss_Anon" in Path(f"/proc/{os.getpid()}/smaps_rollup").read_text()
