"""Failures (docs/engine.md §6): handled or counted, retries, fallbacks, lost attempts, timeouts, marks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.graphs import (
    approval,
    at,
    attempts,
    call,
    flow,
    group,
    names_of,
    on_failure,
    on_success,
    run_of,
    signal,
    task,
    to,
    wait,
)

from headrace.definition.model import CallTask, Nothing, Retry
from headrace.definition.templates import Expr, Literal
from headrace.engine import events, messages
from headrace.engine.plans import Reason
from headrace.testing.simulator import Result, rehearse

FAILED = Result.failed()


def retry(count: int, **more: Any) -> Retry:
    return Retry(count=count, **more)


def test_a_handled_failure_is_no_failure_of_the_execution() -> None:
    rehearsal = rehearse(flow(task("a", on_failure("b")), task("b")), {"a": FAILED})

    assert rehearsal.states() == {"a": "failed", "b": "succeeded"}
    assert rehearsal.execution.state == "succeeded"


def test_an_unhandled_failure_lets_independent_branches_go_on_and_is_named_at_the_end() -> None:
    definition = flow(task("a", "b"), task("b"), task("x", "y"), task("y"))

    rehearsal = rehearse(definition, {"a": FAILED, "x": Result.of(takes=5)})

    assert rehearsal.states() == {"a": "failed", "b": "skipped", "x": "succeeded", "y": "succeeded"}
    assert rehearsal.execution.state == "failed"
    assert names_of(rehearsal.execution, rehearsal.execution.failed) == ["a"]
    assert rehearsal.execution.reason == Reason("task_failed", "Task 'a' failed: It failed: failed.")


def test_a_transition_that_only_publishes_handles_nothing() -> None:
    rehearsal = rehearse(flow(task("a", to(x=1))), {"a": FAILED})

    assert rehearsal.execution.state == "failed"


def test_a_definition_may_say_that_every_failure_counts() -> None:
    definition = flow(task("a", on_failure("b")), task("b"), unhandled="every_failure")

    rehearsal = rehearse(definition, {"a": FAILED})

    assert rehearsal.states() == {"a": "failed", "b": "succeeded"}
    assert rehearsal.execution.state == "failed"


def test_many_root_failures_are_named_and_counted() -> None:
    rehearsal = rehearse(flow(*(task(f"t{number}") for number in range(12))), all_failed(12))

    reason = rehearsal.execution.reason
    assert reason is not None
    assert reason.sentence.startswith("Tasks 't0', 't1', ")
    assert reason.sentence.endswith("'t9' and 2 more failed; the first: It failed: failed.")


@pytest.mark.parametrize(("first", "second"), [(1, 5), (5, 1)])
def test_root_failures_are_named_in_written_order_whichever_came_first(first: float, second: float) -> None:
    results = {"a": Result.failed("A", takes=first), "b": Result.failed("B", takes=second)}
    inner = group(task("a"), task("b"))

    plain, grouped = rehearse(flow(*inner.tasks), results), rehearse(flow(task("g", action=inner)), results)

    assert plain.execution.reason == Reason("task_failed", "Tasks 'a', 'b' failed; the first: It failed: A.")
    assert grouped.reasons() == {"g": "group_failed"}
    assert run_of(grouped.execution, "g").reason == Reason(
        "group_failed", "Task 'a' inside failed: It failed: A."
    )


def all_failed(count: int) -> dict[str, Result]:
    return {f"t{number}": FAILED for number in range(count)}


def test_a_broken_when_beside_a_good_one_leaves_only_itself_untaken() -> None:
    broken = to("b", when="oops.nothing", x=1)
    definition = flow(task("a", broken, on_success("c"), to("d", y="oops.nothing")), *map(task, "bcd"))

    rehearsal = rehearse(definition)

    assert rehearsal.states() == {"a": "succeeded", "b": "skipped", "c": "succeeded", "d": "skipped"}
    assert rehearsal.execution.state == "failed"
    places = [reason.sentence for _, reason in rehearsal.execution.flaws]
    assert places[0].startswith("task 'a' next[0].when: Variable not found")
    assert places[1].startswith("task 'a' next[2].publish.y: Variable not found")
    assert rehearsal.execution.reason == rehearsal.execution.flaws[0][1]


def test_a_broken_input_fails_the_task_without_tries_but_its_fallback_still_runs() -> None:
    broken = call(x="oops.nothing")
    definition = flow(
        task("a", action=broken, retry=retry(3)),
        task("b", action=broken, retry=retry(3), fallback=call()),
    )

    rehearsal = rehearse(definition)

    assert attempts(rehearsal, "a") == []
    assert attempts(rehearsal, "b") == [("succeeded", True)]
    assert rehearsal.states() == {"a": "failed", "b": "succeeded"}


def test_a_broken_fallback_is_not_tried_again() -> None:
    definition = flow(task("a", fallback=call(x="oops.nothing")))

    rehearsal = rehearse(definition, {"a": FAILED})

    run = run_of(rehearsal.execution, "a")
    assert attempts(rehearsal, "a") == [("failed", False)]
    assert run.reason is not None
    assert "task 'a' fallback 'x': " in run.reason.sentence


def test_a_fallback_that_does_nothing_leaves_the_failed_try_as_it_was() -> None:
    rehearsal = rehearse(flow(task("a", fallback=Nothing())), {"a": FAILED})

    assert attempts(rehearsal, "a") == [("failed", False)]
    assert rehearsal.states() == {"a": "succeeded"}


@pytest.mark.parametrize(
    ("fallback", "states"),
    [
        (approval(5), "timed_out"),
        (signal("go", 5), "timed_out"),
        (wait(5), "succeeded"),
        (group(task("inner")), "succeeded"),
        (group(task("a")), "failed"),
    ],
)
def test_a_fallback_may_be_any_action_and_runs_once(fallback: Any, states: str) -> None:
    rehearsal = rehearse(flow(task("a", fallback=fallback, retry=retry(1))), {"a": FAILED})

    run = rehearsal.execution.runs[rehearsal.execution.scopes[0].latest["a"]]
    assert [tried.fallback for tried in run.tries] == [False, False, True]
    assert run.state == states


def test_a_fallback_of_a_wait_does_not_take_the_signal() -> None:
    definition = flow(task("a", action=signal("go", 5), fallback=call()), task("b", action=signal("go")))
    requests = [at(10, messages.Signal(name="go"))]

    rehearsal = rehearse(definition, {"a": Result.of(takes=20)}, requests=requests)

    assert rehearsal.states() == {"a": "succeeded", "b": "succeeded"}


def test_a_timed_out_attempt_is_retried_and_may_be_told_from_a_failure() -> None:
    definition = flow(
        task("a", to("late", when="timed_out()"), on_failure("bad"), retry=retry(1)),
        *map(task, ["late", "bad"]),
    )

    rehearsal = rehearse(definition, {"a": Result("timed_out")})

    assert len(attempts(rehearsal, "a")) == 2
    assert rehearsal.states() == {"a": "timed_out", "late": "succeeded", "bad": "skipped"}


def test_the_timeout_of_an_attempt_is_evaluated_and_handed_to_the_runtime() -> None:
    definition = flow(task("a", timeout=Expr("inputs.limit * 2")))

    rehearsal = rehearse(definition, inputs={"limit": 4})

    assert run_of(rehearsal.execution, "a").timeout == 8.0


@pytest.mark.parametrize("limit", ["soon", -1, True, [1]])
def test_a_timeout_that_is_no_number_of_seconds_fails_the_task_before_it_starts(limit: Any) -> None:
    rehearsal = rehearse(flow(task("a", timeout=Literal(limit))))

    assert attempts(rehearsal, "a") == []
    assert rehearsal.states() == {"a": "failed"}


def test_a_timeout_of_null_is_none() -> None:
    rehearsal = rehearse(flow(task("a", timeout=Expr("null"))))

    assert run_of(rehearsal.execution, "a").timeout is None


def test_an_execution_that_runs_longer_than_its_timeout_is_ended() -> None:
    definition = flow(task("a", "b"), task("b"), timeout=timedelta(seconds=5))

    rehearsal = rehearse(definition, {"a": Result.of(takes=50)})

    assert rehearsal.execution.state == "timed_out"
    assert rehearsal.states() == {"a": "cancelled", "b": "cancelled"}
    assert rehearsal.execution.ended_at == rehearsal.execution.created_at + 5
    assert rehearsal.execution.timers == {}


def test_a_mark_only_states_that_an_attempt_runs_long() -> None:
    definition = flow(task("a", mark_after=timedelta(seconds=5), action=CallTask(type="test.work")))

    rehearsal = rehearse(definition, {"a": Result.of(takes=20)})

    assert [event for event in rehearsal.events if isinstance(event, events.RunningLong)] == [
        events.RunningLong(
            rehearsal.execution.created_at + 5,
            run_of(rehearsal.execution, "a").number,
            run_of(rehearsal.execution, "a").attempt,
        )
    ]
    assert rehearsal.execution.state == "succeeded"


def test_a_mark_of_a_short_attempt_is_never_stated() -> None:
    rehearsal = rehearse(flow(task("a", mark_after=timedelta(seconds=5))))

    assert not any(isinstance(event, events.RunningLong) for event in rehearsal.events)


def test_outputs_have_the_names_that_the_task_gives_them() -> None:
    definition = flow(task("a", renames={"html": "page"}), outputs={"page": "tasks.a.page"})

    rehearsal = rehearse(definition, {"a": Result.of(html="<p>", size=3)})

    assert run_of(rehearsal.execution, "a").outputs == {"page": "<p>", "size": 3}
    assert rehearsal.execution.outputs == {"page": "<p>"}


def test_a_declared_output_that_cannot_be_evaluated_is_a_warning() -> None:
    rehearsal = rehearse(flow(task("a"), outputs={"good": "1", "bad": "tasks.a.outputs.nope"}))

    assert rehearsal.execution.state == "succeeded"
    assert rehearsal.execution.outputs == {"good": 1}
    assert [warning.code for warning in rehearsal.execution.warnings] == ["output_unavailable"]


def test_a_broken_variable_of_the_workflow_is_left_out_and_fails_the_execution_at_its_end() -> None:
    definition = flow(
        task("a"), variables=(("bad", Expr("oops")), ("worse", Expr("oops")), ("good", Expr("1")))
    )

    rehearsal = rehearse(definition)

    assert rehearsal.execution.variables == {"good": 1}
    assert rehearsal.states() == {"a": "succeeded"}
    assert rehearsal.execution.reason == Reason(
        "expression", "variable 'bad': Variable not found: field 'oops'"
    )


def test_workflow_variables_see_the_inputs_and_the_ones_before_them() -> None:
    definition = flow(variables=(("x", Expr("inputs.n + 1")), ("y", Expr("x * 2")), ("z", Literal("{{x}}"))))

    assert rehearse(definition, inputs={"n": 1}).execution.variables == {"x": 2, "y": 4, "z": "{{x}}"}
