"""Joins, checks and skips (docs/engine.md §3): what is met, what is found unmet, and what the reason says."""

from __future__ import annotations

import pytest
from tests.unit.engine.graphs import NOTHING, flow, on_failure, on_success, resolved, run_of, task, to

from headrace.definition.model import Check, Transition
from headrace.definition.templates import Expr, Literal, Text
from headrace.engine.plans import Planned, Reason
from headrace.testing.simulator import Result, rehearse


def slow(seconds: float) -> Result:
    return Result.of(takes=seconds)


def test_a_diamond_with_all_waits_for_both_sides() -> None:
    definition = flow(task("a", "b", "c"), task("b", "d"), task("c", "d"), task("d", join="all"))

    rehearsal = rehearse(definition, {"b": slow(5)})

    assert rehearsal.order() == ["a", "b", "c", "d"]
    assert run_of(rehearsal.execution, "d").created_at - rehearsal.execution.created_at == 6
    assert rehearsal.execution.state == "succeeded"


def test_a_diamond_with_any_starts_with_the_first_side_and_only_once() -> None:
    definition = flow(task("a", "b", "c"), task("b", "d"), task("c", "d"), task("d"))

    rehearsal = rehearse(definition, {"b": slow(5)})

    assert rehearsal.order() == ["a", "b", "c", "d"]
    assert run_of(rehearsal.execution, "d").created_at - rehearsal.execution.created_at == 2
    assert run_of(rehearsal.execution, "d").visit == 1


@pytest.mark.parametrize("result", [Result(), Result.failed()])
def test_success_and_failure_edges_of_one_task_to_one_target_are_one_arrival(result: Result) -> None:
    definition = flow(task("a", on_success("b"), on_failure("b")), task("b", join="all"))

    rehearsal = rehearse(definition, {"a": result})

    assert rehearsal.states()["b"] == "succeeded"
    assert run_of(rehearsal.execution, "b").visit == 1
    assert rehearsal.execution.state == "succeeded"


def test_several_taken_transitions_to_one_target_are_one_arrival_with_the_variables_of_all() -> None:
    definition = flow(
        task("a", to("c", x=1), to("c", y=2)),
        task("b", "c"),
        task("c", join="all"),
        outputs={"x": "tasks.c.outputs.x"},
    )

    rehearsal = rehearse(definition, {"b": slow(3)})

    assert run_of(rehearsal.execution, "c").variables == {"x": 1, "y": 2}
    assert run_of(rehearsal.execution, "c").created_at - rehearsal.execution.created_at == 3


@pytest.mark.parametrize(("x_takes", "y_takes"), [(1, 5), (5, 1)])
def test_x_skipped_and_y_failed_both_before_c_and_c_before_d_give_one_reason_in_both_orders_of_time(
    x_takes: float, y_takes: float
) -> None:
    definition = flow(
        task("before_x", "x"),
        task("x", "c", when="false"),
        task("y", "c"),
        task("c", "d", join="all"),
        task("d", join="all"),
    )

    rehearsal = rehearse(definition, {"before_x": slow(x_takes), "y": Result.failed(takes=y_takes)})

    assert rehearsal.states() == {
        "before_x": "succeeded",
        "x": "skipped",
        "y": "failed",
        "c": "skipped",
        "d": "skipped",
    }
    assert rehearsal.reasons()["x"] == "condition_false"
    assert run_of(rehearsal.execution, "c").reason == Reason("join_unmet", "'x', 'y' did not lead to 'c'.")
    assert run_of(rehearsal.execution, "d").reason == Reason("join_unmet", "'c' did not lead to 'd'.")
    assert rehearsal.execution.state == "failed"


def test_join_two_of_three_with_a_handled_failure_is_met() -> None:
    definition = flow(
        task("a", "j"),
        task("b", "j"),
        task("c", "j", on_failure("mend")),
        task("mend"),
        task("j", join=2),
    )

    rehearsal = rehearse(definition, {"c": Result.failed()})

    assert rehearsal.states()["j"] == "succeeded"
    assert rehearsal.states()["mend"] == "succeeded"
    assert rehearsal.execution.state == "succeeded"


def test_join_two_of_three_is_unmet_when_two_did_not_lead_there() -> None:
    definition = flow(task("a", "j"), task("b", "j"), task("c", "j"), task("j", join=2))

    rehearsal = rehearse(definition, {"b": Result.failed(), "c": Result.failed()})

    assert run_of(rehearsal.execution, "j").reason == Reason("join_unmet", "'b', 'c' did not lead to 'j'.")


def test_an_unmet_reason_names_ten_sources_and_counts_the_others() -> None:
    sources = [task(f"s{number}", "j", when="false") for number in range(13)]

    rehearsal = rehearse(flow(*sources, task("j", join="all")))

    reason = run_of(rehearsal.execution, "j").reason
    assert reason is not None
    assert reason.sentence.startswith("'s0', 's1', ")
    assert reason.sentence.endswith("'s9' and 3 more did not lead to 'j'.")


def test_one_of_over_a_skipped_and_a_running_parent_waits_for_the_running_one() -> None:
    definition = flow(task("gone", "j", when="false"), task("busy", "j"), task("j", join=1))

    rehearsal = rehearse(definition, {"busy": slow(4)})

    assert rehearsal.states() == {"gone": "skipped", "busy": "succeeded", "j": "succeeded"}


def test_a_no_op_behind_a_failed_parent_is_skipped_like_any_other_task() -> None:
    definition = flow(task("a", "b"), task("b", "c"), task("c"))
    plan = {"b": Planned(mode="noop", reason=Reason("noop", "Passed over."))}

    rehearsal = rehearse(definition, {"a": Result.failed()}, plan=plan)

    assert rehearsal.states() == {"a": "failed", "b": "skipped", "c": "skipped"}


def test_a_no_op_leads_on_without_an_attempt() -> None:
    definition = flow(task("a", "b"), task("b", "c"), task("c"))
    plan = {"b": Planned(mode="noop", reason=Reason("noop", "Passed over."))}

    rehearsal = rehearse(definition, plan=plan)

    assert rehearsal.states() == {"a": "succeeded", "b": "succeeded", "c": "succeeded"}
    assert rehearsal.order() == ["a", "c"]


def test_a_planned_skip_tells_its_reason_and_leads_on_only_by_resolved_edges() -> None:
    definition = flow(task("a", "b", resolved("c")), task("b"), task("c"))
    plan = {"a": Planned(mode="skip", reason=Reason("not_selected", "Not asked for."))}

    rehearsal = rehearse(definition, plan=plan)

    assert rehearsal.states() == {"a": "skipped", "b": "skipped", "c": "succeeded"}
    assert rehearsal.reasons() == {"a": "not_selected", "b": "join_unmet"}


@pytest.mark.parametrize("result", [Result(), Result.failed(), Result("timed_out")])
def test_a_resolved_edge_is_taken_however_its_source_ended(result: Result) -> None:
    rehearsal = rehearse(flow(task("a", resolved("b")), task("b")), {"a": result})

    assert rehearsal.states()["b"] == "succeeded"


def test_an_unconditional_edge_is_not_taken_behind_a_skipped_task() -> None:
    rehearsal = rehearse(flow(task("a", to("b"), when="false"), task("b")))

    assert rehearsal.states() == {"a": "skipped", "b": "skipped"}


def test_a_resolved_edge_may_have_a_condition_that_knows_a_skipped_source() -> None:
    definition = flow(
        task("a", resolved("b", when="failed()"), resolved("c", when="not succeeded()"), when="false"),
        task("b"),
        task("c"),
    )

    rehearsal = rehearse(definition)

    assert rehearsal.states() == {"a": "skipped", "b": "skipped", "c": "succeeded"}


def test_the_first_false_check_skips_with_its_code_and_the_filled_in_sentence() -> None:
    sentence = Text(("Status is ", Expr("tasks.a.status"), ", wanted skipped."))
    checks = (
        Check(expression="true", code="first", sentence=Literal("")),
        Check(expression="tasks.a.status == 'skipped'", code="second", sentence=sentence),
        Check(expression="false", code="third", sentence=Literal("")),
    )

    rehearsal = rehearse(flow(task("a", "b"), task("b", checks=checks)))

    assert run_of(rehearsal.execution, "b").reason == Reason("second", "Status is succeeded, wanted skipped.")


def test_checks_see_the_reason_of_a_skipped_source() -> None:
    definition = flow(
        task("a", resolved("b"), when="false"),
        task("b", when="tasks.a.reason.code == 'condition_false'"),
    )

    assert rehearse(definition).states() == {"a": "skipped", "b": "succeeded"}


def test_checks_can_name_failed_and_skipped_sources() -> None:
    upstream = Check(
        expression="not failed_sources()",
        code="upstream_failed",
        sentence=Expr("join(failed_sources(), ', ')"),
    )
    gone = Check(
        expression="not skipped_sources(['e', 'x'])",
        code="upstream_skipped",
        sentence=Literal("Skipped."),
    )
    definition = flow(
        task("a", resolved("c")),
        task("b", resolved("c"), when="false"),
        task("c", resolved("d"), join="all", checks=(upstream,)),
        task("d", join="all", checks=(upstream,)),
        task("e", resolved("f"), when="false"),
        task("f", checks=(gone,)),
    )

    rehearsal = rehearse(definition, {"a": Result.failed()})

    assert run_of(rehearsal.execution, "c").reason == Reason("upstream_failed", "a")
    assert run_of(rehearsal.execution, "d").reason == Reason("upstream_failed", "a")
    assert rehearsal.reasons()["f"] == "upstream_skipped"


def test_a_broken_check_fails_the_task_before_it_starts_and_without_tries() -> None:
    rehearsal = rehearse(flow(task("a", when="nowhere.to.be.found")))

    run = run_of(rehearsal.execution, "a")
    assert (run.state, len(run.tries)) == ("failed", 0)
    assert run.reason is not None
    assert run.reason.code == "expression"
    assert "task 'a' condition: Variable not found" in run.reason.sentence
    assert rehearsal.execution.state == "failed"


def test_later_arrivals_win_where_paths_publish_one_name() -> None:
    definition = flow(
        task("a", to("c", x=1, only_a=True)),
        task("b", to("c", x=2)),
        task("c", to("d"), join="all"),
        task("d", action=NOTHING),
        outputs={"x": "x", "from_a": "vars.only_a"},
    )

    rehearsal = rehearse(definition, {"a": slow(5)})

    assert run_of(rehearsal.execution, "d").variables == {"x": 1, "only_a": True}
    assert rehearsal.execution.outputs == {"x": 1, "from_a": True}


def test_a_name_that_is_not_on_the_path_is_read_from_the_execution_wide_map() -> None:
    definition = flow(
        task("a", to(x=7)),
        task("b", "c"),
        task("c", when="x == 7 and vars.start == 1"),
        variables=(("start", Literal(1)),),
    )

    assert rehearse(definition, {"b": slow(5)}).states()["c"] == "succeeded"


def test_each_published_variable_sees_the_earlier_ones_and_no_other_transition_does() -> None:
    published = (("x", Literal(1)), ("y", Expr("x + 1")))
    definition = flow(
        task("a", Transition(to=("b",), publish=published), to("c", z="default(vars.x, 'none')")),
        task("b"),
        task("c"),
    )

    rehearsal = rehearse(definition)

    assert run_of(rehearsal.execution, "b").variables == {"x": 1, "y": 2}
    assert run_of(rehearsal.execution, "c").variables == {"z": "none"}
