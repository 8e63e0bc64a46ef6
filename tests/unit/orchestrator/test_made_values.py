"""Large values that decisions make: kept elsewhere, without the journal being read again for each."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.definition.model import CallTask, ForEach, OutputDefinition, TaskDefinition, Transition
from headrace.definition.templates import Expr, Literal, Text, ValueRef
from headrace.orchestrator.replay import replay

LONG = Text(("<", Expr("inputs.text"), ">"))


def asks(name: str, *to: str, **fields: Any) -> TaskDefinition:
    action = CallTask(type="text.size", inputs={"text": LONG})
    return TaskDefinition(name=name, action=action, next=(Transition(to=to),) if to else (), **fields)


async def test_the_journal_is_not_read_for_the_inputs_and_outputs_of_a_chain(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_again, times = workshop.house.read_again, 0

    async def counted(row: Any) -> Any:
        nonlocal times
        times += 1
        return await read_again(row)

    monkeypatch.setattr(workshop.house, "read_again", counted)
    tasks = [asks(f"t{index}", f"t{index + 1}") for index in range(9)]
    definition = words.workflow(
        *tasks,
        asks("t9", items=ForEach(items=Literal([1, 2, 3]), concurrency=2)),
        outputs=(OutputDefinition(name="long", value=LONG),),
    )
    execution = await workshop.run(definition, text="x" * 70_000)

    row = await workshop.store.executions.get(execution.number)
    again = await replay(workshop.store, workshop.house._shelf, row)
    assert execution.state == "succeeded"
    assert isinstance(execution.outputs["long"], ValueRef)
    assert (again.runs, again.outputs) == (execution.runs, execution.outputs)
    assert times == 0


async def test_what_a_transition_publishes_is_read_again(workshop: Any, words: Any) -> None:
    workshop.inline.behaviour = lambda job: words.succeeded(job.attempt, text="x" * 60_000)
    double = Text((Expr("tasks.a.outputs.text"), Expr("tasks.a.outputs.text")))
    definition = words.workflow(
        TaskDefinition(
            name="a",
            action=CallTask(type="core.noop"),
            next=(Transition(to=("b",), publish=(("double", double),)),),
        ),
        words.call("b"),
        variables=(("double", Literal("")),),
    )
    execution = await workshop.run(definition)

    row = await workshop.store.executions.get(execution.number)
    again = await replay(workshop.store, workshop.house._shelf, row)
    assert isinstance(execution.variables["double"], ValueRef)
    assert (again.runs, again.variables) == (execution.runs, execution.variables)
