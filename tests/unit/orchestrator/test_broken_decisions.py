"""What cannot be decided or remembered takes nothing else with it, and never leaves a task running."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.definition.model import CallTask, TaskDefinition, Transition
from headrace.errors import NotFound, StaleVersion, StoreError
from headrace.orchestrator import large_values


async def test_an_end_that_no_journal_can_hold_is_a_failure_and_the_others_keep_theirs(
    workshop: Any, words: Any
) -> None:
    workshop.inline.behaviour = lambda job: words.succeeded(
        job.attempt, name="\udcff.txt" if job.label == "t3" else "a.txt"
    )

    execution = await workshop.run(words.workflow(*(words.call(f"t{index}") for index in range(8))))

    states = {run.task: run.state for run in execution.runs.values()}
    broken = next(run for run in execution.runs.values() if run.task == "t3")
    assert states == {f"t{index}": "failed" if index == 3 else "succeeded" for index in range(8)}
    assert broken.failure is not None
    assert (broken.failure.code, broken.failure.final) == ("internal_error", True)
    assert "surrogates not allowed" in broken.failure.message


async def test_a_request_that_cannot_be_decided_is_refused_and_the_others_are_not(
    workshop: Any, words: Any
) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a")))
    mailbox = workshop.house.mailboxes[row.number]

    with pytest.raises(UnicodeEncodeError):
        await workshop.executions.signal(row, "go", "\udcff")
    await workshop.executions.signal(row, "go", "on")

    assert mailbox.execution.signals["go"] == ["on"]


def looks_inside(words: Any) -> Any:
    """Return a workflow whose first task ends with a large value, which must be loaded to decide."""
    return words.workflow(
        TaskDefinition(
            name="page",
            action=CallTask(type="core.noop"),
            next=(Transition(to=("after",), when="length(tasks.page.outputs.html) > 9"),),
        ),
        words.call("after"),
    )


@pytest.fixture
def without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_values, "CACHED_BYTES", 0)


@pytest.mark.usefixtures("without_memory")
async def test_a_store_that_cannot_answer_while_a_value_is_loaded_is_asked_again(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, html="y" * 70_000)
    load, broken = workshop.values.load, [StoreError("Too many open files."), StoreError("Once more.")]

    async def at_last(refs: Any) -> Any:
        if broken:
            raise broken.pop()
        return await load(refs)

    monkeypatch.setattr(workshop.values, "load", at_last)
    execution = await workshop.run(looks_inside(words))

    assert not broken
    assert {run.task: run.state for run in execution.runs.values()} == dict.fromkeys(
        ("page", "after"), "succeeded"
    )


@pytest.mark.usefixtures("without_memory")
async def test_a_value_that_somebody_took_away_fails_the_task_that_needs_it(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_refs: Any) -> Any:
        raise NotFound("There is no artifact abc.")

    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, html="y" * 70_000)
    monkeypatch.setattr(workshop.values, "load", gone)
    execution = await workshop.run(looks_inside(words))

    page = next(iter(execution.runs.values()))
    assert (execution.state, page.state) == ("failed", "failed")
    assert page.failure is not None
    assert "There is no artifact abc." in page.failure.message


async def test_a_store_that_cannot_say_whose_an_execution_is_is_asked_again(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a")))
    await words.until(lambda: bool(workshop.local.jobs))
    commit, owns = workshop.house.commit, workshop.house.owns
    stale, silent = [StaleVersion("Somebody else was first.")], [StoreError("Not now.")]

    async def commit_at_last(asked: Any) -> None:
        if stale:
            raise stale.pop()
        await commit(asked)

    async def owns_at_last(asked: Any) -> bool:
        if silent:
            raise silent.pop()
        return bool(await owns(asked))

    monkeypatch.setattr(workshop.house, "commit", commit_at_last)
    monkeypatch.setattr(workshop.house, "owns", owns_at_last)
    [job] = workshop.local.jobs.values()
    workshop.local.report(words.succeeded(job.attempt))
    execution = await workshop.end_of(row)

    assert (stale, silent) == ([], [])
    assert execution.state == "succeeded"
