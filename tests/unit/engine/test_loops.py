"""Loops (docs/engine.md §4): ways back, visits, stragglers, and tasks that are skipped only at rest."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.graphs import (
    NOTHING,
    all_states,
    each,
    flow,
    on_failure,
    on_success,
    resolved,
    run_of,
    task,
    to,
    visits,
)

from headrace.definition.model import Transition
from headrace.engine.execution import TaskRun
from headrace.engine.plans import Reason
from headrace.testing.simulator import Rehearsal, Result, rehearse


def again(target: str, rounds: int, **published: Any) -> Transition:
    """A way back that is taken until the source has been visited so many times."""
    return to(target, when=f"succeeded() and result().visit < {rounds}", **published)


def last(target: str, rounds: int) -> Transition:
    return to(target, when=f"succeeded() and result().visit >= {rounds}")


def test_a_task_may_lead_back_to_itself() -> None:
    rehearsal = rehearse(flow(task("a", again("a", 3), last("b", 3)), task("b")))

    assert visits(rehearsal.execution) == {"a": 3, "b": 1}
    assert rehearsal.execution.state == "succeeded"


def test_join_all_inside_a_loop_of_five_rounds_is_met_in_every_round() -> None:
    definition = flow(
        task("a", "b", "c"),
        task("b", "d"),
        task("c", "d"),
        task("d", again("a", 5), last("e", 5), join="all"),
        task("e"),
    )

    rehearsal = rehearse(definition, {"b": lambda run: Result.of(takes=run.visit % 3)})

    assert visits(rehearsal.execution) == {"a": 5, "b": 5, "c": 5, "d": 5, "e": 1}
    assert rehearsal.execution.state == "succeeded"


def test_two_ways_back_in_one_round_begin_one_visit() -> None:
    definition = flow(task("a", "b", "c"), task("b", again("a", 2)), task("c", again("a", 2)))

    rehearsal = rehearse(definition, {"c": Result.of(takes=3)})

    assert visits(rehearsal.execution) == {"a": 2, "b": 2, "c": 2}


def test_two_ways_back_at_one_moment_begin_one_visit() -> None:
    definition = flow(task("a", "b", "c"), task("b", again("a", 2)), task("c", again("a", 2)))

    rehearsal = rehearse(definition)

    assert visits(rehearsal.execution) == {"a": 2, "b": 2, "c": 2}


def test_a_way_back_into_a_join_that_still_waits_is_not_counted() -> None:
    definition = flow(
        task("start", to("j", when="false"), "x"),
        task("slow", "j"),
        task("j", "x", join="all"),
        task("x", to("j", when="result().visit == 1")),
    )

    rehearsal = rehearse(definition, {"slow": Result.of(takes=9)})

    # The join counts `start` and `slow`; what came back from `x` does not stand for `start`.
    assert rehearsal.states()["j"] == "skipped"
    assert run_of(rehearsal.execution, "j").reason == Reason("join_unmet", "'start' did not lead to 'j'.")
    assert rehearsal.execution.state == "succeeded"


def test_a_way_back_before_the_first_visit_hands_its_variables_to_it() -> None:
    definition = flow(
        task("start", "j", "x"),
        task("slow", "j"),
        task("j", "x", join="all"),
        task("x", to("j", when="result().visit == 1", seen="1")),
    )

    rehearsal = rehearse(definition, {"slow": Result.of(takes=9)})

    assert run_of(rehearsal.execution, "j").variables == {"seen": 1}
    assert visits(rehearsal.execution)["j"] == 1


def test_a_way_back_from_a_task_begun_beside_the_target_is_absorbed() -> None:
    definition = flow(task("start", "j", "x"), task("j", "x"), task("x", to("j")))

    rehearsal = rehearse(definition)

    assert visits(rehearsal.execution) == {"start": 1, "j": 1, "x": 1}


def test_a_straggler_of_an_old_round_is_absorbed() -> None:
    definition = flow(
        task("a", "fast", "slow"),
        task("fast", "d"),
        task("slow", "d"),
        task("d", again("a", 2), join="any"),
    )

    rehearsal = rehearse(definition, {"slow": lambda run: Result.of(takes=10 if run.visit == 1 else 1)})

    assert visits(rehearsal.execution) == {"a": 2, "fast": 2, "slow": 2, "d": 2}
    assert rehearsal.execution.state == "succeeded"


def test_rounds_that_overlap_before_a_join_begins_are_one_visit_of_it() -> None:
    definition = flow(
        task("a", "fast", on_success("slow"), again("a", 2)),
        task("fast", "d"),
        task("slow", "d"),
        task("d", join="all"),
    )

    rehearsal = rehearse(definition, {"slow": Result.of(takes=4)})

    # `fast` arrived in both rounds before `slow` did in its first; the join took the higher round.
    assert visits(rehearsal.execution) == {"a": 2, "fast": 2, "slow": 2, "d": 1}


def test_nested_loops_run_the_inner_one_anew_in_every_outer_round() -> None:
    definition = flow(
        task("a", "b"),
        task("b", "c"),
        task(
            "c",
            to("b", when="result().visit % 3 != 0"),
            to("d", when="result().visit % 3 == 0"),
            action=NOTHING,
        ),
        task("d", again("a", 2), action=NOTHING),
    )

    rehearsal = rehearse(definition)

    assert visits(rehearsal.execution) == {"a": 2, "b": 6, "c": 6, "d": 2}
    assert rehearsal.execution.state == "succeeded"


@pytest.mark.parametrize("outside_takes", [0, 1, 100])
def test_a_loops_exit_and_an_outside_branch_meet_in_one_join(outside_takes: float) -> None:
    definition = flow(
        task("a", again("a", 3), last("j", 3)),
        task("outside", "j"),
        task("j", join="all"),
    )

    rehearsal = rehearse(definition, {"outside": Result.of(takes=outside_takes)})

    assert visits(rehearsal.execution) == {"a": 3, "outside": 1, "j": 1}
    assert rehearsal.states()["j"] == "succeeded"


def test_a_join_left_short_in_round_two_is_skipped_at_rest() -> None:
    definition = flow(
        task("a", "b", to("c", when="result().visit == 1")),
        task("b", "d"),
        task("c", "d"),
        task("d", again("a", 2), join="all"),
    )

    rehearsal = rehearse(definition)

    assert all_states(rehearsal.execution, "d") == ["succeeded", "skipped"]
    assert run_of(rehearsal.execution, "d").reason == Reason("join_unmet", "'c' did not lead to 'd'.")
    assert rehearsal.execution.state == "succeeded"


def test_a_resolved_edge_behind_a_task_that_is_skipped_at_rest_is_followed() -> None:
    definition = flow(
        task("a", again("a", 2), to("b", when="false")),
        task("b", resolved("c")),
        task("c", "d"),
        task("d"),
    )

    rehearsal = rehearse(definition)

    assert rehearsal.states() == {"a": "succeeded", "b": "skipped", "c": "succeeded", "d": "succeeded"}


def test_tasks_behind_a_cycle_are_skipped_at_rest_in_topological_order() -> None:
    definition = flow(
        task("z"),
        task("y", "z"),
        task("a", again("a", 2), to("x", when="false")),
        task("x", "y"),
    )

    rehearsal = rehearse(definition)

    skipped = [run.task for run in rehearsal.execution.runs.values() if run.state == "skipped"]
    assert skipped == ["x", "y", "z"]


def test_a_later_round_begins_a_visit_while_the_one_before_still_runs() -> None:
    definition = flow(task("a", again("a", 3), on_success("b")), task("b"))

    rehearsal = rehearse(definition, {"b": Result.of(takes=10)})

    assert all_states(rehearsal.execution, "b") == ["succeeded"] * 3
    assert visits(rehearsal.execution) == {"a": 3, "b": 3}


def test_what_is_known_of_a_task_is_its_highest_visit_whichever_ended_last() -> None:
    definition = flow(
        task("a", again("a", 2), on_success("b")),
        task("b"),
        outputs={"n": "tasks.b.outputs.n", "visit": "tasks.b.visit"},
    )

    rehearsal = rehearse(definition, {"b": lambda run: Result.of(takes=20 - 8 * run.visit, n=run.visit)})

    assert rehearsal.execution.outputs == {"n": 2, "visit": 2}


def test_two_visits_of_one_foreach_at_a_time_keep_their_items_apart() -> None:
    definition = flow(
        task("a", again("a", 2), on_success("b")),
        task("b", items=each([10, 20], concurrency=2), action=task("_").action),
    )

    rehearsal = rehearse(definition, {"b": lambda run: Result.of(takes=9 - run.visit, of=run.visit)})

    for visit in (1, 2):
        outputs = run_of(rehearsal.execution, "b", visit=visit).outputs
        assert outputs["results"] == [{"of": visit}, {"of": visit}]
    assert rehearsal.execution.state == "succeeded"


def test_foreach_with_fail_fast_in_a_loop_begins_each_round_anew() -> None:
    definition = flow(
        task("a", "b"),
        task("b", on_failure("c"), on_success("d"), items=each([1, 2, 3], fail_fast=True)),
        task("c", again("a", 2)),
        task("d"),
    )

    def result(run: TaskRun) -> Result:
        return Result.failed() if (run.visit, run.item) == (1, 1) else Result()

    rehearsal = rehearse(definition, {"b": result})

    first = run_of(rehearsal.execution, "b", visit=1)
    items = [run for run in rehearsal.execution.runs.values() if run.aggregate == first.number]
    assert [run.state for run in items] == ["succeeded", "failed", "skipped"]
    assert items[2].reason is not None
    assert items[2].reason.code == "fail_fast"
    assert run_of(rehearsal.execution, "b", visit=2).outputs["succeeded_count"] == 3
    assert rehearsal.states() == {"a": "succeeded", "b": "succeeded", "c": "succeeded", "d": "succeeded"}
    assert rehearsal.execution.state == "succeeded"


def test_after_a_hundred_visits_the_execution_fails_and_other_branches_go_on_to_their_end() -> None:
    definition = flow(task("a", to("a"), action=NOTHING), task("b", "c"), task("c"))

    rehearsal = rehearse(definition, {"b": Result.of(takes=500)})

    assert visits(rehearsal.execution)["a"] == 100
    assert rehearsal.states()["c"] == "succeeded"
    assert rehearsal.execution.state == "failed"
    assert rehearsal.execution.reason == Reason("too_many_visits", "Task 'a' exceeded 100 visits")


def test_a_definition_may_allow_other_numbers_of_visits() -> None:
    rehearsal = rehearse(flow(task("a", to("a")), max_visits=3))

    assert visits(rehearsal.execution) == {"a": 3}


def test_a_check_that_skips_a_visit_still_counts_as_a_visit_of_its_round() -> None:
    definition = flow(
        task("a", to("b"), again("a", 3)),
        task("b", when="tasks.a.visit == 2"),
    )

    rehearsal = rehearse(definition, {"a": Result.of(takes=2)})

    assert all_states(rehearsal.execution, "b") == ["skipped", "succeeded", "skipped"]


def test_a_graph_without_an_entry_begins_with_the_first_task() -> None:
    rehearsal = rehearse(flow(task("a", "b"), task("b", again("a", 2))))

    assert visits(rehearsal.execution) == {"a": 2, "b": 2}


def test_an_island_without_an_entry_is_skipped_at_rest() -> None:
    rehearsal = rehearse(flow(task("a"), task("x", "y"), task("y", "x")))

    assert rehearsal.states() == {"a": "succeeded", "x": "skipped", "y": "skipped"}
    assert run_of(rehearsal.execution, "x").reason == Reason("join_unmet", "No task led to 'x'.")
    assert rehearsal.execution.state == "succeeded"


def test_variables_travel_round_a_loop() -> None:
    definition = flow(
        task("a", "b", action=NOTHING),
        task(
            "b",
            to("a", when="default(vars.n, 0) < 4", n="default(vars.n, 0) + 1"),
            to("c", when="default(vars.n, 0) >= 4"),
            action=NOTHING,
        ),
        task("c", action=NOTHING),
        outputs={"n": "n"},
    )

    rehearsal: Rehearsal = rehearse(definition)

    assert rehearsal.execution.outputs == {"n": 4}
    assert visits(rehearsal.execution) == {"a": 5, "b": 5, "c": 1}
