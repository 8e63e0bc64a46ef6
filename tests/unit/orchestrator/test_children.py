"""How children begin and end: whatever comes between, there is one or none, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.orchestrator.conftest import Gate, next_life

from headrace.definition.model import RunWorkflow, TaskDefinition, WorkflowDefinition
from headrace.definition.templates import Literal
from headrace.errors import StoreError
from headrace.orchestrator.executions import StartRequest
from headrace.store.rows import Commit, ExecutionRow


@pytest.fixture
async def outer(workshop: Any, words: Any) -> WorkflowDefinition:
    """Return a workflow that runs another one, of one step."""
    child = await workshop.workflows.create(words.workflow(words.step("x")), b"inner", "text/plain")
    sub = TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id))
    return WorkflowDefinition(name="outer", dialect="test", tasks=(sub,))


class BrokenStarts:
    """Lets no child be started until the test says so."""

    def __init__(self, workshop: Any, error: Exception) -> None:
        self.refused = 0
        self.is_mended = False
        self._error = error
        self._healthy: Callable[[Commit], Any] = workshop.store.commit
        workshop.store.commit = self._commit

    async def _commit(self, commit: Commit) -> None:
        if commit.row.parent is not None and commit.expected_seq == 0 and not self.is_mended:
            self.refused += 1
            raise self._error
        await self._healthy(commit)


def children(workshop: Any) -> list[ExecutionRow]:
    return [row for row in workshop.contents.executions.values() if row.parent is not None]


async def test_a_sub_workflow_that_has_ended_leaves_nothing_behind(workshop: Any, outer: Any) -> None:
    execution = await workshop.run(outer)

    followed = workshop.dispatcher.children
    assert execution.state == "succeeded"
    assert workshop.dispatcher._owners == {}
    assert (followed._beginning, followed._children, followed._parents) == ({}, {}, {})


async def test_a_child_that_is_cancelled_while_its_input_is_loaded_never_starts(
    workshop: Any, outer: Any
) -> None:
    gate = workshop.values.fill_in = Gate(lambda value: value)
    row = await workshop.start(outer)
    await gate.reached.wait()

    await workshop.executions.cancel(row)
    gate.opened.set()
    execution = await workshop.end_of(row)

    assert execution.state == "cancelled"
    assert children(workshop) == []
    assert workshop.dispatcher._owners == {}


async def test_a_child_starts_when_the_store_answers_again(workshop: Any, words: Any, outer: Any) -> None:
    starts = BrokenStarts(workshop, StoreError("the disk is full"))
    row = await workshop.start(outer)
    await words.until(lambda: starts.refused == 2)

    starts.is_mended = True
    execution = await workshop.end_of(row)

    assert execution.state == "succeeded"
    assert len(children(workshop)) == 1


async def test_a_cancel_wins_over_a_child_that_cannot_start(workshop: Any, words: Any, outer: Any) -> None:
    starts = BrokenStarts(workshop, StoreError("the disk is full"))
    row = await workshop.start(outer)
    await words.until(lambda: starts.refused > 0)

    await workshop.executions.cancel(row)
    execution = await workshop.end_of(row)

    assert execution.state == "cancelled"
    assert children(workshop) == []


async def test_a_child_that_breaks_at_its_start_fails_its_task(workshop: Any, outer: Any) -> None:
    BrokenStarts(workshop, ValueError("a defect"))

    execution = await workshop.run(outer)

    [run] = execution.runs.values()
    assert (run.state, run.failure.code) == ("failed", "dispatch_failed")
    assert "a defect" in run.failure.message


async def test_a_child_that_would_be_too_deep_is_refused(workshop: Any, outer: Any) -> None:
    made = await workshop.workflows.create(outer, b"outer", "text/plain")
    names = workshop.executions.name()
    asked = StartRequest(workflow=made.number, version=made.version, inputs={}, names=names, depth=20)

    execution = await workshop.end_of(await workshop.executions.start(asked))

    [run] = execution.runs.values()
    assert (run.failure.code, run.failure.final) == ("nested_too_deep", True)


async def test_a_pause_while_a_child_begins_reaches_it(workshop: Any, words: Any, outer: Any) -> None:
    workshop.local.behaviour = lambda job: None
    gate = workshop.values.fill_in = Gate(lambda value: value)
    row = await workshop.start(outer)
    await gate.reached.wait()

    await workshop.executions.pause(row)
    gate.opened.set()
    await words.until(lambda: [child.state for child in children(workshop)] == ["paused"])
    await workshop.executions.resume(row)
    await words.until(lambda: [child.state for child in children(workshop)] == ["running"])
    [attempt] = workshop.local.jobs
    workshop.local.report(words.succeeded(attempt))

    assert (await workshop.end_of(row)).state == "succeeded"


async def recovered(lives: list[Any]) -> Any:
    """Let the server die, and return the next one, which has taken up what it found."""
    after = await next_life(lives)
    after.local.behaviour = lambda job: None
    await after.house.recover()
    return after


async def begun(life: Any, words: Any, outer: Any) -> ExecutionRow:
    """Start the parent, and wait until the step of its child runs."""
    life.local.behaviour = lambda job: None
    row: ExecutionRow = await life.start(outer)
    await words.until(lambda: bool(life.local.jobs))
    return row


async def test_a_cancel_that_had_not_reached_the_child_does_so_after_the_crash(
    lives: list[Any], words: Any, outer: Any
) -> None:
    before = lives[0]
    row = await begun(before, words, outer)
    before.dispatcher.children.cancel = lambda attempt, policy: None
    await before.executions.cancel(row)

    after = await recovered(lives)
    execution = await after.end_of(row)

    assert execution.state == "cancelled"
    assert [child.state for child in children(after)] == ["cancelled"]


async def test_a_resume_that_had_not_reached_the_child_does_so_after_the_crash(
    lives: list[Any], words: Any, outer: Any
) -> None:
    before = lives[0]
    row = await begun(before, words, outer)
    await before.executions.pause(row)
    await words.until(lambda: children(before)[0].state == "paused")
    before.dispatcher.children.relay = lambda attempt, wanted: None
    await before.executions.resume(row)

    after = await recovered(lives)
    await words.until(lambda: children(after)[0].state != "paused")

    assert [child.state for child in children(after)] == ["running"]


async def test_a_child_that_somebody_paused_stays_so_after_a_restart(
    lives: list[Any], words: Any, outer: Any
) -> None:
    before = lives[0]
    await begun(before, words, outer)
    [child] = children(before)
    await before.executions.pause(child, "I look at it.")

    after = await recovered(lives)
    await words.until(lambda: bool(after.dispatcher.children._children))
    mailbox = after.house.mailboxes[child.number]
    await words.until(lambda: mailbox.is_idle)

    assert mailbox.execution.state == "paused"


async def test_a_child_gets_large_values_of_its_input(workshop: Any, words: Any) -> None:
    large = "x" * 100_000
    child = await workshop.workflows.create(words.workflow(words.call("x")), b"inner", "text/plain")
    sub = TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id, inputs={"text": Literal(large)}))

    await workshop.run(words.workflow(sub))

    [row] = children(workshop)
    execution = await workshop.executions.view(row)
    assert await workshop.values.fill_in(execution.inputs) == {"text": large}
