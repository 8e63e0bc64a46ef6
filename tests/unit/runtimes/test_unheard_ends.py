"""When attempts ended that ended while no server was there."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.protocol import Command, Job, JobEnded
from headrace.testing.witness import Witness

STARTED, ENDED = 1700000000.5, 1700000002.5
GONE = 2**31 - 1
"""Id that no process has."""


@pytest.fixture
def directories(tmp_path: Path) -> AttemptDirectories:
    return AttemptDirectories(tmp_path / "attempts")


def leave_claim(
    directories: AttemptDirectories, ending: str, written_at: float, boot: str = "boot-1"
) -> None:
    claim = Path(f"{directories.path(1001)}.claim")
    claim.parent.mkdir(parents=True)
    claim.write_text(f"{boot} {STARTED} 1 {GONE}\n{ending}")
    os.utime(claim, (written_at, written_at))


async def recovered(directories: AttemptDirectories) -> JobEnded:
    runtime, witness = LocalRuntime(directories, cpus=4, memory=2**30, boot="boot-1"), Witness()
    runtime.open(witness)
    try:
        runtime.recover(Job(attempt=1001, label="step", work=Command(script="true")))
        return await witness.ended(1001)
    finally:
        await runtime.close()


@pytest.mark.parametrize("boot", ["boot-1", "boot-0"])
@pytest.mark.parametrize("ending", ["0\n", "3\n", "cancelled 1700000001.0\n3\n"])
async def test_an_ending_that_nobody_read_fell_when_it_was_written(
    directories: AttemptDirectories, boot: str, ending: str
) -> None:
    leave_claim(directories, ending, ENDED, boot)
    ended = await recovered(directories)

    assert (ended.started_at, ended.ended_at) == (STARTED, ENDED)
    assert (ended.native, ended.node) == (str(GONE), socket.gethostname())


@pytest.mark.parametrize(("written", "ended_at"), [(1600000000.0, STARTED), (9e9, None)])
async def test_an_end_lies_neither_before_the_start_nor_in_the_future(
    directories: AttemptDirectories, written: float, ended_at: float | None
) -> None:
    leave_claim(directories, "0\n", written)
    before = time.time()
    ended = await recovered(directories)

    assert ended.ended_at == ended_at if ended_at else before <= ended.ended_at <= time.time()


async def test_who_is_lost_ended_when_that_was_found(directories: AttemptDirectories) -> None:
    leave_claim(directories, "", ENDED)
    before = time.time()
    ended = await recovered(directories)

    assert ended.outcome == "lost"
    assert ended.ended_at >= before
