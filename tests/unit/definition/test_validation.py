"""The structure of a definition: every rule once, with its pointer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.definition.model import (
    AwaitTime,
    ForEach,
    Nothing,
    OutputDefinition,
    Retry,
    RunCommand,
    RunGroup,
    TaskDefinition,
    Transition,
    WorkflowDefinition,
)
from headrace.definition.templates import Literal
from headrace.definition.types import Port
from headrace.definition.validation import nearest, validate


def task(name: str, *targets: str, resolved: bool = False, **more: Any) -> TaskDefinition:
    edges = tuple(Transition(to=(target,), resolved=resolved) for target in targets)
    return TaskDefinition(name=name, next=edges, **more)


def flow(*tasks: TaskDefinition, **more: Any) -> WorkflowDefinition:
    return WorkflowDefinition(name="test", dialect="test", tasks=tasks, **more)


def found(definition: WorkflowDefinition) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in validate(definition)]


def test_a_sound_definition_has_no_problems() -> None:
    inner = RunGroup(tasks=(task("x", "y"), task("y")))
    definition = flow(
        task("a", "b", "c"),
        task("b", "d", action=inner, retry=Retry(count=1)),
        task("c", "d", items=ForEach(items=Literal([]))),
        task("d", "a", join=2, action=RunCommand(script="true")),
        task("e", action=AwaitTime(seconds=Literal(1)), fallback=Nothing(), mark_after=timedelta(seconds=1)),
        closing=task("last"),
        timeout=timedelta(hours=1),
    )

    assert found(flow()) == found(definition) == []


def test_names_are_unique_in_their_scope_and_only_there() -> None:
    inner = RunGroup(tasks=(task("a"), task("x"), task("x")))

    assert found(flow(task("a", action=inner), task("b"), task("a"))) == [
        ("/tasks/2/name", "duplicate_name"),
        ("/tasks/0/action/tasks/2/name", "duplicate_name"),
    ]


def test_inputs_outputs_and_variables_have_names_of_their_own() -> None:
    twice = Literal(1)
    definition = flow(
        inputs=(Port(name="i"), Port(name="i")),
        outputs=(OutputDefinition(name="o", value=twice), OutputDefinition(name="o", value=twice)),
        variables=(("v", twice), ("w", twice), ("v", twice)),
    )

    assert [path for path, _ in found(definition)] == [
        "/inputs/1/name",
        "/outputs/1/name",
        "/variables/2/name",
    ]


def test_a_task_needs_a_name() -> None:
    assert found(flow(task(""))) == [("/tasks/0/name", "missing_name")]


def test_a_target_that_does_not_exist_is_told_with_the_nearest_name() -> None:
    definition = flow(task("fetch", "prase"), task("parse", "zzz"))

    problems = validate(definition)

    assert [(problem.path, problem.suggestion) for problem in problems] == [
        ("/tasks/0/next/0/to/0", "parse"),
        ("/tasks/1/next/0/to/0", None),
    ]
    assert problems[0].message == "Task 'fetch' leads to 'prase', which does not exist."


def test_near_names_are_not_sought_among_very_many() -> None:
    assert nearest("t1x", frozenset(f"t{number}" for number in range(5000))) is None


def test_an_edge_cannot_lead_out_of_a_group_or_into_one() -> None:
    inner = RunGroup(tasks=(task("x", "b"), task("y")))

    assert found(flow(task("a", "y", action=inner), task("b"))) == [
        ("/tasks/0/next/0/to/0", "unknown_task"),
        ("/tasks/0/action/tasks/0/next/0/to/0", "edge_leaves_group"),
    ]


@pytest.mark.parametrize("join", [0, -1, 3])
def test_a_join_cannot_wait_for_more_tasks_than_lead_there_or_for_none(join: int) -> None:
    definition = flow(task("a", "c"), task("b", "c"), task("c", join=join))

    assert found(definition) == [("/tasks/2/join", "impossible_join")]


def test_ways_back_do_not_count_for_a_join() -> None:
    definition = flow(task("a", "b"), task("b", "c", join=2), task("c", "b"))

    assert found(definition) == [("/tasks/1/join", "impossible_join")]


def test_a_task_that_nothing_leads_to_may_wait_for_one() -> None:
    assert found(flow(task("a", join=1))) == []


def test_a_resolved_edge_cannot_stand_between_tasks_of_a_cycle() -> None:
    definition = flow(task("a", "b"), task("b", "a", resolved=True), task("c", "c", resolved=True))

    assert found(definition) == [
        ("/tasks/1/next/0/resolved", "resolved_in_cycle"),
        ("/tasks/2/next/0/resolved", "resolved_in_cycle"),
    ]


def test_a_resolved_edge_may_lead_into_a_cycle_and_out_of_it() -> None:
    both = (Transition(to=("a",)), Transition(to=("c",), resolved=True))
    definition = flow(
        task("s", "a", resolved=True), task("a", "b"), TaskDefinition(name="b", next=both), task("c")
    )

    assert found(definition) == []


def test_a_closing_task_has_a_name_of_its_own_and_leads_nowhere() -> None:
    definition = flow(task("a"), closing=task("a", "a", retry=Retry(count=0)))

    assert found(definition) == [
        ("/closing/name", "duplicate_name"),
        ("/closing/next", "closing_leads_on"),
        ("/closing/retry/count", "out_of_range"),
    ]


def test_more_tasks_than_are_allowed_are_one_problem() -> None:
    inner = RunGroup(tasks=(task("x"), task("y")))
    definition = flow(task("a", action=inner), task("b", fallback=inner))

    assert validate(definition, 6) == []
    assert [problem.message for problem in validate(definition, 5)] == [
        "The workflow has 6 tasks; at most 5 are allowed."
    ]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"items": ForEach(items=Literal([]), concurrency=0)}, "items/concurrency"),
        ({"items": ForEach(items=Literal([]), batch_size=0)}, "items/batch_size"),
        ({"retry": Retry(count=0)}, "retry/count"),
        ({"retry": Retry(count=1, delay=timedelta(seconds=-1))}, "retry/delay"),
        ({"retry": Retry(count=1, max_delay=timedelta(seconds=-1))}, "retry/max_delay"),
        ({"retry": Retry(count=1, factor=0.5)}, "retry/factor"),
        ({"retry": Retry(count=1, factor=float("nan"))}, "retry/factor"),
        ({"retry": Retry(count=1, jitter=1.5)}, "retry/jitter"),
        ({"mark_after": timedelta(0)}, "mark_after"),
    ],
)
def test_numbers_have_bounds(more: dict[str, Any], path: str) -> None:
    assert found(flow(task("a", **more))) == [(f"/tasks/0/{path}", "out_of_range")]


def test_numbers_of_the_whole_have_bounds_too() -> None:
    assert found(flow(max_visits=0, timeout=timedelta(seconds=-5))) == [
        ("/max_visits", "out_of_range"),
        ("/timeout", "out_of_range"),
    ]


@pytest.mark.parametrize(
    ("action", "path", "code"),
    [
        (RunCommand(), "action", "script_or_argv"),
        (RunCommand(script="true", argv=(Literal("true"),)), "action", "script_or_argv"),
        (RunCommand(argv=()), "action/argv", "script_or_argv"),
        (AwaitTime(), "action", "seconds_or_until"),
        (AwaitTime(seconds=Literal(1), until=Literal(2)), "action", "seconds_or_until"),
    ],
)
def test_of_two_ways_to_say_something_one_is_taken(action: Any, path: str, code: str) -> None:
    assert found(flow(task("a", action=action))) == [(f"/tasks/0/{path}", code)]
    assert found(flow(task("a", fallback=action))) == [
        (f"/tasks/0/{path.replace('action', 'fallback')}", code)
    ]
