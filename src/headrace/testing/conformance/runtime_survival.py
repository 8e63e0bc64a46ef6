"""What every runtime must keep whose jobs outlive the server: each runs once, whenever the server dies."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from headrace.runtimes.protocol import Command, Job, JobEnded, Runtime
from headrace.testing.conformance import runtime as suite
from headrace.testing.witness import Witness, until


class Premises(suite.Premises, Protocol):
    """Where a runtime lives that can also be opened by another process."""

    factory: str
    """`module:function`, which given `directory` returns the same runtime as `open`."""
    directory: Path


@asynccontextmanager
async def doomed_server(premises: Premises, jobs: list[Job]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Submit the jobs from a process of its own, which is killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "headrace.testing.runtime_host",
        premises.factory,
        str(premises.directory),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(jobs))
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


@asynccontextmanager
async def successor(premises: Premises, jobs: list[Job]) -> AsyncIterator[tuple[Runtime, Witness]]:
    """Open the next server's runtime and let it recover the jobs."""
    runtime, witness = premises.open(), Witness()
    runtime.open(witness)
    for job in jobs:
        runtime.recover(job)
    try:
        yield runtime, witness
    finally:
        await runtime.close()


def step(attempt: int, script: str, timeout: float | None = None) -> Job:
    """Return a job that runs a script."""
    return Job(attempt=attempt, label="step", work=Command(script=script), timeout=timeout)


class SurvivalConformance:
    """Give the fixture `premises`."""

    @pytest.mark.parametrize(
        ("ending", "code"),
        [
            ("exit 0", 0),
            ("exit 3", 3),
            ("exec sh -c 'exit 5'", 5),
            ("trap 'exit 6' EXIT", 6),
            ("kill -9 $$", 137),
        ],
    )
    @pytest.mark.parametrize("over", ["before", "after"])
    async def test_a_step_that_outlives_its_server_is_found_again(
        self, premises: Premises, tmp_path: Path, ending: str, code: int, over: str
    ) -> None:
        go, done = tmp_path / "go", tmp_path / "done"
        script = (
            f"echo first; echo 1001 >> {premises.ledger}; while ! [ -e {go} ]; do sleep 0.02; done\n"
            f"echo last; touch {done}\n{ending}"
        )
        job = step(1001, script)
        async with doomed_server(premises, [job]):
            await until(lambda: suite.runs(premises, 1001))
        if over == "before":
            go.touch()
            await until(done.exists)
        async with successor(premises, [job]) as (runtime, witness):
            go.touch()
            ended = await witness.ended(1001)
            log = runtime.log_file(1001, "stdout")

        assert suite.runs(premises, 1001) == 1
        assert ended.outcome == ("succeeded" if code == 0 else "failed")
        assert ended.outputs["exit_code"] == code
        assert log is not None
        assert log.read_text() == "first\nlast\n"

    async def test_recovering_twice_runs_once_and_reports_again(self, premises: Premises) -> None:
        job = premises.quick(1001)
        ends: list[JobEnded] = []
        for _ in range(3):
            async with successor(premises, [job, job]) as (_, witness):
                ends.append(await witness.ended(1001))

        assert suite.runs(premises, 1001) == 1
        assert [ended.outcome for ended in ends] == ["succeeded"] * 3
        assert len({ended.started_at and round(ended.started_at, 3) for ended in ends}) == 1

    async def test_what_a_closed_server_had_only_accepted_is_run_by_the_next(
        self, premises: Premises
    ) -> None:
        job = premises.quick(1001)
        first, told = premises.open(), Witness()
        first.open(told)
        first.submit(job)
        await first.close()
        async with successor(premises, [job]) as (_, witness):
            ended = await witness.ended(1001)

        assert ended.outcome == "succeeded"
        assert told.seen == []
        assert suite.runs(premises, 1001) == 1

    async def test_a_step_that_was_found_again_can_be_cancelled(self, premises: Premises) -> None:
        job = premises.endless(1001)
        async with doomed_server(premises, [job]):
            await until(lambda: suite.runs(premises, 1001))
        async with successor(premises, [job]) as (runtime, witness):
            runtime.cancel(1001)
            ended = await witness.ended(1001)
        async with successor(premises, [job]) as (_, witness):
            again = await witness.ended(1001)

        assert ended.outcome == again.outcome == "cancelled"
        assert suite.runs(premises, 1001) == 1

    async def test_cancelling_needs_no_recovering_first(self, premises: Premises) -> None:
        async with doomed_server(premises, [premises.endless(1001)]):
            await until(lambda: suite.runs(premises, 1001))
        async with successor(premises, []) as (runtime, witness):
            runtime.cancel(1001)
            ended = await witness.ended(1001)

        assert ended.outcome == "cancelled"

    async def test_a_timeout_counts_from_the_start_of_the_process(self, premises: Premises) -> None:
        job = premises.endless(1001, timeout=1.0)
        async with doomed_server(premises, [job]):
            await until(lambda: suite.runs(premises, 1001))
        async with successor(premises, [job]) as (_, witness):
            ended = await witness.ended(1001)

        assert ended.outcome == "timed_out"
        assert ended.started_at is not None
        assert ended.ended_at - ended.started_at >= 1.0

    @pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.05])
    async def test_killing_the_server_at_any_moment_runs_each_step_once(
        self, premises: Premises, tmp_path: Path, delay: float
    ) -> None:
        begun = tmp_path / "begun"
        attempts = range(1002, 1042)
        jobs = [step(1001, f"touch {begun}")]
        jobs += [step(attempt, f"echo {attempt} >> {premises.ledger}") for attempt in attempts]
        async with doomed_server(premises, jobs):
            await until(begun.exists)
            time.sleep(delay)  # noqa: ASYNC251 - the moment of the kill is the parameter of the test
        async with successor(premises, jobs) as (_, witness):
            ends = [await witness.ended(attempt) for attempt in attempts]

        assert {ended.outcome for ended in ends} == {"succeeded"}
        assert [suite.runs(premises, attempt) for attempt in attempts] == [1] * len(attempts)
