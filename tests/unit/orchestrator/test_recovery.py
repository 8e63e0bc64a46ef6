"""A server that dies and comes back: nothing acknowledged is lost, nothing runs twice."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.orchestrator.conftest import Gate, next_life

from headrace.definition.model import (
    AwaitApproval,
    AwaitTime,
    CallTask,
    Retry,
    RunCommand,
    RunWorkflow,
    TaskDefinition,
)
from headrace.definition.templates import Expr, Literal
from headrace.errors import StoreError
from headrace.orchestrator.executions import StartRequest
from headrace.store.rows import EVERY, Commit


async def test_a_step_that_survives_is_taken_up_again(lives: list[Any], words: Any) -> None:
    before = lives[0]
    before.local.behaviour = lambda job: None
    row = await before.start(words.workflow(words.step("a", "b"), words.step("b")))
    await words.until(lambda: bool(before.local.jobs))
    attempt = next(iter(before.local.jobs))

    after = await next_life(lives)
    await after.house.recover()
    execution = await after.end_of(row)

    assert after.local.recovered == [attempt]
    assert execution.state == "succeeded"
    assert [len(run.tries) for run in execution.runs.values()] == [1, 1]


async def test_an_inline_call_of_a_repeatable_type_gets_one_new_attempt(lives: list[Any], words: Any) -> None:
    before = lives[0]
    before.inline.behaviour = lambda job: None
    row = await before.start(words.workflow(words.call("a")))
    await words.until(lambda: bool(before.inline.jobs))

    after = await next_life(lives)
    await after.house.recover()
    execution = await after.end_of(row)

    run = next(iter(execution.runs.values()))
    assert [tried.outcome for tried in run.tries] == ["lost", "succeeded"]
    assert execution.state == "succeeded"


async def test_a_lost_call_that_may_not_be_repeated_fails(lives: list[Any], words: Any) -> None:
    before = lives[0]
    before.inline.behaviour = lambda job: None
    row = await before.start(words.workflow(words.call("a", repeatable=False)))
    await words.until(lambda: bool(before.inline.jobs))

    after = await next_life(lives)
    await after.house.recover()
    execution = await after.end_of(row)

    run = next(iter(execution.runs.values()))
    assert run.reason is not None
    assert (run.state, run.reason.code) == ("failed", "lost")


async def test_waits_and_retries_are_armed_again(lives: list[Any], words: Any) -> None:
    before = lives[0]
    before.inline.behaviour = lambda job: words.failed(job.attempt)
    wait = TaskDefinition(name="wait", action=AwaitTime(seconds=Literal(0.2)))
    from datetime import timedelta

    retry = words.call("again", retry=Retry(count=1, delay=timedelta(milliseconds=200)))
    row = await before.start(words.workflow(wait, retry))
    await words.until(
        lambda: any(
            run.state == "retrying" for run in before.house.mailboxes[row.number].execution.runs.values()
        )
    )

    after = await next_life(lives)
    await after.house.recover()
    execution = await after.end_of(row)

    assert {run.task: run.state for run in execution.runs.values()} == {
        "wait": "succeeded",
        "again": "succeeded",
    }


async def test_an_approval_is_answered_in_the_next_life(lives: list[Any], words: Any) -> None:
    ask = TaskDefinition(name="ask", action=AwaitApproval())
    row = await lives[0].start(words.workflow(ask))

    after = await next_life(lives)
    await after.house.recover()
    execution = await after.executions.view(row)
    await after.executions.respond(row, next(iter(execution.runs)), {"ok": True})

    assert (await after.end_of(row)).state == "succeeded"


async def test_a_child_is_found_by_the_attempt_that_started_it(lives: list[Any], words: Any) -> None:
    before = lives[0]
    before.local.behaviour = lambda job: None
    child = await before.workflows.create(words.workflow(words.step("x")), b"inner", "text/plain")
    row = await before.start(
        words.workflow(TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id)))
    )
    await words.until(lambda: bool(before.local.jobs))

    after = await next_life(lives)
    await after.house.recover()
    execution = await after.end_of(row)

    assert execution.state == "succeeded"
    assert len(after.contents.executions) == 2


async def test_a_cancel_before_the_crash_is_carried_out_after_it(lives: list[Any], words: Any) -> None:
    before = lives[0]
    before.local.behaviour = lambda job: None
    row = await before.start(words.workflow(words.step("a")))
    await words.until(lambda: bool(before.local.jobs))
    before.local.cancel = lambda attempt: None
    await before.executions.cancel(row)

    after = await next_life(lives)
    after.local.behaviour = lambda job: None
    await after.house.recover()
    execution = await after.end_of(row)

    assert execution.state == "cancelled"
    assert len(after.local.cancelled) == 1


async def test_a_report_waits_until_the_store_answers_again(workshop: Any, words: Any) -> None:
    healthy = workshop.store.commit
    failures = [0]

    async def commit(commit: Commit) -> None:
        if commit.expected_seq and failures[0] < 3:
            failures[0] += 1
            raise StoreError("the disk is full")
        await healthy(commit)

    workshop.store.commit = commit

    execution = await workshop.run(words.workflow(words.call("a")))

    assert execution.state == "succeeded"
    assert failures[0] == 3
    assert len(workshop.inline.jobs) == 1


async def test_a_request_is_answered_at_once_when_the_store_cannot(workshop: Any, words: Any) -> None:
    async def commit(_: Commit) -> None:
        raise StoreError("the disk is full")

    workshop.store.commit = commit

    with pytest.raises(StoreError):
        await workshop.start(words.workflow(words.call("a")))

    assert workshop.house.mailboxes == {}


async def test_a_child_begun_after_the_crash_takes_no_stored_key_for_the_one_that_was_given(
    lives: list[Any], words: Any
) -> None:
    before = lives[0]
    before.secrets["openai_api_key"] = "sk-of-somebody-else"
    before.local.behaviour = lambda job: None
    ask = TaskDefinition(name="ask", action=CallTask(type="openai.completion"))
    child = await before.workflows.create(words.workflow(ask), b"inner", "text/plain")
    sub = TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id))
    made = await before.workflows.create(words.workflow(words.step("a", "sub"), sub), b"outer", "text/plain")
    asked = StartRequest(
        workflow=made.number,
        version=made.version,
        inputs={},
        names=before.executions.name(),
        credentials={"openai_api_key": "sk-of-the-caller"},
    )
    row = await before.executions.start(asked)
    await words.until(lambda: bool(before.local.jobs))

    after = await next_life(lives)
    await after.house.recover()
    await after.end_of(row)
    [inner] = [each for each in (await after.executions.newest(EVERY)).rows if each.parent is not None]
    [run] = (await after.executions.view(inner)).runs.values()

    assert (run.failure.code, run.failure.final, len(run.tries)) == ("credential_lost", True, 1)
    assert after.inline.jobs == {}


@pytest.mark.parametrize("now", ["of-today", None], ids=["replaced", "deleted"])
async def test_a_step_that_began_with_a_former_secret_tells_it_nobody(
    lives: list[Any], words: Any, now: str | None
) -> None:
    before = lives[0]
    before.secrets["key"] = "of-yesterday"
    before.local.behaviour = lambda job: None
    step = TaskDefinition(
        name="step", action=RunCommand(script="env", environment={"KEY": Expr("secrets.key")})
    )
    row = await before.start(words.workflow(step))
    await words.until(lambda: bool(before.local.jobs))
    before.secrets["former key"] = before.secrets.pop("key")
    if now is not None:
        before.secrets["key"] = now

    after = await next_life(lives)
    after.local.behaviour = lambda job: words.succeeded(job.attempt, stdout="it was of-yesterday")
    await after.house.recover()
    execution = await after.end_of(row)

    [run] = execution.runs.values()
    assert (run.state, run.outputs) == ("succeeded", {"stdout": "it was ***"})


async def test_a_step_that_is_cancelled_while_former_secrets_are_read_leaves_none_in_use(
    lives: list[Any], words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lives[0]
    before.secrets["key"] = "of-today"
    before.local.behaviour = lambda job: None
    step = TaskDefinition(
        name="step", action=RunCommand(script="env", environment={"KEY": Expr("secrets.key")})
    )
    row = await before.start(words.workflow(step))
    await words.until(lambda: bool(before.local.jobs))
    gate = Gate(lambda: ("of-yesterday",))

    after = await next_life(lives)
    monkeypatch.setattr(after.dispatcher._stored, "former", gate)
    await after.house.recover()
    await gate.reached.wait()
    await after.executions.cancel(row)
    await after.end_of(row)
    gate.opened.set()
    await words.until(lambda: not after.dispatcher._tasks)

    assert after.local.jobs == {}
    for secret in ("of-today", "of-yesterday"):
        assert after.secrets_in_use.redactor.text(secret) == secret
