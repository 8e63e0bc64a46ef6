"""Groups, sub-workflows and closing tasks (docs/engine.md §5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.graphs import (
    about,
    all_states,
    approval,
    at,
    attempts,
    call,
    child,
    each,
    flow,
    group,
    names_of,
    on_failure,
    run_of,
    signal,
    task,
    to,
    wait,
)

from headrace.definition.model import Nothing, Retry
from headrace.definition.templates import Literal
from headrace.engine import commands, messages
from headrace.engine.plans import Reason
from headrace.testing.simulator import Rehearsal, Result, rehearse

FAILED = Result.failed()
ONCE = Retry(count=1, delay=timedelta(seconds=10))


def test_a_group_ends_when_nothing_in_it_can_move() -> None:
    inner = group(task("x", "y"), task("y"), task("z"))

    rehearsal = rehearse(flow(task("a", "b", action=inner), task("b")), {"z": Result.of(takes=9)})

    assert rehearsal.order() == ["x", "z", "y", "b"]
    assert run_of(rehearsal.execution, "b").created_at == rehearsal.execution.created_at + 9


def test_an_empty_group_succeeds_at_once() -> None:
    assert rehearse(flow(task("a", action=group()))).states() == {"a": "succeeded"}


def test_a_group_fails_when_an_inner_failure_was_left_unhandled() -> None:
    inner = group(task("x", "y"), task("y"))

    rehearsal = rehearse(flow(task("a", on_failure("b"), action=inner), task("b")), {"x": FAILED})

    run = run_of(rehearsal.execution, "a")
    assert run.reason == Reason("group_failed", "Task 'x' inside failed: It failed: failed.")
    assert rehearsal.states() == {"a": "failed", "b": "succeeded"}
    assert rehearsal.execution.state == "succeeded"


def test_an_inner_failure_that_was_handled_inside_is_none() -> None:
    inner = group(task("x", on_failure("y")), task("y"))

    assert rehearse(flow(task("a", action=inner)), {"x": FAILED}).states() == {"a": "succeeded"}


def test_variables_pass_into_a_group_and_out_of_it() -> None:
    inner = group(task("x", to(inside=1), when="before == 0"), out="inside")
    definition = flow(
        task("first", to("a", before=0)),
        task("a", "b", action=inner),
        task("b", when="inside == 1 and before == 0"),
    )

    rehearsal = rehearse(definition)

    assert run_of(rehearsal.execution, "a").outputs == {"out": 1}
    assert run_of(rehearsal.execution, "b").variables == {"before": 0, "inside": 1}
    assert rehearsal.states()["b"] == "succeeded"


def test_outputs_of_a_group_see_its_own_variables_and_not_those_of_its_neighbours() -> None:
    inner = group(task("x", to(mine="item"), action=call(of="item")), out="mine")
    definition = flow(task("a", items=each([1, 2], concurrency=2), action=inner))

    rehearsal = rehearse(definition, {"x": lambda run: Result.of(takes=10 - run.input["of"])})

    assert run_of(rehearsal.execution, "a").outputs["results"] == [{"out": 1}, {"out": 2}]


def test_a_failed_attempt_of_a_group_hands_no_variables_to_the_next() -> None:
    outer = flow(task("a", action=group(task("x", to("y", left=1)), task("y")), retry=Retry(count=1)))
    results = iter([FAILED, Result()])

    rehearsal = rehearse(outer, {"y": lambda run: next(results)})

    scopes = [scope for scope in rehearsal.execution.scopes.values() if scope.owner is not None]
    assert [scope.variables for scope in scopes] == [{}, {}]
    assert rehearsal.states() == {"a": "succeeded"}


def test_tasks_in_a_group_see_the_tasks_around_it_and_are_not_seen_by_them() -> None:
    inner = group(task("x", when="tasks.first.outputs.n == 3"))
    definition = flow(
        task("first", "a"), task("a", "b", action=inner), task("b", when="tasks.x.status == 'skipped'")
    )

    rehearsal = rehearse(definition, {"first": Result.of(n=3)})

    assert run_of(rehearsal.execution, "x").state == "succeeded"
    assert rehearsal.states()["b"] == "failed"


def test_a_group_may_have_retries_and_each_attempt_is_a_scope_of_its_own() -> None:
    definition = flow(task("a", action=group(task("x", "y"), task("y")), retry=ONCE))

    rehearsal = rehearse(definition, {"x": lambda run: FAILED if run.number < 1006 else Result()})

    assert attempts(rehearsal, "a") == [("failed", False), ("succeeded", False)]
    assert all_states(rehearsal.execution, "x") == ["failed", "succeeded"]
    assert all_states(rehearsal.execution, "y") == ["skipped", "succeeded"]
    assert rehearsal.execution.state == "succeeded"


def test_a_group_may_contain_loops_whose_tasks_are_named_like_those_around() -> None:
    inner = group(task("a", to("a", when="result().visit < 3")))
    definition = flow(task("a", "b"), task("b", to("a", when="result().visit < 2"), action=inner))

    rehearsal = rehearse(definition)

    inside = [scope.visits["a"] for scope in rehearsal.execution.scopes.values() if scope.owner is not None]
    assert inside == [3, 3]
    assert rehearsal.execution.state == "succeeded"


def test_groups_may_be_nested() -> None:
    deepest = group(task("z"), out="tasks.z.outputs.n")
    middle = group(task("y", action=deepest), out="tasks.y.out")
    definition = flow(task("a", action=middle), outputs={"out": "tasks.a.out"})

    rehearsal = rehearse(definition, {"z": Result.of(n=5)})

    assert rehearsal.execution.outputs == {"out": 5}


def test_a_group_whose_outputs_break_fails_for_good() -> None:
    rehearsal = rehearse(flow(task("a", action=group(task("x"), out="tasks.x.outputs.no"), retry=ONCE)))

    run = run_of(rehearsal.execution, "a")
    assert len(run.tries) == 1
    assert run.reason is not None
    assert run.reason.sentence.startswith("task 'a' outputs: Variable not found")


def test_a_group_that_runs_longer_than_its_timeout_is_timed_out_and_what_is_inside_cancelled() -> None:
    inner = group(task("x", "z"), task("y", action=approval()), task("z"))

    rehearsal = rehearse(
        flow(task("a", action=inner, timeout=Literal(5)), task("b")), {"x": Result.of(takes=50)}
    )

    assert rehearsal.states() == {"a": "timed_out", "b": "succeeded"}
    assert [run_of(rehearsal.execution, name).state for name in "xyz"] == ["cancelled"] * 3
    assert run_of(rehearsal.execution, "a").reason == Reason(
        "timeout", "Task 'a' ran longer than its timeout."
    )
    assert names_of(rehearsal.execution, rehearsal.execution.failed) == ["a"]


def test_a_timed_out_group_is_retried_after_its_delay() -> None:
    inner = group(task("x", action=approval()), task("y", action=approval()))
    definition = flow(task("a", action=inner, timeout=Literal(5), retry=ONCE, fallback=Nothing()))

    rehearsal = rehearse(definition)

    assert attempts(rehearsal, "a") == [("timed_out", False), ("timed_out", False)]
    assert rehearsal.execution.state == "succeeded"
    assert rehearsal.execution.ended_at == rehearsal.execution.created_at + 20


def test_a_cancelled_group_ends_with_everything_inside_and_nothing_else() -> None:
    deep = group(task("z", action=signal("never")), task("later", when="false"))
    inner = group(task("x", "y"), task("y"), task("deep", action=deep), task("many", items=each([1, 2, 3])))
    requests = [at(1, about(messages.CancelTask, "a"))]

    rehearsal = rehearse(
        flow(task("a", action=inner), task("b")),
        {name: Result.of(takes=5) for name in ("x", "many", "b")},
        requests=requests,
    )

    execution = rehearsal.execution
    assert rehearsal.states() == {"a": "cancelled", "b": "succeeded"}
    assert [run_of(execution, name).state for name in ("x", "y", "deep", "z", "many")] == ["cancelled"] * 5
    assert execution.state == "failed"


def test_one_task_inside_a_group_may_be_cancelled_and_counts_as_a_failure_there() -> None:
    requests = [at(1, about(messages.CancelTask, "x"))]
    definition = flow(task("a", action=group(task("x"), task("y"))))

    rehearsal = rehearse(definition, {"x": Result.of(takes=5)}, requests=requests)

    assert [run_of(rehearsal.execution, name).state for name in "xya"] == ["cancelled", "succeeded", "failed"]


def test_a_report_about_the_attempt_of_a_group_decides_nothing() -> None:
    rehearsal = Rehearsal(flow(task("a", action=group(task("x")))))
    number = run_of(rehearsal.execution, "a").attempt
    report = messages.AttemptEnded(attempt=number, outcome="failed", started_at=None, ended_at=rehearsal.now)

    assert rehearsal.tell(report) == []
    assert rehearsal.tell(messages.AttemptStarted(attempt=number, at=rehearsal.now)) == []
    assert rehearsal.run().execution.state == "succeeded"


def test_a_sub_workflow_is_a_job_and_its_timeout_a_timer_of_ours() -> None:
    definition = flow(task("a", action=child(), timeout=Literal(5), retry=ONCE))

    rehearsal = rehearse(definition, {"a": [Result.of(takes=50), Result.of(answer=42)]})

    assert attempts(rehearsal, "a") == [("timed_out", False), ("succeeded", False)]
    assert run_of(rehearsal.execution, "a").outputs == {"answer": 42}


def test_a_sub_workflow_is_told_of_pause_and_resume() -> None:
    rehearsal = Rehearsal(flow(task("a", action=child()), task("b")), {"a": Result.of(takes=50)})
    run = run_of(rehearsal.execution, "a")

    paused = rehearsal.tell(messages.Pause())
    told_paused = commands.commands(rehearsal.execution, paused)
    resumed = rehearsal.tell(messages.Resume())
    told_running = commands.commands(rehearsal.execution, resumed)

    assert told_paused == [commands.RelayPause(run.number, run.attempt, "paused")]
    assert told_running == [commands.RelayPause(run.number, run.attempt, "running")]


CLOSING = task("last")


def test_a_closing_task_runs_once_when_everything_else_has_ended() -> None:
    rehearsal = rehearse(flow(task("a"), task("b"), closing=CLOSING), {"a": Result.of(takes=5)})

    assert rehearsal.order() == ["a", "b", "last"]
    assert rehearsal.execution.state == "succeeded"
    assert rehearsal.execution.ended_at == rehearsal.execution.created_at + 6


def test_a_closing_task_runs_after_a_failure_which_stays_the_end() -> None:
    rehearsal = rehearse(flow(task("a"), closing=CLOSING), {"a": FAILED})

    assert run_of(rehearsal.execution, "last").state == "succeeded"
    assert rehearsal.execution.state == "failed"
    assert names_of(rehearsal.execution, rehearsal.execution.failed) == ["a"]


def test_the_failure_of_a_closing_task_makes_the_execution_failed() -> None:
    rehearsal = rehearse(flow(task("a"), closing=CLOSING), {"last": FAILED})

    assert rehearsal.execution.state == "failed"
    assert rehearsal.execution.reason == Reason("task_failed", "Task 'last' failed: It failed: failed.")


def test_a_closing_task_that_is_skipped_by_its_condition_changes_nothing() -> None:
    rehearsal = rehearse(flow(task("a"), closing=task("last", when="tasks.a.status == 'failed'")))

    assert run_of(rehearsal.execution, "last").state == "skipped"
    assert rehearsal.execution.state == "succeeded"


@pytest.mark.parametrize(
    "closing",
    [
        task("last", retry=Retry(count=1)),
        task("last", action=group(task("inner", "next"), task("next"))),
        task("last", items=each([1, 2, 3])),
        task("last", action=wait(3)),
        task("last", action=approval(3), fallback=call()),
        task("last", action=Nothing()),
    ],
)
@pytest.mark.parametrize("policy", ["cancel_running", "allow_finish"])
def test_a_closing_task_of_any_kind_runs_also_after_a_cancel(closing: Any, policy: Any) -> None:
    definition = flow(task("a", "b"), task("b"), closing=closing)
    results = {"a": Result.of(takes=50), "last": [FAILED, Result()] if closing.retry else Result()}

    rehearsal = rehearse(definition, results, requests=[at(1, messages.Cancel(policy=policy))])

    assert run_of(rehearsal.execution, "last").state == "succeeded"
    assert rehearsal.states()["b"] == "cancelled"
    assert rehearsal.execution.state == "cancelled"


def test_an_approval_that_closes_can_be_answered_after_a_cancel() -> None:
    definition = flow(task("a"), closing=task("last", action=approval()))
    requests = [at(1, messages.Cancel()), at(9, about(messages.Respond, "last", outputs={"ok": True}))]

    rehearsal = rehearse(definition, {"a": Result.of(takes=5)}, requests=requests)

    assert run_of(rehearsal.execution, "last").outputs == {"ok": True}
    assert rehearsal.execution.state == "cancelled"


def test_a_closing_task_runs_after_the_timeout_of_the_execution() -> None:
    definition = flow(task("a"), closing=CLOSING, timeout=timedelta(seconds=5))

    rehearsal = rehearse(definition, {"a": Result.of(takes=50)})

    assert run_of(rehearsal.execution, "last").state == "succeeded"
    assert rehearsal.execution.state == "timed_out"


def test_a_cancel_leaves_a_closing_task_that_runs_alone_and_settles_the_end() -> None:
    requests = [at(2, messages.Cancel())]

    rehearsal = rehearse(flow(task("a"), closing=CLOSING), {"last": Result.of(takes=9)}, requests=requests)

    assert run_of(rehearsal.execution, "last").state == "succeeded"
    assert rehearsal.execution.state == "cancelled"


@pytest.mark.parametrize("closing", [CLOSING, task("last", items=each([1, 2], concurrency=2))])
def test_a_closing_task_that_a_pause_held_is_let_go_by_a_cancel(closing: Any) -> None:
    requests = [at(0.5, messages.Pause()), at(5, messages.Cancel())]

    rehearsal = rehearse(flow(task("a"), closing=closing), requests=requests)

    assert run_of(rehearsal.execution, "last").state == "succeeded"
    assert rehearsal.execution.state == "cancelled"


def test_a_closing_task_may_be_cancelled_alone() -> None:
    requests = [at(2, about(messages.CancelTask, "last"))]

    rehearsal = rehearse(
        flow(task("a"), closing=task("last", action=group(task("x", "y"), task("y")))),
        {"x": Result.of(takes=50)},
        requests=requests,
    )

    assert [run_of(rehearsal.execution, name).state for name in ("x", "y", "last")] == ["cancelled"] * 3
    assert rehearsal.execution.state == "failed"


def test_a_closing_task_sees_what_the_others_came_to() -> None:
    closing = task("last", action=call(status="tasks.a.status", x="vars.x"))

    rehearsal = rehearse(flow(task("a", to(x=3)), closing=closing))

    assert run_of(rehearsal.execution, "last").input == {"status": "succeeded", "x": 3}


def test_sources_are_unknown_to_a_closing_task() -> None:
    rehearsal = rehearse(flow(task("a"), closing=task("last", when="not failed_sources()")))

    assert run_of(rehearsal.execution, "last").state == "failed"
