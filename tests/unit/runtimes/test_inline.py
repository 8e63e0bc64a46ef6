"""Calls inside the server: how they fail, what they log, how they are reported."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.definition.outcomes import Failure
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.inline import Call, Called, InlineRuntime
from headrace.runtimes.logs import CallContext
from headrace.runtimes.protocol import Job, JobEnded, JobStatus, TaskCall
from headrace.testing.witness import Witness


class Refused(Exception):
    failure = Failure(code="refused", message="No.", final=True)


def job(attempt: int = 1001, **more: Any) -> Job:
    return Job(attempt=attempt, label="task", work=TaskCall(type="any", inputs={}), **more)


@asynccontextmanager
async def opened(
    directory: Path, call: Call, observer: Callable[[JobStatus], None], threads: int = 2
) -> AsyncIterator[InlineRuntime]:
    runtime = InlineRuntime(call, AttemptDirectories(directory / "attempts"), threads=threads)
    runtime.open(observer)
    try:
        yield runtime
    finally:
        await runtime.close()


async def ended(directory: Path, call: Call, **more: Any) -> JobEnded:
    witness = Witness()
    async with opened(directory, call, witness) as runtime:
        runtime.submit(job(**more))
        return await witness.ended(1001)


def raising(error: Exception, way: str) -> Call:
    def now() -> dict[str, Any]:
        raise error

    async def later() -> dict[str, Any]:
        raise error

    def call(_job: Job, _context: CallContext) -> Called:
        match way:
            case "at once":
                return now()
            case "in a thread":
                return now
            case _:
                return later()

    return call


WAYS = pytest.mark.parametrize("way", ["at once", "in a thread", "on the loop"])


@WAYS
async def test_a_failure_of_the_task_is_reported_as_it_is(tmp_path: Path, way: str) -> None:
    end = await ended(tmp_path, raising(Refused(), way))

    assert end.outcome == "failed"
    assert end.failure == Refused.failure
    assert end.started_at is not None


@WAYS
async def test_any_other_error_is_an_internal_error_with_its_trace(tmp_path: Path, way: str) -> None:
    end = await ended(tmp_path, raising(ValueError("a pebble"), way))

    assert end.outcome == "failed"
    assert end.failure is not None
    assert (end.failure.code, end.failure.message) == ("internal_error", "ValueError: a pebble")
    assert end.failure.trace is not None
    assert "raise error" in end.failure.trace


async def test_a_task_that_cancels_itself_fails(tmp_path: Path) -> None:
    async def give_up() -> dict[str, Any]:
        raise asyncio.CancelledError

    end = await ended(tmp_path, lambda _job, _context: give_up())

    assert end.outcome == "failed"


async def test_what_ended_in_one_turn_is_reported_in_one_turn(tmp_path: Path) -> None:
    turns: list[int] = []
    turn = 0
    all_ended = asyncio.Event()

    def observe(_status: JobStatus) -> None:
        turns.append(turn)
        if len(turns) == 1000:
            all_ended.set()

    async def count_turns() -> None:
        nonlocal turn
        while not all_ended.is_set():
            turn += 1
            await asyncio.sleep(0)

    async with opened(tmp_path, lambda _job, _context: {}, observe) as runtime:
        counting = asyncio.create_task(count_turns())
        for attempt in range(1001, 2001):
            runtime.submit(job(attempt))
        await counting

    assert len(turns) == 1000
    assert len(set(turns)) == 1


async def test_the_context_carries_label_and_credentials(tmp_path: Path) -> None:
    def call(_job: Job, context: CallContext) -> Called:
        return {"label": context.label, "key": context.credentials["KEY"], "attempt": context.attempt}

    end = await ended(tmp_path, call, credentials={"KEY": "hush"})

    assert end.outputs == {"label": "task", "key": "hush", "attempt": 1001}


async def test_logs_are_written_line_by_line_where_logs_are(tmp_path: Path) -> None:
    witness = Witness()

    def call(_job: Job, context: CallContext) -> Called:
        context.log("one")
        context.log("zwei – 漢字 \ud800")
        context.log("oh", "stderr")
        return {}

    async with opened(tmp_path, call, witness) as runtime:
        runtime.submit(job())
        await witness.ended(1001)
        out, err = runtime.log_file(1001, "stdout"), runtime.log_file(1001, "stderr")

        assert out is not None
        assert err is not None
        assert out.read_text() == "one\nzwei – 漢字 \\ud800\n"
        assert err.read_text() == "oh\n"


async def test_who_logs_nothing_makes_no_file(tmp_path: Path) -> None:
    await ended(tmp_path, lambda _job, _context: {})

    assert list((tmp_path / "attempts").iterdir()) == []


async def test_a_late_line_of_a_cancelled_thread_is_kept(tmp_path: Path) -> None:
    go = threading.Event()
    over = threading.Event()
    witness = Witness()

    def call(_job: Job, context: CallContext) -> Called:
        def block() -> dict[str, Any]:
            go.wait(20)
            context.log("late")
            context.close()
            over.set()
            return {"late": True}

        return block

    async with opened(tmp_path, call, witness) as runtime:
        runtime.submit(job())
        await witness.started(1001)
        runtime.cancel(1001)
        end = await witness.ended(1001)
        go.set()
        await asyncio.to_thread(over.wait, 20)

    assert end.outcome == "cancelled"
    assert len(witness.ends(1001)) == 1


async def test_no_more_threads_than_allowed_run_at_once(tmp_path: Path) -> None:
    lock, now, most = threading.Lock(), 0, 0
    witness = Witness()

    def call(_job: Job, _context: CallContext) -> Called:
        def block() -> dict[str, Any]:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            threading.Event().wait(0.02)
            with lock:
                now -= 1
            return {}

        return block

    async with opened(tmp_path, call, witness, threads=3) as runtime:
        for attempt in range(1001, 1013):
            runtime.submit(job(attempt))
        for attempt in range(1001, 1013):
            await witness.ended(attempt)

    assert most == 3


async def test_what_waits_for_a_thread_can_be_cancelled_and_never_runs(tmp_path: Path) -> None:
    go = threading.Event()
    ran: list[int] = []
    witness = Witness()

    def call(job: Job, _context: CallContext) -> Called:
        def block() -> dict[str, Any]:
            ran.append(job.attempt)
            go.wait(20)
            return {}

        return block

    async with opened(tmp_path, call, witness, threads=1) as runtime:
        runtime.submit(job(1001))
        runtime.submit(job(1002))
        await witness.started(1001)
        runtime.cancel(1002)
        end = await witness.ended(1002)
        go.set()
        await witness.ended(1001)

    assert (end.outcome, end.started_at) == ("cancelled", None)
    assert ran == [1001]


async def test_what_ran_when_the_server_died_is_lost(tmp_path: Path) -> None:
    witness = Witness()
    async with opened(tmp_path, lambda _job, _context: {}, witness) as runtime:
        runtime.recover(job())
        end = await witness.ended(1001)

    assert end.outcome == "lost"
    assert end.failure is not None
    assert end.failure.code == "lost"


SECRET = "open/sesame+please"


@pytest.mark.parametrize(
    "lines",
    [
        (f"v={SECRET}",),
        (f"a\n{SECRET}\nb", SECRET[:9]),
        ("b3Blbi9zZXNhbWUrcGxlYXNl", "open%2Fsesame%2Bplease"),
    ],
)
async def test_a_log_is_written_without_the_jobs_secrets(tmp_path: Path, lines: tuple[str, ...]) -> None:
    def call(_job: Job, context: CallContext) -> Called:
        for line in lines:
            context.log(line)
        return {}

    await ended(tmp_path, call, secrets=(SECRET,))
    written = (tmp_path / "attempts" / "1" / "1001.stdout").read_text()

    assert not [form for form in (SECRET, "b3Blbi9zZXNhbWUrcGx", "%2Fsesame") if form in written]
    assert written.endswith("\n")


async def test_a_secret_that_two_writes_cut_is_masked(tmp_path: Path) -> None:
    def call(_job: Job, context: CallContext) -> Called:
        context.log("the first line of a key")
        context.log("and its second line")
        return {}

    await ended(tmp_path, call, secrets=("first line of a key\nand its second",))
    written = (tmp_path / "attempts" / "1" / "1001.stdout").read_text()

    assert written == "the *** line\n"
