"""What is seen of real processes while they run: processor time, memory, long logs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.runtimes.long_steps import HOLD, MIB, SPIN, opened, python, sampled, step

from headrace.definition.outcomes import Usage
from headrace.runtimes import long_logs, sampling
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.protocol import Command, Job, JobEnded
from headrace.runtimes.samples import Point
from headrace.testing.runtime_premises import LocalPremises
from headrace.testing.witness import until


@pytest.fixture
def directories(tmp_path: Path) -> AttemptDirectories:
    return AttemptDirectories(tmp_path / "attempts")


@contextmanager
def hosted(directories: AttemptDirectories, job: Job) -> Iterator[None]:
    """Run a job on a server in a process of its own, which is killed afterwards."""
    host = [sys.executable, "-m", "headrace.testing.runtime_host", LocalPremises.factory]
    with subprocess.Popen(
        [*host, str(directories.root)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode([job]))
        process.stdin.close()
        try:
            yield
        finally:
            process.kill()


def points(directories: AttemptDirectories) -> tuple[Point, ...]:
    found = sampled(directories, 1001)
    return found.points if found is not None else ()


def size(path: str) -> int:
    return Path(path).stat().st_size


async def run(directories: AttemptDirectories, script: str, **options: Any) -> JobEnded:
    async with opened(directories, **options) as (runtime, witness):
        runtime.submit(step(1001, script))
        return await witness.ended(1001)


def usage_of(ended: JobEnded) -> Usage:
    assert ended.usage is not None
    return ended.usage


async def test_a_process_that_computes_shows_the_core_that_it_takes(directories: AttemptDirectories) -> None:
    ended = await run(directories, python(SPIN.format(seconds=1.6)))
    found = sampled(directories, 1001)

    assert found is not None
    assert 0.3 <= found.cpu_seconds <= usage_of(ended).cpu_seconds + 0.1
    assert 0.2 < max(point.cores for point in found.points) < 1.2


async def test_children_are_counted(directories: AttemptDirectories) -> None:
    one = 2.5
    spin = python(SPIN.format(seconds=one))
    ended = await run(directories, f"{spin} & {spin} & wait")
    found = sampled(directories, 1001)

    assert found is not None  # what the two use after the last look, up to two seconds, is in the sum only
    assert one < found.cpu_seconds <= usage_of(ended).cpu_seconds + 0.1


async def test_memory_is_that_of_all_processes_together(directories: AttemptDirectories) -> None:
    hold = python(HOLD.format(size=60 * MIB, seconds=3))
    ended = await run(directories, f"{hold} & {hold} & wait")
    found = sampled(directories, 1001)

    assert found is not None
    assert 120 * MIB < found.max_memory < 200 * MIB
    assert usage_of(ended).max_rss_bytes == found.max_memory


async def test_a_step_of_more_than_a_second_is_sampled(directories: AttemptDirectories) -> None:
    attempts = range(1001, 1009)
    hold = python(HOLD.format(size=40 * MIB, seconds=1))
    async with opened(directories) as (runtime, witness):
        for number, attempt in enumerate(attempts):  # they begin at any moment between two looks
            runtime.submit(step(attempt, f"sleep 0.{number}; {hold}", cpus=0.01))
        ended = [await witness.ended(attempt) for attempt in attempts]

    for each in ended:
        found = sampled(directories, each.attempt)
        assert found is not None
        assert usage_of(each).max_rss_bytes >= found.max_memory > 0


async def test_a_step_of_a_moment_leaves_no_samples_but_its_sum(
    directories: AttemptDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LONG", 60.0)  # a moment may be long on a busy machine
    ended = await run(directories, python(SPIN.format(seconds=0.1)))

    assert sampled(directories, 1001) is None
    assert usage_of(ended).cpu_seconds >= 0.1


async def test_what_was_written_to_storage_is_told(directories: AttemptDirectories) -> None:
    ended = await run(directories, "head -c 1000000 /dev/zero > file; sync file")
    used = usage_of(ended)

    assert used.written_bytes >= 1_000_000 or used.written_bytes == 0  # memory is no storage
    assert used.read_bytes >= 0


async def test_samples_can_be_read_while_the_step_runs(directories: AttemptDirectories) -> None:
    async with opened(directories) as (runtime, witness):
        runtime.submit(step(1001, "sleep 600"))
        await until(lambda: sampled(directories, 1001))
        runtime.cancel(1001)
        ended = await witness.ended(1001)

    assert ended.outcome == "cancelled"


async def test_samples_go_on_after_a_server_was_killed(
    directories: AttemptDirectories, tmp_path: Path
) -> None:
    spin, over, go = python(SPIN.format(seconds=1.5)), tmp_path / "over", tmp_path / "go"
    job = step(1001, f"{spin}; touch {over}; while ! [ -e {go} ]; do sleep 0.5; done")
    with hosted(directories, job):
        await until(lambda: points(directories))
    before = points(directories)
    async with opened(directories) as (runtime, witness):
        runtime.recover(job)
        await until(over.exists)
        count = len(points(directories))
        await until(lambda: len(points(directories)) > count + 1)
        go.touch()
        ended = await witness.ended(1001)
    after = points(directories)
    starts = [point.at - point.seconds for point in after]

    assert after[: len(before)] == before
    assert starts[1:] == pytest.approx([point.at for point in after[:-1]], abs=1e-3)
    assert usage_of(ended).cpu_seconds > 1.45
    assert usage_of(ended).cpu_seconds == pytest.approx(
        sum(point.seconds * point.cores for point in after), abs=0.01
    )
    assert usage_of(ended).max_rss_bytes == max(point.memory for point in after)


async def test_nothing_ticks_while_nothing_runs(directories: AttemptDirectories) -> None:
    async with opened(directories) as (runtime, witness):
        runtime.submit(step(1001, "true"))
        await witness.ended(1001)
        timers = runtime._sampling
        await until(lambda: timers._timer is None)

    assert timers._thread is None


async def test_many_running_steps_do_not_keep_the_loop(directories: AttemptDirectories) -> None:
    attempts = range(1001, 1101)
    async with opened(directories) as (runtime, witness):
        for attempt in attempts:
            runtime.submit(step(attempt, "exec sleep 600", cpus=0.01, memory=MIB * 40))
        await until(lambda: all(sampled(directories, attempt) for attempt in attempts))
        loop, longest = asyncio.get_running_loop(), 0.0
        for _ in range(4):
            began = loop.time()
            runtime._sampling._tick()
            longest = max(longest, loop.time() - began)
            await until(lambda: runtime._sampling._looking is None)
        for attempt in attempts:
            runtime.cancel(attempt)
        for attempt in attempts:
            await witness.ended(attempt)

    assert longest < 0.05


async def test_a_log_that_is_too_long_is_cut_while_it_is_written(directories: AttemptDirectories) -> None:
    async with opened(directories, max_log=MIB) as (runtime, witness):
        runtime.submit(step(1001, "exec yes"))
        log = f"{directories.path(1001)}.stdout"
        await until(lambda: long_logs.is_cut(log) and size(log) < MIB + 100)
        cut = size(log)
        runtime.cancel(1001)
        await witness.ended(1001)

    assert MIB < cut == size(log) < MIB + 100
    assert size(f"{log}.cut") == 0


async def test_an_output_of_which_the_log_was_cut_is_a_failure(directories: AttemptDirectories) -> None:
    ended = await run(directories, "head -c 2000000 /dev/zero | tr '\\0' x", max_log=MIB)

    assert ended.failure is not None
    assert ended.failure.code == "output_too_large"
    assert "were kept" in ended.failure.message


async def test_a_cut_log_that_nobody_takes_as_output_fails_nothing(directories: AttemptDirectories) -> None:
    work = Command(script="head -c 2000000 /dev/zero | tr '\\0' x", options={"capture": False})
    async with opened(directories, max_log=MIB) as (runtime, witness):
        runtime.submit(Job(attempt=1001, label="step", work=work))
        ended = await witness.ended(1001)

    assert ended.outcome == "succeeded"
    assert long_logs.is_cut(f"{directories.path(1001)}.stdout")
