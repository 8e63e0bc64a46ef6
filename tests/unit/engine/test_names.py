"""What expressions see: names, context functions, secrets, large values."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.unit.engine.graphs import approval, call, each, flow, group, on_failure, run_of, signal, task, to

from headrace.definition.model import RunCommand
from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Template, Text, ValueRef
from headrace.engine import events, messages
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.execution import blank
from headrace.errors import HeadraceError
from headrace.expressions import NeedsValue
from headrace.testing.simulator import START, Rehearsal, Result, rehearse


def seen(expression: str, **more: Any) -> Any:
    """The value of an expression in the input of a task that follows `a`."""
    definition = flow(task("a", to("b", x=1)), task("b", action=call(it=expression)))
    return run_of(rehearse(definition, {"a": Result.of(n=5)}, **more).execution, "b").input["it"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.i", "in"),
        ("inputs", {"i": "in"}),
        ("tasks.a.outputs.n", 5),
        ("tasks.a.n", 5),
        ("tasks.a.outputs", {"n": 5}),
        ("tasks.a.status", "succeeded"),
        ("tasks.a.attempts", 1),
        ("tasks.a.visit", 1),
        ("tasks.a.reason", None),
        ("tasks.a.error", None),
        (
            "tasks.a",
            {
                "outputs": {"n": 5},
                "status": "succeeded",
                "attempts": 1,
                "visit": 1,
                "reason": None,
                "error": None,
            },
        ),
        ("keys(tasks)", ["a"]),
        ("x", 1),
        ("vars.x", 1),
        ("vars", {"x": 1}),
        ("execution.number", 1001),
        ("execution.started_at", "2023-11-14T22:13:20.000Z"),
        ("execution.workflow", 1),
        ("now()", "2023-11-14T22:13:21.000Z"),
    ],
)
def test_names_have_values(expression: str, value: Any) -> None:
    assert seen(expression, inputs={"i": "in"}) == value


def test_the_error_and_the_reason_of_a_failed_task_are_objects() -> None:
    definition = flow(
        task("a", on_failure("b")),
        task("b", action=call(error="tasks.a.error", reason="tasks.a.reason", whole="tasks.a")),
    )

    told = run_of(rehearse(definition, {"a": Result.failed("busy")}).execution, "b").input

    assert told["error"] == {"code": "busy", "message": "It failed: busy."}
    assert told["reason"] == {"code": "busy", "sentence": "It failed: busy."}
    assert told["whole"]["error"] == told["error"]


@pytest.mark.parametrize(
    "expression",
    [
        "tasks.b.status",
        "tasks.zzz",
        "tasks.a.outputs.zzz",
        "tasks.a.zzz",
        "vars.zzz",
        "zzz",
        "item",
        "secrets.KEY + 1",
    ],
)
def test_what_is_not_there_fails_the_task(expression: str) -> None:
    definition = flow(task("a", "b"), task("b", when=expression))

    assert rehearse(definition).states()["b"] == "failed"


@pytest.mark.parametrize("expression", ["result()", "succeeded()", "failed_sources()"])
def test_context_functions_mean_nothing_for_the_whole_execution(expression: str) -> None:
    rehearsal = rehearse(flow(task("a"), outputs={"out": expression}))

    assert [warning.code for warning in rehearsal.execution.warnings] == ["output_unavailable"]


def test_skipped_sources_takes_a_list() -> None:
    assert rehearse(flow(task("a", "b"), task("b", when="skipped_sources(1)"))).states()["b"] == "failed"


def test_ids_differ_from_each_other_and_are_the_same_in_a_second_decision() -> None:
    definition = flow(
        task("a", to("b", x="uuid()", y="uuid()")),
        task("b", items=each([1, 2]), action=call(id="uuid()", other="uuid()")),
        outputs={"z": "uuid()"},
        variables=(("v", Expr("uuid()")),),
    )

    def ids(seed: int) -> list[str]:
        execution = rehearse(definition, seed=seed).execution
        items = [run.input for run in execution.runs.values() if run.item >= 0]
        return [
            *execution.variables.values(),
            *execution.outputs.values(),
            *(i for item in items for i in item.values()),
        ]

    assert len(set(ids(1))) == 8
    assert ids(1) == ids(1)
    assert set(ids(1)).isdisjoint(ids(2))


def test_variables_of_the_workflow_already_know_the_execution() -> None:
    rehearsal = rehearse(
        flow(variables=(("n", Expr("execution.number")), ("at", Expr("execution.started_at"))))
    )

    assert rehearsal.execution.variables == {"n": 1001, "at": "2023-11-14T22:13:20.000Z"}


def test_a_secret_stays_a_template_in_which_all_else_is_filled_in() -> None:
    inputs: dict[str, Template] = {
        "plain": Expr("inputs.user"),
        "text": Text(("Bearer ", Expr("secrets.KEY"), " of ", Expr("inputs.user"))),
        "list": ListOf((Literal(1), Expr("secrets.KEY"))),
        "object": ObjectOf({"k": Expr("secrets.KEY"), "n": ListOf((Literal("secrets"),))}),
        "fixed": Literal("secrets.KEY"),
    }
    action = type(call())(type="test.work", inputs=inputs)

    rehearsal = rehearse(flow(task("a", action=action)), inputs={"user": "me"})

    queued = next(event for event in rehearsal.events if isinstance(event, events.TaskQueued))
    assert queued.input == {"plain": "me", "fixed": "secrets.KEY"}
    assert queued.sealed is not None
    assert set(queued.sealed.entries) == {"text", "list", "object"}
    assert queued.sealed.entries["text"] == Text(("Bearer ", Expr("secrets.KEY"), " of me"))


def test_the_parts_of_a_command_have_flat_names() -> None:
    action = RunCommand(
        argv=(Literal("echo"), Expr("inputs.x")), environment={"E": Expr("secrets.KEY")}, stdin=Literal("in")
    )

    run = run_of(rehearse(flow(task("a", action=action)), inputs={"x": 1}).execution, "a")

    assert run.input == {"argv.0": "echo", "argv.1": 1, "stdin": "in"}
    assert run.sealed == ObjectOf({"environment.E": Expr("secrets.KEY")})
    assert run_of(rehearse(flow(task("a", action=RunCommand(script="true")))).execution, "a").input == {}


REF = ValueRef("0" * 64, 100_000, "json")


def start(definition: Any, values: dict[str, Any]) -> Any:
    numbers = itertools.count(2)
    asked = messages.Start(number=1, id="x", workflow=1, version=1, inputs={"big": REF}, seed=0)
    execution = blank(definition)
    decide(execution, asked, Moment(at=START, take=lambda: next(numbers), values=values))
    return execution


def test_a_large_value_is_passed_on_whole_and_asked_for_when_looked_into() -> None:
    whole, inside = call(it="inputs.big"), call(it="inputs.big.deep")

    assert run_of(start(flow(task("a", action=whole)), {}), "a").input == {"it": REF}
    with pytest.raises(NeedsValue) as asked:
        start(flow(task("a", action=inside)), {})
    assert asked.value.refs == (REF,)
    assert run_of(start(flow(task("a", action=inside)), {REF.sha256: {"deep": 7}}), "a").input == {"it": 7}


def test_items_of_a_list_that_was_put_aside_are_read_from_the_loaded_one() -> None:
    definition = flow(task("a", items=each([7, 8]), action=call(of="item")))
    rehearsal = Rehearsal(definition)
    aggregate, first = run_of(rehearsal.execution, "a"), run_of(rehearsal.execution, "a", item=0)
    assert aggregate.foreach is not None
    aggregate.foreach.items = REF
    numbers = itertools.count(5000)
    ended = messages.AttemptEnded(attempt=first.attempt, outcome="succeeded", started_at=None, ended_at=START)

    decide(
        rehearsal.execution,
        ended,
        Moment(at=START, take=lambda: next(numbers), values={REF.sha256: [7, 8]}),
    )

    assert run_of(rehearsal.execution, "a", item=1).input == {"of": 8}


def test_an_execution_tells_which_sources_a_task_still_waits_for() -> None:
    definition = flow(task("a", "c"), task("b", "c"), task("c", join="all"))
    pending, rehearsal = blank(definition), Rehearsal(definition, {"b": Result.of(takes=9)})
    while run_of(rehearsal.execution, "a").state != "succeeded":
        rehearsal.step()

    assert pending.waiting_for("c") == ("a", "b")
    assert rehearsal.execution.waiting_for("c") == ("b",)
    assert [(one.name, run is None) for one, run in pending.root_runs()] == [
        ("a", True),
        ("b", True),
        ("c", True),
    ]


@pytest.mark.parametrize("action", [approval(), signal("go"), group(task("x"))])
def test_no_error_of_an_expression_leaves_a_decision(action: Any) -> None:
    definition = flow(task("a", action=action, timeout=Expr("inputs.none")), task("b", items=each("1 / 0")))

    try:
        states = rehearse(definition).states()
    except HeadraceError as error:
        raise AssertionError("a decision broke") from error
    assert states == {"a": "failed", "b": "failed"}
