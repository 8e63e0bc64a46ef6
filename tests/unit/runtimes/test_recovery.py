"""What a restarted server makes of every trace that an attempt can have left."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.runtimes import processes, prologue
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.protocol import Command, Job, JobEnded
from headrace.testing.witness import Witness, until

BOOT = "boot-1"


@pytest.fixture
def directories(tmp_path: Path) -> AttemptDirectories:
    return AttemptDirectories(tmp_path / "attempts")


@asynccontextmanager
async def opened(
    directories: AttemptDirectories, boot: str = BOOT
) -> AsyncIterator[tuple[LocalRuntime, Witness]]:
    runtime = LocalRuntime(directories, cpus=4, memory=2**30, grace=timedelta(seconds=0.5), boot=boot)
    witness = Witness()
    runtime.open(witness)
    try:
        yield runtime, witness
    finally:
        await runtime.close()


async def recovered(directories: AttemptDirectories, script: str = "echo ran", boot: str = BOOT) -> JobEnded:
    async with opened(directories, boot) as (runtime, witness):
        runtime.recover(Job(attempt=1001, label="step", work=Command(script=script)))
        return await witness.ended(1001)


async def run(directories: AttemptDirectories, attempt: int, boot: str = BOOT) -> JobEnded:
    async with opened(directories, boot) as (runtime, witness):
        runtime.submit(Job(attempt=attempt, label="step", work=Command(script="echo ran")))
        return await witness.ended(attempt)


def leave(directories: AttemptDirectories, ending: str, content: str) -> None:
    path = Path(f"{directories.path(1001)}.{ending}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def left(directories: AttemptDirectories, ending: str) -> str:
    return Path(f"{directories.path(1001)}.{ending}").read_text()


def leave_claim(directories: AttemptDirectories, content: str) -> None:
    leave(directories, "claim", content)


def leave_dangling_claim(directories: AttemptDirectories) -> None:
    path = Path(f"{directories.path(1001)}.claim")
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere/at/all")


class Sleeper:
    """A process that waits, marked as one of the attempt."""

    def __init__(self, directories: AttemptDirectories) -> None:
        environment = {processes.MARK: directories.path(1001)}
        waits = ["sh", "-c", "echo begun; read -r _"]
        self.process = subprocess.Popen(
            waits, env=environment, start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()  # while a process begins, the kernel shows no environment of it
        started = processes.started_after_boot(self.process.pid)
        assert started is not None
        self.started = started

    @property
    def claim(self) -> str:
        return owner(self.process.pid, self.started)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Sleeper]:
    sleeper = Sleeper(AttemptDirectories(tmp_path / "elsewhere"))
    yield sleeper
    sleeper.kill()


@pytest.fixture
def sleeper(directories: AttemptDirectories) -> Iterator[Sleeper]:
    sleeper = Sleeper(directories)
    yield sleeper
    sleeper.kill()


def owner(pid: int, after_boot: float, boot: str = BOOT) -> str:
    return f"{boot} 1700000000.5 {after_boot} {pid}\n"


def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def test_without_a_trace_on_the_same_boot_it_is_started(directories: AttemptDirectories) -> None:
    ended = await recovered(directories)

    assert ended.outcome == "succeeded"
    assert ended.outputs["stdout"] == "ran\n"


async def test_files_of_a_start_that_was_cut_off_do_no_harm(directories: AttemptDirectories) -> None:
    leave(directories, "script", "echo half a scr")
    ended = await recovered(directories)

    assert ended.outputs["stdout"] == "ran\n"


async def test_a_claim_whose_process_is_gone_without_an_ending_is_lost(
    directories: AttemptDirectories,
) -> None:
    leave_claim(directories, owner(dead_process(), 1))
    ended = await recovered(directories)

    assert ended.outcome == "lost"
    assert ended.failure is not None
    assert ended.failure.code == "lost"


async def test_an_ending_without_its_newline_is_not_there(directories: AttemptDirectories) -> None:
    leave_claim(directories, owner(dead_process(), 1) + "0")
    ended = await recovered(directories)

    assert ended.outcome == "lost"


async def test_a_pid_that_passed_to_a_stranger_is_not_ours(
    directories: AttemptDirectories, stranger: Sleeper
) -> None:
    leave_claim(directories, owner(stranger.process.pid, stranger.started - 60))
    ended = await recovered(directories)

    assert ended.outcome == "lost"
    assert stranger.process.poll() is None


async def test_an_ending_that_nobody_read_counts(directories: AttemptDirectories) -> None:
    leave_claim(directories, owner(dead_process(), 1) + "3\n")
    ended = await recovered(directories)

    assert ended.outcome == "failed"
    assert ended.failure is not None
    assert ended.failure.exit_code == 3
    assert ended.started_at == 1700000000.5


async def test_an_ending_from_before_a_reboot_counts(directories: AttemptDirectories) -> None:
    leave_claim(directories, owner(dead_process(), 1, "boot-0") + "0\n")

    assert (await recovered(directories)).outcome == "succeeded"


async def test_a_claim_from_before_a_reboot_is_lost(directories: AttemptDirectories) -> None:
    started = processes.started_after_boot(os.getpid())
    assert started is not None
    leave_claim(directories, owner(os.getpid(), started, "boot-0"))

    assert (await recovered(directories)).outcome == "lost"


async def test_after_a_reboot_a_missing_claim_proves_nothing(directories: AttemptDirectories) -> None:
    await run(directories, 1000, "boot-0")
    ended = await recovered(directories)
    again = await recovered(directories, boot="boot-0")

    assert ended.outcome == again.outcome == "lost"


async def test_after_a_reboot_new_attempts_run(directories: AttemptDirectories) -> None:
    await run(directories, 1000, "boot-0")

    assert (await run(directories, 1001)).outcome == "succeeded"


@pytest.mark.parametrize("content", ["", "boot-1 17000"])
async def test_a_claim_that_was_cut_off_is_lost(directories: AttemptDirectories, content: str) -> None:
    leave_claim(directories, content)

    assert (await recovered(directories)).outcome == "lost"


async def test_a_claim_that_is_being_written_is_waited_for(
    directories: AttemptDirectories, sleeper: Sleeper
) -> None:
    leave_claim(directories, "")
    async with opened(directories) as (runtime, witness):
        runtime.recover(Job(attempt=1001, label="step", work=Command(script="true")))
        leave_claim(directories, sleeper.claim)
        started = await witness.started(1001)
        runtime.cancel(1001)
        ended = await witness.ended(1001)

    assert started.native == str(sleeper.process.pid)
    assert ended.outcome == "cancelled"


async def test_who_comes_second_leaves_quietly_and_touches_no_log(
    directories: AttemptDirectories,
    sleeper: Sleeper,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go = tmp_path / "go"
    slow = f"while ! [ -e {go} ]; do sleep 0.01; done;{prologue.from_environment()}"
    monkeypatch.setattr(prologue, "from_environment", lambda _enter: slow)
    leave(directories, "stdout", "of the first\n")
    async with opened(directories) as (runtime, witness):
        runtime.submit(Job(attempt=1001, label="step", work=Command(script="echo of the second")))
        second = await witness.started(1001)
        leave_claim(directories, sleeper.claim)
        go.touch()
        await until(lambda: len(witness.starts(1001)) == 2)
        first = witness.starts(1001)[1]
        runtime.cancel(1001)
        ended = await witness.ended(1001)

    assert second.native != first.native == str(sleeper.process.pid)
    assert ended.outcome == "cancelled"
    assert left(directories, "stdout") == "of the first\n"


async def test_a_server_that_died_while_stopping_leaves_nobody_behind(
    directories: AttemptDirectories, sleeper: Sleeper
) -> None:
    leave_claim(directories, sleeper.claim + "cancelled\n")
    ended = await recovered(directories)

    assert ended.outcome == "cancelled"
    assert sleeper.process.wait(timeout=20) == -signal.SIGKILL


class Doomed:
    """A step that was being stopped when its server died."""

    def __init__(self, directories: AttemptDirectories, script: str) -> None:
        self._directories = directories
        self._script = script

    async def is_asked_to_end(self) -> None:
        """Start the step, wait until its output says so, cancel it, and let the server go away at once."""
        async with patient(self._directories) as (runtime, _):
            runtime.submit(Job(attempt=1001, label="step", work=Command(script=self._script)))
            out = Path(f"{self._directories.path(1001)}.stdout")
            await until(lambda: out.exists() and "ready" in out.read_text())
            runtime.cancel(1001)

    async def ended(self, *, recover: bool) -> JobEnded:
        """Let the next server take up the step, or only hear that it is cancelled."""
        async with patient(self._directories) as (runtime, witness):
            if recover:
                runtime.recover(Job(attempt=1001, label="step", work=Command(script=self._script)))
            runtime.cancel(1001)
            return await witness.ended(1001)


@asynccontextmanager
async def patient(directories: AttemptDirectories) -> AsyncIterator[tuple[LocalRuntime, Witness]]:
    runtime = LocalRuntime(directories, cpus=4, memory=2**30, grace=timedelta(seconds=5), boot=BOOT)
    witness = Witness()
    runtime.open(witness)
    try:
        yield runtime, witness
    finally:
        await runtime.close()


CLEANING = "trap 'echo asked; sleep 1; echo clean; exit 0' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("recover", [True, False])
@pytest.mark.parametrize(
    "script",
    [CLEANING, f"sh -c {shlex.quote(CLEANING)} & trap 'exit 0' TERM; wait"],
    ids=["leader", "another"],
)
async def test_a_step_has_the_rest_of_its_grace_when_a_server_dies_while_stopping_it(
    directories: AttemptDirectories, script: str, recover: bool
) -> None:
    doomed = Doomed(directories, script)
    await doomed.is_asked_to_end()
    ended = await doomed.ended(recover=recover)

    assert ended.outcome == "cancelled"
    assert left(directories, "stdout") == "ready\nasked\nclean\n"
    assert left(directories, "claim").count("cancelled") == 1


async def test_the_grace_does_not_begin_anew_with_each_server(directories: AttemptDirectories) -> None:
    doomed = Doomed(directories, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    await doomed.is_asked_to_end()
    claim, line = left(directories, "claim").splitlines()
    asked_at = float(line.removeprefix("cancelled ")) - 4
    leave_claim(directories, f"{claim}\ncancelled {asked_at}\n")
    ended = await doomed.ended(recover=True)

    assert ended.outcome == "cancelled"
    assert 5 <= ended.ended_at - asked_at < 7


async def test_who_had_its_grace_is_killed_by_the_next_server_at_once(
    directories: AttemptDirectories, sleeper: Sleeper
) -> None:
    leave_claim(directories, sleeper.claim + "timed_out 1700000000.0\n")
    ended = await recovered(directories)

    assert ended.outcome == "timed_out"
    assert sleeper.process.wait(timeout=20) == -signal.SIGKILL


async def test_cancelling_while_the_claim_is_being_written(directories: AttemptDirectories) -> None:
    leave_claim(directories, "")
    async with opened(directories) as (runtime, witness):
        runtime.cancel(1001)
        ended = await witness.ended(1001)

    assert ended.outcome == "cancelled"


async def test_an_ended_attempt_that_is_cancelled_tells_its_real_end(directories: AttemptDirectories) -> None:
    await run(directories, 1001)
    async with opened(directories) as (runtime, witness):
        runtime.cancel(1001)
        ended = await witness.ended(1001)

    assert ended.outcome == "succeeded"


async def test_a_place_that_takes_no_claim_is_a_failure_to_start(directories: AttemptDirectories) -> None:
    leave_dangling_claim(directories)
    async with opened(directories) as (runtime, witness):
        runtime.submit(Job(attempt=1001, label="step", work=Command(script="echo ran")))
        ended = await witness.ended(1001)

    assert ended.outcome == "failed"
    assert ended.failure is not None
    assert ended.failure.code == "start_failed"


async def test_a_claim_that_cannot_be_read_is_lost(directories: AttemptDirectories) -> None:
    leave(directories, "claim/in the way", "")
    ended = await recovered(directories)
    async with opened(directories) as (runtime, witness):
        runtime.cancel(1001)
        cancelled = await witness.ended(1001)

    assert ended.outcome == "lost"
    assert cancelled.outcome == "cancelled"
