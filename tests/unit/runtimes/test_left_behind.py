"""What steps leave behind that is hard to tell: every end is told all the same."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headrace.runtimes import long_logs
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.inline import InlineRuntime
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.logs import CallContext
from headrace.runtimes.protocol import Command, Job, JobEnded, TaskCall
from headrace.testing.witness import Witness


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
async def runtime(tmp_path: Path, witness: Witness) -> AsyncIterator[LocalRuntime]:
    runtime = LocalRuntime(AttemptDirectories(tmp_path / "attempts"), cpus=2, memory=2**30)
    runtime.open(witness)
    yield runtime
    await runtime.close()


async def end_of(runtime: LocalRuntime, witness: Witness, script: str, *outputs: str) -> JobEnded:
    runtime.submit(Job(attempt=1001, label="step", work=Command(script=script, outputs=outputs)))
    return await witness.ended(1001)


async def test_a_file_whose_name_is_no_text_is_told_in_a_text(
    runtime: LocalRuntime, witness: Witness
) -> None:
    ended = await end_of(runtime, witness, r"touch ü.txt; touch $(printf '\377.txt')", "*.txt")

    assert ended.outputs["files"] == ["ü.txt", r"\xff.txt"]


async def test_an_output_with_a_name_that_no_file_can_have_is_missing(
    runtime: LocalRuntime, witness: Witness
) -> None:
    ended = await end_of(runtime, witness, "true", "n" * 300)

    assert ended.failure is not None
    assert ended.failure.code == "output_missing"
    assert os.strerror(36) in ended.failure.message


async def test_a_result_that_cannot_be_read_is_a_failure(
    runtime: LocalRuntime, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_place: str, _most: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(long_logs, "trim", full)
    ended = await end_of(runtime, witness, "touch a", "a")

    assert (ended.outcome, ended.outputs) == ("failed", {})
    assert ended.failure is not None
    assert ended.failure.code == "result_unreadable"
    assert "No space left on device" in ended.failure.message


async def test_a_call_whose_log_cannot_be_closed_has_ended(
    tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_context: CallContext) -> None:
        raise OSError(28, "No space left on device")

    def call(_job: Job, _context: CallContext) -> dict[str, Any]:
        return {"n": 1}

    monkeypatch.setattr(CallContext, "close", full)
    runtime = InlineRuntime(call, AttemptDirectories(tmp_path / "attempts"))
    runtime.open(witness)
    runtime.submit(Job(attempt=1001, label="task", work=TaskCall(type="any", inputs={})))
    ended = await witness.ended(1001)
    await runtime.close()

    assert (ended.outcome, ended.outputs) == ("succeeded", {"n": 1})


async def test_steps_that_are_stopped_together_all_end(runtime: LocalRuntime, witness: Witness) -> None:
    """Also those that end by themselves in the same turn."""
    numbers = range(1001, 1013)
    for number in numbers:
        script = "sleep 60" if number % 3 else "sleep 0.3"
        runtime.submit(Job(attempt=number, label="step", work=Command(script=script), cpus=0.1))
    for number in numbers:
        await witness.started(number)
    for number in numbers:
        if number % 3:
            runtime.cancel(number)
    ended = [await witness.ended(number) for number in numbers]

    assert [each.outcome for each in ended] == ["cancelled" if n % 3 else "succeeded" for n in numbers]
