"""From a start to an end, through mailbox, commit and dispatcher."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.definition.model import (
    AwaitApproval,
    AwaitTime,
    CallTask,
    ForEach,
    OutputDefinition,
    Retry,
    RunCommand,
    TaskDefinition,
    Transition,
)
from headrace.definition.templates import Expr, Literal, Text, ValueRef
from headrace.errors import NotFound, TransitionRefused
from headrace.orchestrator import large_values
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.replay import replay
from headrace.store.protocol import KeyTaken


async def test_a_chain_ends_and_its_rows_say_so(workshop: Any, words: Any) -> None:
    execution = await workshop.run(words.workflow(words.call("a", "b"), words.call("b")))

    row = await workshop.store.executions.get(execution.number)
    runs = (await workshop.store.executions.task_runs(execution.number)).rows
    assert (row.state, row.seq) == ("succeeded", execution.seq)
    assert [(run.task, run.state, run.type) for run in runs] == [
        ("a", "succeeded", "core.noop"),
        ("b", "succeeded", "core.noop"),
    ]


async def test_a_step_that_ends_and_the_one_that_it_starts_are_one_commit(workshop: Any, words: Any) -> None:
    execution = await workshop.run(words.workflow(words.call("a", "b"), words.call("b")))

    commits = await workshop.store.journal.read(execution.number)
    assert len(commits) == 3  # started and a queued; a ended and b queued; b ended


async def test_the_journal_gives_the_execution_back(workshop: Any, words: Any) -> None:
    execution = await workshop.run(words.workflow(words.call("a", "b"), words.call("b")))

    row = await workshop.store.executions.get(execution.number)
    again = await replay(workshop.store, workshop.house._shelf, row)
    assert again.runs == execution.runs
    assert again.state == "succeeded"


async def test_ten_thousand_tasks_that_end_together_share_few_commits(workshop: Any, words: Any) -> None:
    names = [f"t{index}" for index in range(1000)]
    definition = words.workflow(
        words.call("a", *names), *(words.call(name, "z") for name in names), words.call("z", join="all")
    )

    execution = await workshop.run(definition)

    assert execution.state == "succeeded"
    assert len(await workshop.store.journal.read(execution.number)) < 20


async def test_an_output_larger_than_the_journal_allows_is_kept_elsewhere(workshop: Any, words: Any) -> None:
    page = "x" * 100_000
    workshop.inline.behaviour = lambda job: words.succeeded(
        job.attempt, **({"html": page} if job.label == "page" else {"size": len(job.work.inputs["text"])})
    )
    definition = words.workflow(
        words.call("page", "size"),
        TaskDefinition(
            name="size", action=CallTask(type="text.size", inputs={"text": Expr("tasks.page.outputs.html")})
        ),
        outputs=(OutputDefinition(name="n", value=Expr("tasks.size.outputs.size")),),
    )

    execution = await workshop.run(definition)

    kept = next(run for run in execution.runs.values() if run.task == "page").outputs["html"]
    assert isinstance(kept, ValueRef)
    assert execution.outputs == {"n": 100_000}


async def test_an_expression_looks_inside_a_large_value(workshop: Any, words: Any) -> None:
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, html="y" * 70_000)
    definition = words.workflow(
        TaskDefinition(
            name="page",
            action=CallTask(type="core.noop"),
            next=(
                Transition(to=("long",), when="length(tasks.page.outputs.html) > 69999"),
                Transition(to=("short",), when="length(tasks.page.outputs.html) < 70000"),
            ),
        ),
        words.call("long"),
        words.call("short"),
        outputs=(OutputDefinition(name="t", value=Text(("<", Expr("tasks.page.outputs.html"), ">"))),),
    )

    execution = await workshop.run(definition)

    states = {run.task: run.state for run in execution.runs.values()}
    assert states == {"page": "succeeded", "long": "succeeded", "short": "skipped"}
    assert isinstance(execution.outputs["t"], ValueRef)
    assert execution.outputs["t"].size == 70_002


async def test_a_foreach_over_a_large_list_finds_its_items(workshop: Any, words: Any) -> None:
    items = [f"{index:0100d}" for index in range(1000)]
    task = TaskDefinition(
        name="each",
        action=CallTask(type="echo", inputs={"text": Expr("item")}),
        items=ForEach(items=Literal(items), concurrency=50),
    )
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, text=job.work.inputs["text"])

    execution = await workshop.run(words.workflow(task))

    aggregate = next(iter(execution.runs.values()))
    results = await workshop.values.fill_in(aggregate.outputs["results"])
    assert [result["text"] for result in results] == items


async def test_items_that_are_too_large_together_still_end(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_values, "HARD_LIMIT", 150_000)
    task = words.call("each", items=ForEach(items=Literal([1, 2, 3, 4]), concurrency=4))
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, text="x" * 50_000)

    execution = await workshop.run(words.workflow(task))

    results = next(iter(execution.runs.values())).outputs["results"]
    assert execution.state == "succeeded"
    assert isinstance(results, ValueRef)
    assert results.size > 200_000
    assert len(await workshop.values.fill_in(results)) == 4


async def test_a_timer_that_comes_with_what_is_kept_elsewhere_rings(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_values, "HARD_LIMIT", 150_000)
    each = words.call("each", "pause", items=ForEach(items=Literal([1, 2, 3, 4]), concurrency=4))
    pause = TaskDefinition(name="pause", action=AwaitTime(seconds=Literal(0.01)))
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, text="x" * 50_000)

    execution = await workshop.run(words.workflow(each, pause))

    results = next(iter(execution.runs.values())).outputs["results"]
    assert isinstance(results, ValueRef)
    assert execution.state == "succeeded"


async def test_an_output_above_the_cap_fails_its_task(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_values, "HARD_LIMIT", 150_000)
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, text="x" * 150_001)

    execution = await workshop.run(words.workflow(words.call("a")))

    failure = next(iter(execution.runs.values())).failure
    assert failure is not None
    assert (failure.code, failure.final) == ("output_too_large", True)


async def test_retries_wait_for_their_timer(workshop: Any, words: Any) -> None:
    workshop.inline.behaviour = lambda job: (
        words.succeeded(job.attempt) if len(workshop.inline.jobs) == 3 else words.failed(job.attempt)
    )
    retry = Retry(count=2, delay=timedelta(milliseconds=5))

    execution = await workshop.run(words.workflow(words.call("a", retry=retry)))

    run = next(iter(execution.runs.values()))
    assert [tried.outcome for tried in run.tries] == ["failed", "failed", "succeeded"]


async def test_a_secret_reaches_the_job_and_nothing_else(workshop: Any, words: Any) -> None:
    workshop.secrets["key"] = "s3cret-value"
    workshop.local.behaviour = lambda job: words.succeeded(
        job.attempt, stdout=f"key is {job.work.environment['KEY']}"
    )
    step = TaskDefinition(
        name="step",
        action=RunCommand(script="env", environment={"KEY": Text(("Bearer ", Expr("secrets.key")))}),
    )

    execution = await workshop.run(words.workflow(step))

    job = next(iter(workshop.local.jobs.values()))
    journal = b"".join(entry.events for entry in await workshop.store.journal.read(execution.number))
    assert job.work.environment == {"KEY": "Bearer s3cret-value"}
    assert b"s3cret-value" not in journal
    assert next(iter(execution.runs.values())).outputs["stdout"] == "key is Bearer ***"


async def test_a_command_may_be_told_which_try_it_is(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: (
        words.failed(job.attempt) if len(workshop.local.jobs) == 1 else words.succeeded(job.attempt)
    )
    step = TaskDefinition(
        name="step",
        action=RunCommand(script="env", options={"attempt_variable": "TRY"}),
        retry=Retry(count=1, delay=timedelta(0)),
    )

    await workshop.run(words.workflow(step))

    assert [job.work.environment for job in workshop.local.jobs.values()] == [{"TRY": "1"}, {"TRY": "2"}]


async def test_a_secret_that_is_gone_fails_the_task(workshop: Any, words: Any) -> None:
    step = TaskDefinition(
        name="step", action=RunCommand(script="env", environment={"KEY": Expr("secrets.gone")})
    )

    execution = await workshop.run(words.workflow(step))

    run = next(iter(execution.runs.values()))
    assert run.failure is not None
    assert (run.failure.code, run.failure.final) == ("missing_secret", True)


async def test_an_unknown_runtime_fails_the_task_with_what_is_configured(workshop: Any, words: Any) -> None:
    step = TaskDefinition(name="step", action=RunCommand(script="true", runtime="mars"))

    execution = await workshop.run(words.workflow(step))

    run = next(iter(execution.runs.values()))
    assert run.failure is not None
    assert run.failure.message == "There is no runtime 'mars' here; configured are inline, local."


async def test_a_second_start_with_the_same_key_is_refused(workshop: Any, words: Any) -> None:
    made = await workshop.workflows.create(words.workflow(words.call("a")), b"a", "text/plain")

    def asked() -> StartRequest:
        names = workshop.executions.name()
        return StartRequest(workflow=made.number, version=1, inputs={}, names=names, start_key="once")

    await workshop.executions.start(asked())
    with pytest.raises(KeyTaken):
        await workshop.executions.start(asked())

    assert len(workshop.contents.executions) == 1


async def test_only_one_live_execution_has_a_concurrency_key(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: None
    definition = words.workflow(words.step("a"), concurrency_key=Text(("city-", Expr("inputs.city"))))
    row = await workshop.start(definition, city="Oslo")

    with pytest.raises(KeyTaken):
        await workshop.start(definition, city="Oslo")
    other = await workshop.start(definition, city="Bergen")
    await workshop.executions.cancel(row)
    await workshop.end_of(row)
    again = await workshop.start(definition, city="Oslo")

    assert (row.concurrency_key, other.concurrency_key) == ("city-Oslo", "city-Bergen")
    assert again.concurrency_key == row.concurrency_key


async def test_requests_to_an_ended_execution_are_refused(workshop: Any, words: Any) -> None:
    execution = await workshop.run(words.workflow(words.call("a")))
    row = await workshop.executions.get(execution.number)

    for ask in (workshop.executions.cancel, workshop.executions.pause, workshop.executions.resume):
        with pytest.raises(TransitionRefused):
            await ask(row)


async def test_an_approval_is_answered_once(workshop: Any, words: Any) -> None:
    ask = TaskDefinition(name="ask", action=AwaitApproval(prompt=Literal("Go?")))
    row = await workshop.start(words.workflow(ask))
    execution = await workshop.executions.view(row)
    run = next(iter(execution.runs))

    await workshop.executions.respond(row, run, {"answer": "yes"})
    ended = await workshop.end_of(row)

    assert ended.runs[run].outputs == {"answer": "yes"}
    with pytest.raises((TransitionRefused, NotFound)):
        await workshop.executions.respond(row, run, {"answer": "no"})


async def test_followers_see_every_event_once_and_in_order(workshop: Any, words: Any) -> None:
    row = await workshop.start(words.workflow(words.call("a", "b"), words.call("b")))

    seen = [found.seq async for batch in workshop.executions.follow(row) for found in batch]

    ended = await workshop.end_of(row)
    assert seen == list(range(1, ended.seq + 1))
