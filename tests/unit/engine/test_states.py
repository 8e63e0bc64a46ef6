"""The two tables, and that every state gives every message an answer or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import get_args

import pytest
from tests.unit.engine.graphs import approval, call, child, each, flow, group, signal, task, wait

from headrace.definition.model import Retry
from headrace.engine import events, messages, states
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.evolve import evolve
from headrace.engine.execution import Execution, blank
from headrace.errors import RequestError
from headrace.testing.simulator import START, Rehearsal, Result

DEFINITION = flow(
    task("job"),
    task("child", action=child()),
    task("group", action=group(task("inner"))),
    task("each", items=each([1, 2])),
    task("approval", action=approval(1000)),
    task("signal", action=signal("go")),
    task("time", action=wait(500)),
    task("retrying", retry=Retry(count=1, delay=timedelta(seconds=400))),
    task("held", action=call()),
    task("closer", join=1),
    closing=task("last", action=approval()),
    timeout=timedelta(seconds=2000),
)


def rehearsal(state: str) -> Rehearsal:
    """An execution in that state, with task runs in as many states as it can have."""
    made = Rehearsal(DEFINITION, {"retrying": Result.failed(), **dict.fromkeys(("job", "each"), LONG)})
    if state == "pending":
        made.execution = blank(DEFINITION)
        return made
    for _ in range(6):
        made.step()
    if state == "paused":
        made.tell(messages.Pause())
        made.tell(messages.Withdraw(run=number_of(made.execution, "approval")))
    if state in ("cancelling", "cancelled"):
        made.tell(messages.Cancel(policy="allow_finish"))
    if state == "timed_out":
        made.now = START + 2000
        made.tell(messages.TimerFired(key="deadline"))
    if state in states.EXECUTION_ENDS:
        finish(made, "failed" if state == "failed" else "succeeded")
    return made


LONG = Result.of(takes=300)


def finish(made: Rehearsal, outcome: str) -> None:
    while made.execution.state not in states.EXECUTION_ENDS:
        for number in tuple(made.execution.live):
            run = made.execution.runs[number]
            if run.wait == "approval":
                made.tell(messages.Respond(run=number, outputs={}))
            elif run.wait is not None:
                made.tell(messages.Signal(name="go"))
                made.now = max(made.now, run.due_at or 0)
                made.tell(messages.TimerFired(key=f"wait:{run.attempt}"))
            elif run.state == "retrying":
                made.now = max(made.now, run.due_at or 0)
                made.tell(messages.TimerFired(key=f"retry:{number}"))
            elif run.attempt:
                made.tell(ended(run.attempt, outcome if run.task == "job" else "succeeded"))


def number_of(execution: Execution, name: str) -> int:
    return execution.scopes[0].latest[name]


def ended(attempt: int, outcome: str = "succeeded") -> messages.AttemptEnded:
    return messages.AttemptEnded(
        attempt=attempt,
        outcome=outcome,  # type: ignore[arg-type]
        started_at=None,
        ended_at=START,
    )


def every_message(execution: Execution) -> Iterator[messages.Message]:
    """Each kind of message, about everything that it could be about."""
    yield messages.Start(number=1, id="x", workflow=1, version=1, inputs={}, seed=0)
    yield messages.Cancel()
    yield messages.Cancel(policy="allow_finish")
    yield messages.Pause()
    yield messages.Resume()
    yield messages.Signal(name="go")
    yield messages.Signal(name="other", payload=1)
    for key in (*execution.timers, "deadline", "retry:7", "wait:7", "limit:7", "mark:7", "odd"):
        yield messages.TimerFired(key=key)
    for run in (*execution.runs, 7):
        yield messages.CancelTask(run=run)
        yield messages.Respond(run=run, outputs={"a": 1})
        yield messages.Withdraw(run=run)
    for attempt in (*execution.attempts, 7):
        yield messages.AttemptStarted(attempt=attempt, at=START)
        for outcome in ("succeeded", "failed", "timed_out", "cancelled", "lost"):
            yield ended(attempt, outcome)


def journal(made: Rehearsal) -> list[events.AnyEvent]:
    return [] if made.execution.state == "pending" else made.events


@pytest.mark.parametrize("state", get_args(states.ExecutionState))
def test_every_state_gives_every_message_an_answer_or_a_refusal(state: str) -> None:
    made = rehearsal(state)
    assert made.execution.state == state
    messages_here = list(every_message(made.execution))

    for message in messages_here:
        execution = evolve(blank(DEFINITION, made.execution.graph), journal(made))
        before = execution.seq
        numbers = iter(range(10**6, 10**7))
        try:
            happened = decide(execution, message, Moment(at=made.now + 3000, take=lambda: next(numbers)))  # noqa: B023
        except RequestError:
            assert execution.seq == before
        else:
            assert execution.seq == before + len(happened)
            assert state not in states.EXECUTION_ENDS or not happened


@pytest.mark.parametrize("state", sorted(states.EXECUTION_ENDS))
def test_no_row_leads_out_of_an_end_of_an_execution(state: str) -> None:
    assert states.EXECUTION[state] == frozenset()
    for wanted in get_args(states.ExecutionState):
        with pytest.raises(states.IllegalTransition, match=f"execution: {state} -> {wanted}"):
            states.next_execution_state(state, wanted)


@pytest.mark.parametrize("state", sorted(states.TASK_ENDS))
def test_no_row_leads_out_of_an_end_of_a_task_run(state: str) -> None:
    assert states.TASK[state] == frozenset()
    for wanted in get_args(states.TaskState):
        with pytest.raises(states.IllegalTransition, match=f"task run: {state} -> {wanted}"):
            states.next_task_state(state, wanted)


def test_the_tables_speak_of_every_state_and_of_no_other() -> None:
    assert set(states.EXECUTION) == set(get_args(states.ExecutionState))
    assert set(states.TASK) == set(get_args(states.TaskState))
    assert frozenset().union(*states.EXECUTION.values()) <= set(states.EXECUTION)
    assert frozenset().union(*states.TASK.values()) <= set(states.TASK)


def test_every_state_but_the_first_can_be_reached() -> None:
    assert frozenset().union(*states.EXECUTION.values()) == set(states.EXECUTION) - {"pending"}
    assert frozenset().union(*states.TASK.values()) == set(states.TASK) - {"waiting"}
