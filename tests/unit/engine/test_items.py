"""Foreach (docs/engine.md §5): windows, batches, aggregates, failed items, fail_fast."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.graphs import (
    about,
    all_states,
    at,
    attempts,
    call,
    each,
    flow,
    group,
    on_failure,
    run_of,
    task,
)

from headrace.definition.model import Nothing, Retry
from headrace.definition.templates import ValueRef
from headrace.engine import events, messages
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.execution import TaskRun, blank
from headrace.engine.plans import Planned, Reason, Recording
from headrace.expressions import NeedsValue
from headrace.testing.simulator import Rehearsal, Result, rehearse


def items_of(rehearsal: Rehearsal, name: str) -> list[TaskRun]:
    aggregate = run_of(rehearsal.execution, name)
    return [run for run in rehearsal.execution.runs.values() if run.aggregate == aggregate.number]


def bad(*indexes: int) -> Any:
    return lambda run: Result.failed("broken") if run.item in indexes else Result.of(n=run.item)


def most_at_once(rehearsal: Rehearsal) -> int:
    living, most = 0, 0
    for event in rehearsal.events:
        living += isinstance(event, events.TaskQueued)
        living -= isinstance(event, (events.TaskSucceeded, events.TaskFailed)) and event.attempt > 0
        most = max(most, living)
    return most


def test_each_item_sees_itself_and_its_index_and_the_results_are_in_order() -> None:
    definition = flow(task("a", items=each("inputs.list", concurrency=2), action=call(of="item", at="index")))

    rehearsal = rehearse(
        definition,
        {"a": lambda run: Result.of(takes=5 - run.item, **run.input)},
        inputs={"list": ["x", "y", "z"]},
    )

    aggregate = run_of(rehearsal.execution, "a")
    assert aggregate.outputs == {
        "results": [{"of": "x", "at": 0}, {"of": "y", "at": 1}, {"of": "z", "at": 2}],
        "total_count": 3,
        "succeeded_count": 3,
        "failed_count": 0,
        "failed_items": [],
    }


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_no_more_items_run_at_once_than_the_window_has_room_for(concurrency: int) -> None:
    definition = flow(task("a", items=each(list(range(7)), concurrency=concurrency)))

    rehearsal = rehearse(definition, {"a": lambda run: Result.of(takes=1 + run.item % 3)})

    assert most_at_once(rehearsal) == concurrency


def test_items_may_come_in_batches() -> None:
    definition = flow(
        task("a", items=each([1, 2, 3, 4, 5], batch_size=2), action=call(of="item", at="index"))
    )

    rehearsal = rehearse(definition, {"a": lambda run: Result(outputs=run.input)})

    results = run_of(rehearsal.execution, "a").outputs["results"]
    assert results == [{"of": [1, 2], "at": 0}, {"of": [3, 4], "at": 1}, {"of": [5], "at": 2}]


@pytest.mark.parametrize(("given", "count"), [([], 0), (None, 0), ("one", 1), ({"a": 1}, 1), ([1, 2], 2)])
def test_null_is_an_empty_list_and_any_other_value_a_list_of_one(given: Any, count: int) -> None:
    rehearsal = rehearse(flow(task("a", items=each("inputs.list"))), inputs={"list": given})

    assert run_of(rehearsal.execution, "a").outputs["total_count"] == count
    assert rehearsal.execution.state == "succeeded"


def test_an_empty_list_succeeds_at_once() -> None:
    rehearsal = rehearse(flow(task("a", "b", items=each([])), task("b")))

    assert rehearsal.order() == ["b"]
    assert rehearsal.states() == {"a": "succeeded", "b": "succeeded"}


def test_a_broken_list_fails_the_task_without_items() -> None:
    rehearsal = rehearse(flow(task("a", items=each("nothing.here"))))

    run = run_of(rehearsal.execution, "a")
    assert items_of(rehearsal, "a") == []
    assert run.reason is not None
    assert run.reason.sentence.startswith("task 'a' items: Variable not found")


def test_a_broken_list_still_lets_the_fallback_run() -> None:
    rehearsal = rehearse(flow(task("a", items=each("nothing.here"), fallback=call())))

    assert attempts(rehearsal, "a") == [("succeeded", True)]


def test_failed_items_are_told_and_fail_the_aggregate_after_all_have_run() -> None:
    rehearsal = rehearse(flow(task("a", items=each([0, 1, 2, 3]))), {"a": bad(1, 3)})

    aggregate = run_of(rehearsal.execution, "a")
    assert aggregate.state == "failed"
    assert aggregate.reason == Reason("items_failed", "2 of 4 items of task 'a' did not succeed.")
    assert aggregate.outputs == {
        "results": [{"n": 0}, None, {"n": 2}, None],
        "total_count": 4,
        "succeeded_count": 2,
        "failed_count": 2,
        "failed_items": [
            {"index": 1, "status": "failed", "error": "It failed: broken."},
            {"index": 3, "status": "failed", "error": "It failed: broken."},
        ],
    }


def test_a_failed_aggregate_can_be_handled() -> None:
    definition = flow(
        task("a", on_failure("b"), items=each([0, 1])), task("b", when="tasks.a.failed_count == 1")
    )

    rehearsal = rehearse(definition, {"a": bad(0)})

    assert rehearsal.states() == {"a": "failed", "b": "succeeded"}
    assert rehearsal.execution.state == "succeeded"


def test_each_item_has_its_own_tries_and_fallback_and_the_aggregate_has_none() -> None:
    definition = flow(task("a", items=each([0, 1]), retry=Retry(count=1), fallback=call()))

    rehearsal = rehearse(definition, {"a": lambda run: Result.failed() if run.item == 0 else Result()})

    first, second = items_of(rehearsal, "a")
    assert [(tried.outcome, tried.fallback) for tried in first.tries] == [
        ("failed", False),
        ("failed", False),
        ("failed", True),
    ]
    assert len(second.tries) == 1
    assert attempts(rehearsal, "a") == []


def test_fail_fast_starts_no_further_item_after_a_failed_one() -> None:
    definition = flow(task("a", items=each([0, 1, 2, 3, 4], concurrency=2, fail_fast=True)))

    rehearsal = rehearse(
        definition, {"a": lambda run: Result.failed() if run.item == 0 else Result.of(takes=5)}
    )

    assert [run.state for run in items_of(rehearsal, "a")] == [
        "failed",
        "succeeded",
        "skipped",
        "skipped",
        "skipped",
    ]
    assert run_of(rehearsal.execution, "a").outputs["failed_count"] == 4


def test_fail_fast_also_stops_behind_an_item_that_broke_before_its_start() -> None:
    broken = call(x="item.nope")
    definition = flow(task("a", items=each([0, {"nope": 1}], concurrency=2, fail_fast=True), action=broken))

    rehearsal = rehearse(definition)

    assert [run.state for run in items_of(rehearsal, "a")] == ["failed", "skipped"]


def test_items_that_do_nothing_all_end_at_once() -> None:
    rehearsal = rehearse(flow(task("a", items=each(list(range(100))), action=Nothing())))

    assert run_of(rehearsal.execution, "a").outputs["succeeded_count"] == 100


def test_one_item_may_be_cancelled() -> None:
    definition = flow(task("a", items=each([0, 1], concurrency=2)))
    asked = about(messages.CancelTask, "a", reason="Enough.")
    requests = [at(1, lambda execution: asked_for_item(asked(execution), execution, 0))]

    rehearsal = rehearse(definition, {"a": Result.of(takes=5)}, requests=requests)

    assert [run.state for run in items_of(rehearsal, "a")] == ["cancelled", "succeeded"]
    assert run_of(rehearsal.execution, "a").outputs["failed_items"] == [
        {"index": 0, "status": "cancelled", "error": "Enough."}
    ]


def asked_for_item(message: Any, execution: Any, item: int) -> Any:
    return messages.CancelTask(run=run_of(execution, "a", item=item).number, reason=message.reason)


def test_an_aggregate_may_be_cancelled_with_all_its_items_and_nothing_else() -> None:
    definition = flow(task("a", "c", items=each([0, 1, 2], concurrency=2)), task("b"), task("c"))
    requests = [at(1, about(messages.CancelTask, "a"))]

    rehearsal = rehearse(definition, {"a": Result.of(takes=5), "b": Result.of(takes=9)}, requests=requests)

    assert [run.state for run in items_of(rehearsal, "a")] == ["cancelled", "cancelled"]
    assert rehearsal.states() == {"a": "cancelled", "b": "succeeded", "c": "skipped"}
    assert run_of(rehearsal.execution, "a").outputs["failed_count"] == 3
    assert rehearsal.execution.state == "failed"


def test_a_foreach_of_groups_gives_each_item_its_own_scope_that_sees_the_item() -> None:
    inner = group(
        task("x", "y", action=call(of="item", at="index")),
        task("y", action=call(of="tasks.x.of")),
        out="tasks.y.of",
    )
    definition = flow(task("a", items=each(["p", "q"], concurrency=2), action=inner))

    rehearsal = rehearse(definition, {name: lambda run: Result(outputs=run.input) for name in "xy"})

    assert run_of(rehearsal.execution, "a").outputs["results"] == [{"out": "p"}, {"out": "q"}]


def test_an_item_list_inside_a_group_sees_the_item_around_it() -> None:
    inner = group(task("x", items=each("item"), action=call(of="item")), out="tasks.x.results")
    definition = flow(task("a", items=each([[1, 2], [3]]), action=inner))

    rehearsal = rehearse(definition, {"x": lambda run: Result(outputs=run.input)})

    assert run_of(rehearsal.execution, "a").outputs["results"] == [
        {"out": [{"of": 1}, {"of": 2}]},
        {"out": [{"of": 3}]},
    ]


def test_item_and_index_mean_nothing_outside_a_foreach() -> None:
    rehearsal = rehearse(flow(task("a", when="item == 1")))

    assert rehearsal.states() == {"a": "failed"}


def test_of_a_rerun_only_the_items_that_did_not_succeed_run_if_the_list_is_the_same() -> None:
    definition = flow(task("a", items=each("inputs.list", concurrency=2)))
    kept = {0: Recording(state="succeeded", outputs={"n": "old"}, run=77)}
    planned = Planned(mode="run", reason=Reason("failed", "It failed."), items=kept, item_list=[0, 1])

    same = rehearse(definition, {"a": bad()}, inputs={"list": [0, 1]}, plan={"a": planned})
    other = rehearse(definition, {"a": bad()}, inputs={"list": [0, 2]}, plan={"a": planned})

    assert run_of(same.execution, "a").outputs["results"] == [{"n": "old"}, {"n": 1}]
    assert items_of(same, "a")[0].earlier == 77
    assert run_of(other.execution, "a").outputs["results"] == [{"n": 0}, {"n": 1}]


def test_a_large_list_is_asked_for_before_it_is_expanded() -> None:
    ref = ValueRef("0" * 64, 100_000, "json")
    definition = flow(task("a", items=each("inputs.list"), action=call(of="item")))
    start = messages.Start(number=1, id="x", workflow=1, version=1, inputs={"list": ref}, seed=0)
    numbers = iter(range(2, 100))

    with pytest.raises(NeedsValue) as asked:
        decide(blank(definition), start, Moment(at=0, take=lambda: next(numbers)))
    assert asked.value.refs == (ref,)

    execution = blank(definition)
    decide(execution, start, Moment(at=0, take=lambda: next(numbers), values={ref.sha256: [7, 8]}))
    assert all_states(execution, "a") == ["running", "queued"]


def test_items_of_a_list_that_was_put_aside_are_asked_for() -> None:
    ref = ValueRef("0" * 64, 100_000, "json")
    definition = flow(task("a", items=each([7, 8]), action=call(of="item")))
    rehearsal = Rehearsal(definition)
    aggregate = run_of(rehearsal.execution, "a")
    assert aggregate.foreach is not None
    aggregate.foreach.items = ref
    first = run_of(rehearsal.execution, "a", item=0)
    ended = messages.AttemptEnded(
        attempt=first.attempt, outcome="succeeded", started_at=None, ended_at=rehearsal.now
    )

    with pytest.raises(NeedsValue):
        rehearsal.tell(ended)
