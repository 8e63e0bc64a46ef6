"""What an execution that is cancelled leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.orchestrator.conftest import Gate

from headrace.definition.model import CallTask, TaskDefinition
from headrace.definition.templates import Expr
from headrace.runtimes.protocol import JobEnded
from headrace.store.rows import Commit


async def test_cancelling_ends_running_jobs(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a", "b"), words.step("b")))
    await words.until(lambda: bool(workshop.local.jobs))

    await workshop.executions.cancel(row, "enough")
    execution = await workshop.end_of(row)

    assert execution.state == "cancelled"
    assert {run.task: run.state for run in execution.runs.values()} == {"a": "cancelled", "b": "cancelled"}


async def test_a_call_that_is_cancelled_while_its_input_is_loaded_never_starts(
    workshop: Any, words: Any
) -> None:
    gate = workshop.values.fill_in = Gate(lambda value: value)
    workshop.secrets["key"] = "s3cret-value"
    call = TaskDefinition(name="call", action=CallTask(type="echo", inputs={"text": Expr("secrets.key")}))
    row = await workshop.start(words.workflow(call))
    await gate.reached.wait()

    await workshop.executions.cancel(row)
    execution = await workshop.end_of(row)
    gate.opened.set()
    await words.until(lambda: not workshop.dispatcher._tasks)

    assert execution.state == "cancelled"
    assert workshop.inline.cancelled
    assert workshop.inline.jobs == {}


async def cancel_while_its_key_is_read(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch, read: Callable[[str], str]
) -> None:
    """Start a call that needs a key, cancel it while that is being read, and wait until all is over."""
    gate = Gate(read)
    monkeypatch.setattr(workshop.dispatcher._stored, "read", gate)
    call = TaskDefinition(name="ask", action=CallTask(type="openai.completion"))
    row = await workshop.start(words.workflow(call))
    await gate.reached.wait()

    await workshop.executions.cancel(row)
    await workshop.end_of(row)
    gate.opened.set()
    await words.until(lambda: not workshop.dispatcher._tasks)


async def test_a_call_that_is_cancelled_while_its_key_is_read_leaves_nothing_behind(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cancel_while_its_key_is_read(workshop, words, monkeypatch, lambda name: "sk-of-nobody")

    assert workshop.inline.jobs == {}
    assert workshop.dispatcher._places == {}
    assert workshop.secrets_in_use.redactor.text("sk-of-nobody") == "sk-of-nobody"


async def test_a_job_that_ends_while_its_cancel_is_committed_keeps_its_end(workshop: Any, words: Any) -> None:
    workshop.inline.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.call("a")))
    await words.until(lambda: bool(workshop.inline.jobs))
    [attempt] = workshop.inline.jobs
    healthy = workshop.store.commit

    async def commit(commit: Commit) -> None:
        workshop.store.commit = healthy
        workshop.inline.report(words.succeeded(attempt))
        await healthy(commit)

    workshop.store.commit = commit
    await workshop.executions.cancel(row)
    execution = await workshop.end_of(row)

    [run] = execution.runs.values()
    assert (execution.state, run.state) == ("cancelled", "succeeded")
    assert workshop.inline.cancelled == []
    assert workshop.dispatcher._places == {}


async def test_a_job_whose_files_are_looked_at_after_its_end_is_not_cancelled(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Callable[[], None]] = []

    def end(ended: JobEnded, heard: Callable[[JobEnded], None]) -> None:
        held.append(lambda: heard(ended))

    monkeypatch.setattr(workshop.dispatcher._files, "end", end)
    row = await workshop.start(words.workflow(words.step("a")))
    await words.until(lambda: bool(held))

    await workshop.executions.cancel(row)
    held[0]()
    execution = await workshop.end_of(row)

    [run] = execution.runs.values()
    assert (execution.state, run.state) == ("cancelled", "succeeded")
    assert workshop.local.cancelled == []


async def test_a_call_that_is_cancelled_before_its_key_cannot_be_read_leaves_nothing_behind(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_name: str) -> str:
        raise ValueError("a defect")

    await cancel_while_its_key_is_read(workshop, words, monkeypatch, broken)

    assert workshop.dispatcher._ending == set()
