"""Cancel, pause and resume (docs/engine.md §7)."""

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
    on_failure,
    run_of,
    signal,
    task,
    wait,
)

from headrace.definition.model import Retry
from headrace.engine import commands, messages
from headrace.engine.plans import Reason
from headrace.errors import TransitionRefused
from headrace.testing.simulator import START, Rehearsal, Result, rehearse

FAILED = Result.failed()
DELAYED = Retry(count=1, delay=timedelta(seconds=10))


def long(seconds: float = 50) -> Result:
    return Result.of(takes=seconds)


def queued(rehearsal: Rehearsal, name: str) -> float:
    """Seconds from the start to the last attempt of a task."""
    return run_of(rehearsal.execution, name).tries[-1].queued_at - START


def test_a_cancel_kills_what_runs_and_nothing_starts_any_more() -> None:
    definition = flow(task("a", "b"), task("b"), task("c", on_failure("d"), retry=DELAYED), task("d"))

    rehearsal = rehearse(
        definition, {"a": long(), "c": long()}, requests=[at(1, messages.Cancel(reason="Stop."))]
    )

    assert set(rehearsal.states().values()) == {"cancelled"}
    assert rehearsal.execution.state == "cancelled"
    assert rehearsal.execution.reason == Reason("cancelled", "Stop.")
    assert rehearsal.execution.ended_at == START + 1
    assert run_of(rehearsal.execution, "c").taken is None


def test_a_cancel_with_allow_finish_over_a_pending_approval_and_a_sub_workflow() -> None:
    definition = flow(
        task("ask", "after", action=approval()),
        task("sub", action=child()),
        task("busy", "after"),
        task("after", join="all"),
    )
    requests = [at(1, messages.Cancel(policy="allow_finish"))]

    rehearsal = rehearse(definition, {"sub": long(), "busy": long(9)}, requests=requests)

    assert rehearsal.states() == {
        "ask": "cancelled",
        "sub": "cancelled",
        "busy": "succeeded",
        "after": "cancelled",
    }
    assert rehearsal.execution.state == "cancelled"
    assert rehearsal.execution.ended_at == START + 9


def test_allow_finish_lets_a_running_fallback_end_even_where_the_action_is_a_sub_workflow() -> None:
    definition = flow(task("a", action=child(), fallback=call()))
    results = {"a": [FAILED, long(20)]}

    rehearsal = rehearse(definition, results, requests=[at(5, messages.Cancel(policy="allow_finish"))])

    assert rehearsal.states() == {"a": "succeeded"}


@pytest.mark.parametrize("policy", ["cancel_running", "allow_finish"])
def test_what_does_not_run_ends_at_once_under_either_policy(policy: Any) -> None:
    definition = flow(
        task("retrying", retry=DELAYED),
        task("timed", action=wait(99)),
        task("signal", action=signal("go")),
        task("approval", action=approval()),
    )

    rehearsal = rehearse(definition, {"retrying": FAILED}, requests=[at(2, messages.Cancel(policy=policy))])

    assert set(rehearsal.states().values()) == {"cancelled"}
    assert rehearsal.execution.ended_at == START + 2
    assert rehearsal.execution.timers == {}


def test_allow_finish_ends_groups_and_foreaches_when_what_runs_in_them_has_ended() -> None:
    inner = group(task("x", "y"), task("y"), task("z", action=approval()))
    definition = flow(
        task("g", action=inner), task("f", items=each([1, 2, 3], concurrency=2)), cancel_policy="allow_finish"
    )

    rehearsal = rehearse(definition, {"x": long(7), "f": long(9)}, requests=[at(1, messages.Cancel())])

    execution = rehearsal.execution
    assert rehearsal.states() == {"g": "cancelled", "f": "cancelled"}
    assert [run_of(execution, name).state for name in "xyz"] == ["succeeded", "cancelled", "cancelled"]
    assert all_states(execution, "f") == ["cancelled", "succeeded", "succeeded"]
    assert run_of(execution, "f").outputs["succeeded_count"] == 2
    assert execution.ended_at == START + 9


def test_a_job_that_is_not_yet_running_is_not_allowed_to_finish() -> None:
    rehearsal = Rehearsal(flow(task("a")))

    happened = rehearsal.tell(messages.Cancel(policy="allow_finish"))

    run = run_of(rehearsal.execution, "a")
    assert commands.commands(rehearsal.execution, happened) == [commands.CancelJob(run.number, run.attempt)]


def test_a_job_that_ended_before_the_cancel_reached_it_keeps_its_end() -> None:
    rehearsal = Rehearsal(flow(task("a")))
    attempt = run_of(rehearsal.execution, "a").attempt
    rehearsal.tell(messages.Cancel())

    rehearsal.tell(
        messages.AttemptEnded(attempt=attempt, outcome="succeeded", started_at=None, ended_at=START)
    )

    assert rehearsal.states() == {"a": "succeeded"}
    assert rehearsal.execution.state == "cancelled"


def test_a_second_cancel_decides_nothing_and_one_after_the_end_is_refused() -> None:
    rehearsal = Rehearsal(flow(task("a")))
    rehearsal.tell(messages.Cancel())

    assert rehearsal.tell(messages.Cancel(policy="allow_finish")) == []
    assert rehearsal.tell(messages.Cancel()) == []

    rehearsal.run()
    with pytest.raises(TransitionRefused, match="The execution is cancelled; a cancel is refused"):
        rehearsal.tell(messages.Cancel())


def test_a_stricter_cancel_ends_what_the_first_one_let_go_on() -> None:
    definition = flow(task("busy"), task("g", action=group(task("x"))), task("f", items=each([1, 2])))
    results = dict.fromkeys(("busy", "x", "f"), long(99))
    requests = [
        at(1, messages.Cancel(policy="allow_finish", reason="Enough.")),
        at(3, messages.Cancel(policy="cancel_running", reason="Really.")),
    ]

    rehearsal = rehearse(definition, results, requests=requests)

    assert set(rehearsal.states().values()) == {"cancelled"}
    assert rehearsal.execution.state == "cancelled"
    assert rehearsal.execution.ended_at == START + 3
    assert rehearsal.execution.reason is not None
    assert rehearsal.execution.reason.sentence == "Enough."


def test_a_stricter_cancel_is_told_to_sub_workflows_again() -> None:
    rehearsal = Rehearsal(flow(task("sub", action=child())))
    run = run_of(rehearsal.execution, "sub")
    rehearsal.tell(messages.AttemptStarted(attempt=run.attempt, at=START, native="ex-1"))
    told = [commands.CancelJob(run.number, run.attempt)]

    for policy in ("allow_finish", "cancel_running"):
        happened = rehearsal.tell(messages.Cancel(policy=policy))

        assert commands.commands(rehearsal.execution, happened) == told
        assert rehearsal.execution.policy == policy


def test_the_timeout_of_an_execution_ends_what_a_cancel_let_go_on() -> None:
    definition = flow(task("busy"), timeout=timedelta(seconds=10))
    requests = [at(1, messages.Cancel(policy="allow_finish", reason="Enough."))]

    rehearsal = rehearse(definition, {"busy": long(99)}, requests=requests)

    assert rehearsal.states() == {"busy": "cancelled"}
    assert rehearsal.execution.state == "cancelled"
    assert rehearsal.execution.ended_at == START + 10


def test_a_stricter_cancel_leaves_a_closing_task_alone() -> None:
    requests = [
        at(1, messages.Cancel(policy="allow_finish")),
        at(3, messages.Cancel(policy="cancel_running")),
    ]

    rehearsal = rehearse(
        flow(task("a"), closing=task("close")), {"a": long(2), "close": long(5)}, requests=requests
    )

    assert rehearsal.states() == {"a": "succeeded"}
    assert run_of(rehearsal.execution, "close").state == "succeeded"
    assert rehearsal.execution.policy == "cancel_running"


def test_one_cancelled_task_run_is_not_retried_has_no_fallback_and_counts_as_a_failure() -> None:
    definition = flow(task("a", retry=DELAYED, fallback=call()), task("b"))

    rehearsal = rehearse(
        definition, {"a": long(), "b": long()}, requests=[at(1, about(messages.CancelTask, "a"))]
    )

    assert attempts(rehearsal, "a") == [("cancelled", False)]
    assert rehearsal.states() == {"a": "cancelled", "b": "succeeded"}
    assert rehearsal.execution.state == "failed"


@pytest.mark.parametrize("action", [approval(), signal("go"), wait(99)])
def test_a_cancelled_wait_runs_no_fallback(action: Any) -> None:
    definition = flow(task("a", action=action, fallback=call()))

    rehearsal = rehearse(definition, requests=[at(1, about(messages.CancelTask, "a"))])

    assert attempts(rehearsal, "a") == [("cancelled", False)]
    assert rehearsal.execution.awaiting == {}


def test_a_task_that_is_between_tries_can_be_cancelled() -> None:
    definition = flow(task("a", on_failure("b"), retry=DELAYED), task("b"))

    rehearsal = rehearse(definition, {"a": FAILED}, requests=[at(2, about(messages.CancelTask, "a"))])

    assert rehearsal.states() == {"a": "cancelled", "b": "succeeded"}
    assert rehearsal.execution.state == "succeeded"


def test_a_task_is_cancelled_once_and_an_ended_one_is_refused() -> None:
    rehearsal = Rehearsal(flow(task("a")))
    asked = about(messages.CancelTask, "a")(rehearsal.execution)
    rehearsal.tell(asked)

    assert rehearsal.tell(asked) == []

    rehearsal.run()
    with pytest.raises(TransitionRefused, match=r"\('a'\) is cancelled; a cancel is refused"):
        rehearsal.tell(asked)


def test_what_became_ready_while_paused_is_queued_for_that_reason_and_starts_at_resume() -> None:
    rehearsal = Rehearsal(
        flow(task("a", "b"), task("b")), {"a": long(3)}, requests=[at(9, messages.Resume())]
    )
    rehearsal.tell(messages.Pause(reason="Wait."))
    rehearsal.step()
    rehearsal.step()

    run = run_of(rehearsal.execution, "b")
    assert rehearsal.execution.reason == Reason("paused", "Wait.")
    assert (run.state, run.reason) == ("queued", Reason("paused", "The execution is paused."))

    rehearsal.run()
    assert rehearsal.execution.reason is None
    assert queued(rehearsal, "b") == 9


def test_a_pause_over_a_pending_retry_remembers_that_it_became_due() -> None:
    requests = [at(2, messages.Pause()), at(60, messages.Resume())]

    rehearsal = rehearse(flow(task("a", retry=DELAYED)), {"a": [FAILED, Result()]}, requests=requests)

    assert attempts(rehearsal, "a") == [("failed", False), ("succeeded", False)]
    assert queued(rehearsal, "a") == 60


def test_a_resume_before_a_retry_is_due_leaves_it_waiting() -> None:
    requests = [at(2, messages.Pause()), at(5, messages.Resume())]

    rehearsal = rehearse(flow(task("a", retry=DELAYED)), {"a": [FAILED, Result()]}, requests=requests)

    assert queued(rehearsal, "a") == 11


def test_a_fallback_that_a_pause_holds_is_still_the_fallback_at_resume() -> None:
    requests = [at(0.5, messages.Pause()), at(9, messages.Resume())]
    retry = Retry(count=1, on="result().error.code == 'busy'")

    rehearsal = rehearse(
        flow(task("a", retry=retry, fallback=call())), {"a": [FAILED, Result()]}, requests=requests
    )

    assert attempts(rehearsal, "a") == [("failed", False), ("succeeded", True)]


def test_a_fallback_of_a_task_that_broke_before_its_start_survives_a_pause() -> None:
    requests = [at(0.5, messages.Pause()), at(9, messages.Resume())]
    definition = flow(task("a", "b"), task("b", when="oops.no", fallback=call()))

    rehearsal = rehearse(definition, requests=requests)

    assert attempts(rehearsal, "b") == [("succeeded", True)]


def test_a_pause_holds_items_and_tasks_of_groups() -> None:
    definition = flow(task("f", items=each([1, 2, 3])), task("g", action=group(task("x", "y"), task("y"))))
    requests = [at(0.5, messages.Pause()), at(9, messages.Resume())]

    rehearsal = rehearse(definition, requests=requests)

    assert [run.tries[0].queued_at - START for run in rehearsal.execution.runs.values() if run.item >= 0] == [
        0,
        9,
        10,
    ]
    assert queued(rehearsal, "y") == 9
    assert rehearsal.execution.state == "succeeded"


def test_a_paused_execution_with_nothing_left_to_do_ends() -> None:
    rehearsal = rehearse(flow(task("a")), requests=[at(0.5, messages.Pause())])

    assert rehearsal.execution.state == "succeeded"


def test_waits_and_the_timeout_of_the_execution_go_on_during_a_pause() -> None:
    definition = flow(
        task("ask", action=approval(5)),
        task("time", "next", action=wait(4)),
        task("next"),
        timeout=timedelta(seconds=8),
    )

    rehearsal = rehearse(definition, requests=[at(1, messages.Pause())])

    assert rehearsal.states() == {"ask": "timed_out", "time": "succeeded", "next": "cancelled"}
    assert rehearsal.execution.state == "timed_out"
    assert rehearsal.execution.ended_at == START + 8


def test_a_held_task_can_be_cancelled() -> None:
    requests = [at(0.5, messages.Pause()), at(2, about(messages.CancelTask, "b"))]

    rehearsal = rehearse(flow(task("a", "b"), task("b", fallback=call())), requests=requests)

    assert rehearsal.states() == {"a": "succeeded", "b": "cancelled"}
    assert attempts(rehearsal, "b") == []


def test_pause_and_resume_are_asked_twice_without_effect_and_refused_while_cancelling() -> None:
    rehearsal = Rehearsal(flow(task("a")))

    assert rehearsal.tell(messages.Resume()) == []
    assert len(rehearsal.tell(messages.Pause())) == 1
    assert rehearsal.tell(messages.Pause()) == []
    rehearsal.tell(messages.Cancel())
    with pytest.raises(TransitionRefused, match="The execution is cancelling; a pause is refused"):
        rehearsal.tell(messages.Pause())
    with pytest.raises(TransitionRefused, match="The execution is cancelling; a resume is refused"):
        rehearsal.tell(messages.Resume())
