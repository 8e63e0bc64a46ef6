"""Expressions before anything runs: readable, in their place, naming what exists."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.graphs import call, each, flow, group, task, to

from headrace.definition.model import (
    AwaitApproval,
    AwaitSignal,
    AwaitTime,
    Check,
    Nothing,
    Retry,
    RunCommand,
    RunWorkflow,
    Transition,
    WorkflowDefinition,
)
from headrace.definition.places import places
from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Text
from headrace.definition.types import Port
from headrace.engine.checking import check_expressions


def found(definition: WorkflowDefinition) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in check_expressions(definition)]


def everywhere(source: str) -> WorkflowDefinition:
    """A definition with that expression in every place that can have one."""
    here = Expr(source)
    command = RunCommand(argv=(Literal("cat"), here), environment={"A/B": here}, stdin=here)
    approval = AwaitApproval(prompt=Text(("Is it ", here, "?")), details={"d": ListOf((here,))}, timeout=here)
    publish = (("p", here),)
    return flow(
        task("job", action=call(x=source), timeout=here, retry=Retry(count=1, on=source)),
        task(
            "command", action=command, fallback=RunWorkflow(workflow="w", inputs={"o": ObjectOf({"k": here})})
        ),
        task("ask", action=approval),
        task("signal", action=AwaitSignal(signal=here, timeout=here)),
        task("time", action=AwaitTime(seconds=here)),
        task("until", action=AwaitTime(until=here)),
        task("each", items=each(source), action=Nothing()),
        task("group", action=group(task("inner", action=call(x=source)), out=source)),
        task("edges", Transition(when=source, publish=publish)),
        task("checks", checks=(Check(expression=source, code="c", sentence=here),)),
        closing=task("closing", action=call(x=source)),
        outputs={"out": source},
        variables=(("v", here),),
        concurrency_key=here,
    )


ALL = [place.path for place in places(everywhere("1"))]


def test_every_place_is_found_with_its_pointer() -> None:
    assert ALL == [
        "/variables/0/value",
        "/concurrency_key",
        "/tasks/0/timeout",
        "/tasks/0/action/inputs/x",
        "/tasks/0/retry/on",
        "/tasks/1/action/argv/1",
        "/tasks/1/action/environment/A~1B",
        "/tasks/1/action/stdin",
        "/tasks/1/fallback/inputs/o/k",
        "/tasks/2/action/prompt",
        "/tasks/2/action/details/d/0",
        "/tasks/2/action/timeout",
        "/tasks/3/action/signal",
        "/tasks/3/action/timeout",
        "/tasks/4/action/seconds",
        "/tasks/5/action/until",
        "/tasks/6/items/items",
        "/tasks/7/action/tasks/0/action/inputs/x",
        "/tasks/7/action/outputs/out",
        "/tasks/8/next/0/when",
        "/tasks/8/next/0/publish/0/value",
        "/tasks/9/checks/0/expression",
        "/tasks/9/checks/0/sentence",
        "/closing/action/inputs/x",
        "/outputs/0/value",
    ]


def test_what_is_allowed_everywhere_is_no_problem_anywhere() -> None:
    for source in ("1", "now()", "uuid()", "execution.id", "vars.anything", "default(whatever, 1)", "v"):
        assert found(everywhere(source)) == []


def test_an_unreadable_expression_is_told_with_its_column() -> None:
    problems = check_expressions(everywhere("1 +"))

    assert [problem.path for problem in problems] == ALL
    assert {problem.code for problem in problems} == {"expression_syntax"}
    assert {problem.column for problem in problems} == {4}
    assert check_expressions(everywhere("nonsense(1)"))[0].code == "unknown_function"


@pytest.mark.parametrize("source", ["result()", "succeeded()", "failed()", "timed_out()"])
def test_how_a_task_ended_is_known_to_its_transitions_and_its_retry_only(source: str) -> None:
    allowed = {"/tasks/0/retry/on", "/tasks/8/next/0/when", "/tasks/8/next/0/publish/0/value"}

    assert {path for path, _ in found(everywhere(source))} == set(ALL) - allowed


@pytest.mark.parametrize("source", ["failed_sources()", "skipped_sources(['a'])"])
def test_the_sources_of_a_task_are_known_to_its_checks_only(source: str) -> None:
    problems = check_expressions(everywhere(source))

    assert {problem.path for problem in problems} == {path for path in ALL if "/checks/" not in path}
    assert problems[0].message.endswith("is only available in checks.")


def test_secrets_stand_only_in_the_inputs_of_jobs() -> None:
    wrong = {path for path, code in found(everywhere("secrets.KEY")) if code == "secret_not_allowed"}

    assert set(ALL) - wrong == {
        "/tasks/0/action/inputs/x",
        "/tasks/1/action/argv/1",
        "/tasks/1/action/environment/A~1B",
        "/tasks/1/action/stdin",
        "/tasks/1/fallback/inputs/o/k",
        "/tasks/7/action/tasks/0/action/inputs/x",
        "/closing/action/inputs/x",
    }


def test_a_task_that_does_not_exist_is_told_with_the_nearest_name() -> None:
    problems = check_expressions(flow(task("fetch"), task("b", when="tasks.fetsh.status == 'failed'")))

    assert [(problem.code, problem.suggestion, problem.task) for problem in problems] == [
        ("unknown_task", "fetch", "b")
    ]


def test_tasks_of_a_group_see_themselves_and_those_around_but_are_not_seen() -> None:
    inner = group(task("x", when="tasks.a.status"), task("y", when="tasks.x.status"), out="tasks.y.status")
    definition = flow(
        task("a"), task("g", action=inner), task("b", when="tasks.x.status"), outputs={"o": "tasks.y"}
    )

    assert found(definition) == [
        ("/tasks/2/checks/0/expression", "unknown_task"),
        ("/outputs/0/value", "unknown_task"),
    ]


def test_all_tasks_at_once_name_none() -> None:
    assert found(flow(task("a"), task("b", when="tasks"))) == []


def test_nothing_has_run_when_the_variables_are_evaluated() -> None:
    assert found(flow(task("a"), variables=(("v", Expr("tasks.a.status")),))) == [
        ("/variables/0/value", "unknown_task")
    ]


def test_inputs_are_checked_where_any_are_declared() -> None:
    wrong = task("a", action=call(x="inputs.nmae", all="inputs"))

    assert found(flow(wrong)) == []
    assert found(flow(wrong, inputs=(Port(name="name"),))) == [("/tasks/0/action/inputs/x", "unknown_input")]


@pytest.mark.parametrize("name", ["item", "index"])
def test_an_element_is_known_to_the_tries_of_a_foreach_and_inside_its_group(name: str) -> None:
    inner = group(task("x", when=f"{name} == 1"))
    good: list[Any] = [
        task("a", action=call(x=name), items=each([1]), timeout=Expr(name), retry=Retry(count=1, on=name)),
        task("b", action=inner, items=each([1])),
    ]
    bad = [task("c", to(when=name), items=each(name), when=name), task("d", action=call(x=name))]

    assert found(flow(*good)) == []
    assert found(flow(*bad)) == [
        ("/tasks/0/checks/0/expression", "item_not_available"),
        ("/tasks/0/items/items", "item_not_available"),
        ("/tasks/0/next/0/when", "item_not_available"),
        ("/tasks/1/action/inputs/x", "item_not_available"),
    ]


def test_a_variable_may_be_called_item() -> None:
    assert found(flow(task("a", to("b", item=1)), task("b", when="item == 1"))) == []


def test_a_bare_name_is_a_variable_that_is_set_somewhere() -> None:
    inner = group(task("x", to(deep=1)))
    definition = flow(
        task("a", to("b", seen=1), fallback=inner), task("b", when="seen == 1 and deep == 1 and sene == 1")
    )

    problems = check_expressions(definition)

    assert [(problem.code, problem.suggestion) for problem in problems] == [("unknown_variable", "seen")]
