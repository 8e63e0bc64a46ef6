"""The laws of the engine (docs/engine.md §9) over random graphs and random worlds."""

from __future__ import annotations

import os
import zlib
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
from tests.properties.engine_worlds import World, deeds, definitions, same_state, timeless_graphs

from headrace.definition.model import TaskDefinition, WorkflowDefinition
from headrace.engine import messages
from headrace.engine.execution import NO_ITEM, ROOT, Execution, TaskRun
from headrace.engine.plans import Planned, Reason
from headrace.engine.rerun import plan_rerun
from headrace.testing.simulator import Result, rehearse

EXAMPLES = int(os.environ.get("ENGINE_EXAMPLES", "300"))
"""Enough for every commit; after a change of the engine itself, try some thousands."""

LAWS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAWS
@given(definitions(), deeds)
def test_every_world_keeps_the_laws_and_comes_to_an_end(
    definition: WorkflowDefinition, done: list[tuple[int, int]]
) -> None:
    world = World(definition)
    for kind, which in done:
        world.do(kind, which)

    world.finish()

    world.crash()
    assert same_state(world.execution, world.twin)
    assert absorbs_everything(world)


def absorbs_everything(world: World) -> bool:
    execution = world.execution
    before = execution.seq
    asked: list[messages.Message] = [messages.Cancel(), messages.Pause(), messages.Resume()]
    asked += [messages.Signal(name="go"), messages.TimerFired(key="deadline"), *world.reports[-3:]]
    for run in list(execution.runs)[-3:]:
        asked += [
            messages.CancelTask(run=run),
            messages.Respond(run=run, outputs={}),
            messages.Withdraw(run=run),
        ]
    return all(not world.tell(message) for message in asked) and execution.seq == before


@LAWS
@given(timeless_graphs(), st.lists(st.booleans(), min_size=8, max_size=8), st.integers(1, 999))
def test_the_outcome_does_not_depend_on_the_order_in_which_independent_tasks_end(
    tasks: tuple[TaskDefinition, ...], failures: list[bool], salt: int
) -> None:
    definition = WorkflowDefinition(name="random", dialect="test", tasks=tasks)

    first = rehearse(definition, results(tasks, failures, 0)).execution
    second = rehearse(definition, results(tasks, failures, salt)).execution

    assert outcome(first) == outcome(second)


def every_task(tasks: tuple[TaskDefinition, ...]) -> list[TaskDefinition]:
    found = list(tasks)
    for task in found:
        found += getattr(task.action, "tasks", ())
    return found


def results(tasks: tuple[TaskDefinition, ...], failures: list[bool], salt: int) -> dict[str, Any]:
    def chance(run: TaskRun, more: int) -> int:
        return zlib.crc32(f"{run.task}:{run.visit}:{run.item}:{len(run.tries)}:{more}".encode())

    def result(run: TaskRun) -> Result:
        takes = chance(run, salt) % 20
        is_bad = failures[chance(run, 0) % len(failures)]
        return Result.failed(takes=takes) if is_bad else Result.of(takes=takes)

    return {task.name: result for task in every_task(tasks)}


def outcome(execution: Execution) -> tuple[Any, ...]:
    reason = execution.reason if not execution.flaws else None
    runs = sorted((place(execution, run), run.state, str(run.reason)) for run in execution.runs.values())
    return execution.state, reason, runs, [execution.runs[number].task for number in execution.failed]


def place(execution: Execution, run: TaskRun) -> str:
    owner = execution.scopes[run.scope].owner
    around = ""
    if owner is not None:
        above = execution.runs[owner]
        tries = [tried.number for tried in above.tries]
        around = f"{place(execution, above)}#{tries.index(run.scope)}/"
    return f"{around}{run.task}:{run.visit}:{run.item}"


plans = st.dictionaries(
    st.sampled_from(["t0", "t1", "t2", "t3"]),
    st.builds(
        Planned,
        mode=st.sampled_from(["run", "skip", "noop"]),
        reason=st.just(Reason("planned", "As planned.")),
    ),
)


@LAWS
@given(definitions(), plans, deeds)
def test_an_execution_with_a_plan_keeps_the_laws_too(
    definition: WorkflowDefinition, plan: dict[str, Planned], done: list[tuple[int, int]]
) -> None:
    world = World(definition, plan)
    for kind, which in done:
        world.do(kind, which)

    world.finish()

    for name, planned in plan.items():
        for run in world.execution.runs.values():
            if run.task == name and planned.mode != "run":
                assert not run.tries


@LAWS
@given(definitions(), deeds, deeds)
def test_a_rerun_of_what_failed_keeps_the_laws_too(
    definition: WorkflowDefinition, before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    earlier = World(definition)
    for kind, which in before:
        earlier.do(kind, which)
    earlier.finish()

    world = World(definition, plan_rerun(earlier.execution, "failed"))
    for kind, which in after:
        world.do(kind, which)
    world.finish()

    for run in world.execution.runs.values():
        assert run.earlier is None or not run.tries


@LAWS
@given(timeless_graphs(), st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_rerun_of_nothing_comes_to_the_same_without_an_attempt(
    tasks: tuple[TaskDefinition, ...], failures: list[bool]
) -> None:
    definition = WorkflowDefinition(name="random", dialect="test", tasks=tasks)
    earlier = rehearse(definition, results(tasks, failures, 0)).execution

    again = rehearse(definition, plan=plan_rerun(earlier, [])).execution

    assert roots(again) == roots(earlier)
    assert not any(run.tries for run in again.runs.values())


def roots(execution: Execution) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        (run.task, run.visit): (run.state, run.outputs, run.failure, run.taken)
        for run in execution.runs.values()
        if run.scope == ROOT and run.item == NO_ITEM
    }


@LAWS
@given(definitions(), deeds)
def test_a_pending_execution_refuses_or_ignores_everything_but_a_start(
    definition: WorkflowDefinition, done: list[tuple[int, int]]
) -> None:
    world = World.__new__(World)
    world.prepare(definition)
    for kind, which in done:
        if kind > 12:
            assert not world.tell(world.request(kind, which))

    assert world.execution.seq == 0
