"""Plans for running an ended execution again (docs/engine.md §7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.graphs import (
    about,
    at,
    call,
    each,
    flow,
    group,
    on_failure,
    resolved,
    run_of,
    task,
    to,
    visits,
)

from headrace.definition import codec
from headrace.definition.model import WorkflowDefinition
from headrace.definition.templates import ValueRef
from headrace.engine import events, messages
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.evolve import evolve
from headrace.engine.execution import Changes, Execution, TaskRun, blank
from headrace.engine.plans import Planned, Reason, Recording
from headrace.engine.rerun import StartFrom, plan_rerun, preview
from headrace.errors import NotFound, TransitionRefused
from headrace.expressions import NeedsValue
from headrace.testing.simulator import Rehearsal, Result, rehearse

FAILED = Result.failed()


def again(
    definition: WorkflowDefinition, earlier: Execution, start_from: StartFrom, results: Any = None
) -> Rehearsal:
    rehearsal = rehearse(definition, results, plan=plan_rerun(earlier, start_from), inputs=earlier.inputs)
    journal: list[events.AnyEvent] = codec.decode(codec.encode(rehearsal.events), list[events.AnyEvent])
    replayed = evolve(blank(definition), journal)
    replayed.changes = rehearsal.execution.changes = Changes()
    assert replayed == rehearsal.execution
    return rehearsal


def modes(plan: dict[str, Planned]) -> dict[str, str]:
    return {name: planned.mode for name, planned in plan.items()}


def test_from_failed_runs_what_failed_and_what_follows_and_reuses_the_rest() -> None:
    definition = flow(task("a", "b"), task("b", "c"), task("c"), task("x", "y"), task("y"))
    earlier = rehearse(definition, {"a": Result.of(n=1), "b": FAILED}).execution

    rehearsal = again(definition, earlier, "failed")

    assert rehearsal.order() == ["b", "c"]
    assert set(rehearsal.states().values()) == {"succeeded"}
    assert run_of(rehearsal.execution, "a").outputs == {"n": 1}
    assert run_of(rehearsal.execution, "a").earlier == run_of(earlier, "a").number
    assert rehearsal.execution.state == "succeeded"


def test_a_handled_failure_is_reused_with_the_way_that_it_took() -> None:
    definition = flow(task("a", on_failure("mend"), "other"), task("mend"), task("other"), task("b"))
    earlier = rehearse(definition, {"a": FAILED, "b": FAILED}).execution

    rehearsal = again(definition, earlier, "failed")

    assert rehearsal.order() == ["b"]
    assert rehearsal.states() == {"a": "failed", "mend": "succeeded", "other": "skipped", "b": "succeeded"}
    assert rehearsal.execution.state == "succeeded"


def test_a_rerun_from_a_task_inside_a_loop_runs_the_cycle_again_from_its_entry() -> None:
    definition = flow(
        task("before", to("a", seen=1)),
        task("a", "b"),
        task("b", to("a", when="result().visit < 3"), to("c", when="result().visit == 3")),
        task("c"),
        task("outside"),
    )
    earlier = rehearse(definition).execution

    rehearsal = again(definition, earlier, ["b"])

    assert rehearsal.order() == ["a", "b"] * 3 + ["c"]
    assert visits(rehearsal.execution) == {"before": 1, "outside": 1, "a": 3, "b": 3, "c": 1}
    assert run_of(rehearsal.execution, "c").variables["seen"] == 1


def test_a_loop_that_is_not_asked_for_is_reused_visit_by_visit() -> None:
    definition = flow(
        task(
            "a", to("a", when="result().visit < 3", n="result().visit"), to("b", when="result().visit == 3")
        ),
        task("b", when="n == 2"),
    )
    earlier = rehearse(definition).execution

    rehearsal = again(definition, earlier, ["b"])

    assert rehearsal.order() == ["b"]
    assert visits(rehearsal.execution) == {"a": 3, "b": 1}


def test_a_visit_that_nobody_recorded_runs() -> None:
    kept = Recording(state="succeeded", taken=((0, {}),), run=7)
    plan = {"a": Planned(mode="reuse", reason=Reason("reused", "It is used."), recordings=(kept,))}

    rehearsal = rehearse(flow(task("a", to("a", when="result().visit < 2"))), plan=plan)

    assert visits(rehearsal.execution) == {"a": 2}
    assert rehearsal.order() == ["a"]


def test_taken_transitions_and_published_values_are_never_evaluated_anew() -> None:
    definition = flow(task("a", to("b", when="now() < '2030'", at="now()")), task("b"))
    earlier = rehearse(definition, requests=[at(0.5, messages.Signal(name="any"))]).execution

    rehearsal = again(definition, earlier, ["b"])

    assert run_of(rehearsal.execution, "b").variables == run_of(earlier, "b").variables
    assert rehearsal.execution.variables == earlier.variables
    assert run_of(rehearsal.execution, "a").taken == run_of(earlier, "a").taken


def test_from_the_start_runs_everything_but_what_was_passed_over_before() -> None:
    definition = flow(task("a", "b"), task("b", "c"), task("c"))
    noop = Planned(mode="noop", reason=Reason("disabled", "It is disabled."))
    earlier = rehearse(definition, plan={"b": noop}).execution

    plan = plan_rerun(earlier, "start")

    assert modes(plan) == {"a": "run", "b": "noop", "c": "run"}
    assert again(definition, earlier, "start").order() == ["a", "c"]


def test_what_was_passed_over_stays_so_unless_it_is_asked_for_by_name() -> None:
    definition = flow(task("a", "b"), task("b"))
    noop = Planned(mode="noop", reason=Reason("disabled", "It is disabled."))
    earlier = rehearse(definition, {"a": FAILED}, plan={"b": noop}).execution

    assert modes(plan_rerun(earlier, "failed")) == {"a": "run", "b": "noop"}
    assert modes(plan_rerun(earlier, ["a", "b"])) == {"a": "run", "b": "run"}


def test_after_a_cancel_what_never_ran_and_what_was_cancelled_runs() -> None:
    definition = flow(task("a", "b"), task("b", "c"), task("c"), task("x"))
    earlier = rehearse(definition, {"b": Result.of(takes=50)}, requests=[at(5, messages.Cancel())]).execution

    rehearsal = again(definition, earlier, "failed")

    assert rehearsal.order() == ["b", "c"]
    assert rehearsal.execution.state == "succeeded"


def test_transitions_of_a_task_that_ended_while_the_execution_was_cancelled_are_evaluated_in_the_rerun() -> (
    None
):
    definition = flow(task("a", to("b", x="result().outputs.n"), to("c", when="false")), task("b"), task("c"))
    requests = [at(1, messages.Cancel(policy="allow_finish"))]
    earlier = rehearse(definition, {"a": Result.of(takes=9, n=5)}, requests=requests).execution
    assert run_of(earlier, "a").state == "succeeded"

    rehearsal = again(definition, earlier, "failed")

    assert rehearsal.states() == {"a": "succeeded", "b": "succeeded", "c": "skipped"}
    assert rehearsal.order() == ["b"]
    assert run_of(rehearsal.execution, "b").variables == {"x": 5}


def test_a_failure_while_the_execution_was_cancelled_runs_again() -> None:
    definition = flow(task("a", on_failure("b")), task("b"))
    requests = [at(1, messages.Cancel(policy="allow_finish"))]
    earlier = rehearse(definition, {"a": Result.failed(takes=9)}, requests=requests).execution

    assert modes(plan_rerun(earlier, "failed")) == {"a": "run", "b": "run"}


def test_a_task_that_was_cancelled_alone_runs_again_even_if_that_was_handled() -> None:
    definition = flow(task("a", on_failure("b")), task("b"))
    requests = [at(1, about(messages.CancelTask, "a"))]
    earlier = rehearse(definition, {"a": Result.of(takes=9)}, requests=requests).execution
    assert earlier.state == "succeeded"

    plan = plan_rerun(earlier, "failed")

    assert modes(plan) == {"a": "run", "b": "run"}
    assert plan["a"].reason == Reason("cancelled", "It was cancelled: Cancelled on request.")


def test_what_timed_out_with_the_execution_runs_again() -> None:
    definition = flow(task("a", "b"), task("b"), timeout=timedelta(seconds=5))
    earlier = rehearse(definition, {"b": Result.of(takes=50)}).execution

    assert modes(plan_rerun(earlier, "failed")) == {"a": "reuse", "b": "run"}


def test_a_skip_because_of_its_condition_is_reused_with_its_reason() -> None:
    definition = flow(task("a", "b", when="false"), task("b"), task("c"), task("d", resolved("e")), task("e"))
    earlier = rehearse(definition, {"c": FAILED}).execution

    rehearsal = again(definition, earlier, "failed")

    assert rehearsal.order() == ["c"]
    assert rehearsal.reasons()["a"] == "condition_false"
    assert run_of(rehearsal.execution, "b").reason == run_of(earlier, "b").reason


def test_a_task_with_a_broken_transition_runs_again_also_when_it_stands_in_a_group() -> None:
    inner = group(task("x", to("y", when="oops.no")), task("y"))
    definition = flow(task("a", "b"), task("b", action=inner), task("c", to("d", when="oops.no")), task("d"))
    earlier = rehearse(definition).execution

    plan = plan_rerun(earlier, "failed")

    assert modes(plan) == {"a": "reuse", "b": "run", "c": "run", "d": "run"}
    assert plan["b"].reason.code == "flawed"


def test_of_a_failed_foreach_only_the_items_that_did_not_succeed_run() -> None:
    definition = flow(task("a", "b", items=each("inputs.list", concurrency=3)), task("b"))
    results = {"a": lambda run: FAILED if run.item == 1 else Result.of(n=run.item)}
    earlier = rehearse(definition, results, inputs={"list": [1, 2, 3]}).execution

    rehearsal = again(definition, earlier, "failed", {"a": Result.of(n="new")})

    assert run_of(rehearsal.execution, "a").outputs["results"] == [{"n": 0}, {"n": "new"}, {"n": 2}]
    assert rehearsal.order() == ["a", "b"]
    reason = plan_rerun(earlier, "failed")["a"].reason
    assert reason.sentence.startswith("1 of 3 items run again if the list is the same: It failed: 1 of 3")


def test_all_items_run_again_when_the_foreach_was_asked_for_or_follows_what_runs_again() -> None:
    definition = flow(task("a", resolved("b")), task("b", items=each([1, 2])), unhandled="every_failure")

    def second_fails(run: TaskRun) -> Result:
        return FAILED if run.item == 1 else Result()

    earlier = rehearse(definition, {"a": FAILED, "b": second_fails}).execution

    assert again(definition, earlier, ["b"]).order() == ["b", "b"]
    assert again(definition, earlier, "failed").order() == ["a", "b", "b"]


def test_a_foreach_that_succeeded_is_reused_whole() -> None:
    definition = flow(task("a", "b", items=each([1, 2])), task("b"))
    earlier = rehearse(definition, {"a": Result.of(n=1), "b": FAILED}).execution

    rehearsal = again(definition, earlier, "failed")

    assert run_of(rehearsal.execution, "a").outputs == run_of(earlier, "a").outputs
    assert rehearsal.order() == ["b"]


def test_a_group_is_reused_with_what_was_published_inside_and_failed_ones_run_whole() -> None:
    definition = flow(
        task("g", "b", action=group(task("x", to(inside=1)))),
        task("h", action=group(task("y", "z"), task("z"))),
        task("b", when="inside == 1"),
    )
    earlier = rehearse(definition, {"z": FAILED, "b": FAILED}).execution

    first = again(definition, earlier, "failed", {"b": FAILED})
    second = again(definition, first.execution, "failed")

    assert first.order() == ["y", "b", "z"]
    assert second.order() == ["b"]
    assert second.execution.state == "succeeded"


def test_a_rerun_of_a_rerun_names_the_run_that_really_ran() -> None:
    definition = flow(task("a", "b", items=each([1, 2])), task("b"))
    first = rehearse(definition, {"b": FAILED}).execution
    second = again(definition, first, "failed", {"b": FAILED}).execution

    third = again(definition, second, "failed").execution

    assert run_of(third, "a").earlier == run_of(first, "a").number
    assert third.state == "succeeded"


def test_a_closing_task_always_runs() -> None:
    definition = flow(task("a"), task("b"), closing=task("last"))
    earlier = rehearse(definition, {"b": FAILED, "last": FAILED}).execution

    rehearsal = again(definition, earlier, "failed")

    assert rehearsal.order() == ["b", "last"]


def test_a_reused_failure_still_counts() -> None:
    definition = flow(task("a"), task("b"))
    earlier = rehearse(definition, {"a": FAILED, "b": FAILED}).execution

    rehearsal = again(definition, earlier, ["a"])

    assert rehearsal.states() == {"a": "succeeded", "b": "failed"}
    assert rehearsal.execution.state == "failed"


def test_a_plan_can_be_shown_before_it_runs() -> None:
    definition = flow(task("a", "b"), task("b", "c"), task("c"), task("d", action=call()))
    earlier = rehearse(definition, {"b": FAILED}).execution
    plan = plan_rerun(earlier, "failed")
    del plan["d"]

    assert preview(definition, plan) == [
        ("a", "reuse", Reason("reused", f"Its result in execution {earlier.number} is used.")),
        ("b", "run", Reason("failed", "It failed: It failed: failed.")),
        ("c", "run", Reason("downstream", "It can be reached from 'b', which runs again.")),
        ("d", "run", Reason("planned", "It runs.")),
    ]


def test_an_unknown_task_is_told_with_its_nearest_name() -> None:
    earlier = rehearse(flow(task("fetch"), task("parse"))).execution

    with pytest.raises(NotFound, match=r"no task 'fetsh'. Did you mean 'fetch'\?"):
        plan_rerun(earlier, ["fetsh"])
    with pytest.raises(NotFound, match=r"no task 'zzz'.$"):
        plan_rerun(earlier, ["parse", "zzz"])


def test_a_living_execution_cannot_be_run_again() -> None:
    with pytest.raises(TransitionRefused, match="The execution is running; a rerun is refused"):
        plan_rerun(Rehearsal(flow(task("a"))).execution, "failed")


def test_a_large_item_list_is_compared_by_its_content() -> None:
    ref = ValueRef("0" * 64, 100_000, "json")
    definition = flow(task("a", items=each("inputs.list")))
    results = {"a": lambda run: FAILED if run.item == 1 else Result()}
    earlier = rehearse(definition, results, inputs={"list": [1, 2]}).execution
    aggregate = run_of(earlier, "a")
    assert aggregate.foreach is not None
    aggregate.foreach.items = ref
    start = messages.Start(
        number=1,
        id="x",
        workflow=1,
        version=1,
        inputs={"list": [1, 2]},
        seed=0,
        plan=plan_rerun(earlier, "failed"),
    )
    numbers = iter(range(2, 100))

    with pytest.raises(NeedsValue):
        decide(blank(definition), start, Moment(at=0, take=lambda: next(numbers)))
    execution = blank(definition)
    decide(execution, start, Moment(at=0, take=lambda: next(numbers), values={ref.sha256: [1, 2]}))

    assert run_of(execution, "a", item=0).state == "succeeded"
