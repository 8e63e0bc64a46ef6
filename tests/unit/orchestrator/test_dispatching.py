"""What breaks while a job is given away fails that job alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from headrace.definition.model import Recording, RunCommand, TaskDefinition
from headrace.provenance.attempts import RecordedAttempt
from headrace.runtimes.protocol import Job, JobEnded


async def test_a_job_that_cannot_be_given_away_fails_alone(workshop: Any, words: Any) -> None:
    def behaviour(job: Job) -> JobEnded:
        if job.label == "b":
            raise ValueError("a defect")
        ended: JobEnded = words.succeeded(job.attempt)
        return ended

    workshop.local.behaviour = behaviour

    with structlog.testing.capture_logs() as logged:
        execution = await workshop.run(words.workflow(words.step("a"), words.step("b"), words.step("c")))

    runs = {run.task: run for run in execution.runs.values()}
    assert {name: run.state for name, run in runs.items()} == {
        "a": "succeeded",
        "b": "failed",
        "c": "succeeded",
    }
    assert (runs["b"].failure.code, runs["b"].failure.final) == ("dispatch_failed", False)
    assert "a defect" in runs["b"].failure.message
    [line] = [line for line in logged if line["event"] == "dispatch_broke"]
    assert line["exc_info"]
    assert workshop.dispatcher._owners == {}


async def test_a_job_that_its_file_records_let_go_later_fails_alone_too(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready: list[Callable[[], None]] = []

    def begin(asked: RecordedAttempt, may_begin: Callable[[], None], origin: str) -> None:
        ready.append(may_begin)

    def behaviour(job: Job) -> JobEnded:
        raise ValueError("a defect")

    monkeypatch.setattr(workshop.dispatcher._files, "begin", begin)
    workshop.local.behaviour = behaviour
    action = RunCommand(script="true", directory="/work", recording=Recording())
    row = await workshop.start(words.workflow(TaskDefinition(name="a", action=action)))
    await words.until(lambda: bool(ready))

    ready[0]()
    execution = await workshop.end_of(row)

    [run] = execution.runs.values()
    assert run.failure.code == "dispatch_failed"


async def test_a_cancel_that_breaks_holds_no_other_back(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a"), words.step("b")))
    await words.until(lambda: len(workshop.local.jobs) == 2)
    first, second = workshop.local.jobs
    healthy = workshop.local.cancel

    def cancel(attempt: int) -> None:
        if attempt == first:
            raise ValueError("a defect")
        healthy(attempt)

    monkeypatch.setattr(workshop.local, "cancel", cancel)
    await workshop.executions.cancel(row)
    await words.until(lambda: workshop.local.cancelled == [second])
    workshop.local.report(words.succeeded(first))
    execution = await workshop.end_of(row)

    assert execution.state == "cancelled"
