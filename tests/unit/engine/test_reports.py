"""Reports and timers that come late, early or twice decide nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.graphs import (
    flow,
    run_of,
    task,
    wait,
)

from headrace.definition.model import Retry
from headrace.engine import events, messages
from headrace.engine.execution import TaskRun
from headrace.engine.plans import Reason
from headrace.errors import TransitionRefused
from headrace.testing.simulator import START, Rehearsal, Result, rehearse

FAILED = Result.failed()
DELAYED = Retry(count=1, delay=timedelta(seconds=10))


def long(seconds: float = 50) -> Result:
    return Result.of(takes=seconds)


def running(rehearsal: Rehearsal, name: str) -> TaskRun:
    while run_of(rehearsal.execution, name).state != "running":
        rehearsal.step()
    return run_of(rehearsal.execution, name)


def test_a_repeated_report_decides_nothing() -> None:
    rehearsal = Rehearsal(flow(task("a", "b"), task("b")))
    attempt = running(rehearsal, "a").attempt
    started = messages.AttemptStarted(attempt=attempt, at=START)
    ended = messages.AttemptEnded(attempt=attempt, outcome="succeeded", started_at=START, ended_at=START)

    assert rehearsal.tell(started) == []
    assert rehearsal.tell(ended) != []
    assert rehearsal.tell(ended) == []
    assert rehearsal.tell(started) == []


def test_a_late_report_of_an_old_attempt_changes_nothing() -> None:
    rehearsal = Rehearsal(flow(task("a", retry=DELAYED)), {"a": [FAILED, long()]})
    old = running(rehearsal, "a").attempt
    while len(run_of(rehearsal.execution, "a").tries) == 1:
        rehearsal.step()

    late = messages.AttemptEnded(attempt=old, outcome="succeeded", started_at=None, ended_at=START)
    assert rehearsal.tell(late) == []


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "lost"])
def test_an_end_without_a_start_tells_when_and_as_what_it_ran(outcome: Any) -> None:
    rehearsal = Rehearsal(flow(task("a")))
    ended = messages.AttemptEnded(
        attempt=run_of(rehearsal.execution, "a").attempt,
        outcome=outcome,
        started_at=START + 1,
        ended_at=START + 2,
        native="pid 7",
        node="here",
    )

    rehearsal.tell(ended)

    run = run_of(rehearsal.execution, "a")
    assert run.started_at == START + 1
    assert (run.tries[0].native, run.tries[0].node) == ("pid 7", "here")


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
@pytest.mark.parametrize(("told", "ended"), [(20, 20), (-5, 1), (39.95, 40), (50, 40)])
def test_an_end_of_which_nobody_could_hear_is_told_as_it_was(outcome: Any, told: float, ended: float) -> None:
    rehearsal = Rehearsal(flow(task("a", "b"), task("b")))
    attempt = run_of(rehearsal.execution, "a").attempt
    rehearsal.now = START + 40  # the server was away for so long
    happened = rehearsal.tell(
        messages.AttemptEnded(attempt=attempt, outcome=outcome, started_at=START + 1, ended_at=START + told)
    )

    run = run_of(rehearsal.execution, "a")
    assert (run.ended_at, run.tries[0].ended_at) == (START + ended, START + ended)
    assert {event.at for event in happened} == {START + 40}


def test_an_end_without_a_server_is_told_of_each_try() -> None:
    rehearsal = Rehearsal(flow(task("a", retry=DELAYED)))
    attempt = run_of(rehearsal.execution, "a").attempt
    rehearsal.now = START + 40
    rehearsal.tell(
        messages.AttemptEnded(
            attempt=attempt, outcome="failed", started_at=START + 1, ended_at=START + 20, node="here"
        )
    )

    [ended] = run_of(rehearsal.execution, "a").tries
    assert (ended.ended_at, ended.node) == (START + 20, "here")
    assert run_of(rehearsal.execution, "a").due_at == START + 50


def test_a_failure_that_says_nothing_is_told_by_its_outcome() -> None:
    rehearsal = rehearse(flow(task("a")), {"a": Result("failed")})

    assert run_of(rehearsal.execution, "a").reason == Reason("failed", "The attempt failed.")


def test_a_timer_that_is_not_due_or_not_known_decides_nothing() -> None:
    rehearsal = Rehearsal(flow(task("a", action=wait(30))))
    key = next(iter(rehearsal.execution.timers))

    assert rehearsal.tell(messages.TimerFired(key=key)) == []
    assert rehearsal.tell(messages.TimerFired(key="wait:7")) == []
    rehearsal.run()
    assert rehearsal.tell(messages.TimerFired(key=key)) == []


def test_time_never_goes_back_in_the_journal() -> None:
    rehearsal = Rehearsal(flow(task("a", "b"), task("b")), {"a": long(5)})
    rehearsal.step()
    rehearsal.step()
    rehearsal.now = START - 100

    rehearsal.run()

    times = [event.at for event in rehearsal.events]
    assert times == sorted(times)


def test_an_execution_is_started_once() -> None:
    rehearsal = Rehearsal(flow(task("a")))
    started = next(event for event in rehearsal.events if isinstance(event, events.ExecutionStarted))

    with pytest.raises(TransitionRefused, match="The execution is running; a start is refused"):
        rehearsal.tell(messages.Start(number=1, id=started.id, workflow=1, version=1, inputs={}, seed=0))


def test_an_execution_without_tasks_succeeds_at_once() -> None:
    assert rehearse(flow()).execution.state == "succeeded"
