"""A task that runs another workflow: what it gets, and what it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.definition.model import OutputDefinition, Retry, RunWorkflow, TaskDefinition
from headrace.definition.templates import Expr, Literal, Text
from headrace.errors import InvalidInput


async def test_a_sub_workflow_gives_its_outputs_to_its_parent(workshop: Any, words: Any) -> None:
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, n=7)
    inner = words.workflow(
        words.call("x"), outputs=(OutputDefinition(name="n", value=Expr("tasks.x.outputs.n")),)
    )
    child = await workshop.workflows.create(inner, b"inner", "text/plain")
    outer = words.workflow(
        TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id)),
        outputs=(OutputDefinition(name="n", value=Expr("tasks.sub.outputs.n")),),
    )

    execution = await workshop.run(outer)

    assert execution.outputs == {"n": 7}


async def test_a_failed_sub_workflow_fails_its_task_and_says_which(workshop: Any, words: Any) -> None:
    workshop.inline.behaviour = lambda job: words.failed(job.attempt, "broken")
    child = await workshop.workflows.create(words.workflow(words.call("x")), b"inner", "text/plain")

    execution = await workshop.run(
        words.workflow(TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id)))
    )

    run = next(iter(execution.runs.values()))
    assert execution.state == "failed"
    assert run.failure is not None
    assert "It failed: broken." in run.failure.message


async def test_a_workflow_that_names_an_unknown_one_cannot_start(workshop: Any, words: Any) -> None:
    definition = words.workflow(TaskDefinition(name="sub", action=RunWorkflow(workflow="nope")))

    with pytest.raises(InvalidInput) as caught:
        await workshop.start(definition)

    assert "nope" in caught.value.problems[0].message


@pytest.mark.parametrize(
    "given", [Expr("secrets.key"), Text(("Bearer ", Expr("secrets.key")))], ids=["whole", "in a text"]
)
async def test_a_secret_is_not_given_to_a_sub_workflow_which_would_write_it_down(
    workshop: Any, words: Any, given: Any
) -> None:
    workshop.secrets["key"] = "s3cret-value"
    child = await workshop.workflows.create(words.workflow(words.call("x")), b"inner", "text/plain")
    action = RunWorkflow(workflow=child.id, inputs={"token": given, "n": Literal(1)})

    execution = await workshop.run(
        words.workflow(TaskDefinition(name="sub", action=action, retry=Retry(count=3, delay=timedelta(0))))
    )

    [run] = execution.runs.values()
    assert (run.failure.code, run.failure.final, len(run.tries)) == ("secret_not_allowed", True, 1)
    assert "'token'" in run.failure.message
    assert "name the secret in the tasks of the sub-workflow" in run.failure.message
    assert len(workshop.contents.executions) == 1


async def test_cancelling_a_parent_cancels_its_child(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: None
    child = await workshop.workflows.create(words.workflow(words.step("x")), b"inner", "text/plain")
    row = await workshop.start(
        words.workflow(TaskDefinition(name="sub", action=RunWorkflow(workflow=child.id)))
    )
    await words.until(lambda: bool(workshop.local.jobs))

    await workshop.executions.cancel(row)
    execution = await workshop.end_of(row)

    states = {found.workflow: found.state for found in workshop.contents.executions.values()}
    assert execution.state == "cancelled"
    assert states[child.number] == "cancelled"
