"""Approvals, times and signals (docs/engine.md §5): waits that hold no process."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.graphs import (
    about,
    approval,
    at,
    flow,
    run_of,
    signal,
    task,
    wait,
)

from headrace.definition.model import AwaitApproval, AwaitTime
from headrace.definition.templates import Expr, Literal
from headrace.engine import commands, messages
from headrace.engine.plans import Reason
from headrace.errors import NotFound, TransitionRefused
from headrace.testing.simulator import START, Rehearsal, Result, rehearse


def long(seconds: float = 50) -> Result:
    return Result.of(takes=seconds)


def test_the_answer_to_an_approval_is_the_outputs_of_the_task() -> None:
    rehearsal = rehearse(
        flow(task("a", action=approval())),
        requests=[at(7, about(messages.Respond, "a", outputs={"ok": True}))],
    )

    run = run_of(rehearsal.execution, "a")
    assert (run.state, run.outputs, run.ended_at) == ("succeeded", {"ok": True}, START + 7)


def test_an_approval_tells_what_it_asks_and_until_when() -> None:
    action = AwaitApproval(prompt=Expr("inputs.what"), timeout=Literal(60), details={"who": Literal("all")})

    rehearsal = Rehearsal(flow(task("a", action=action)), inputs={"what": "Sure?"})

    run = run_of(rehearsal.execution, "a")
    assert run.input == {"prompt": "Sure?", "who": "all"}
    assert (run.state, run.due_at) == ("blocked", START + 60)
    assert run.reason == Reason("approval", "Waits for an approval.")


@pytest.mark.parametrize("action", [approval(5), signal("go", 5)])
def test_a_wait_that_expires_has_timed_out(action: Any) -> None:
    rehearsal = rehearse(flow(task("a", action=action)))

    assert rehearsal.states() == {"a": "timed_out"}
    assert rehearsal.reasons() == {"a": "timeout"}


def test_the_timeout_of_a_task_is_also_one_of_its_wait() -> None:
    short = flow(task("a", action=approval(50), timeout=Literal(5)))
    only = flow(task("a", action=signal("go"), timeout=Literal(5)))

    assert rehearse(short).execution.ended_at == START + 5
    assert rehearse(only).execution.ended_at == START + 5


@pytest.mark.parametrize("action", [approval(), signal("go"), wait(99)])
def test_a_wait_that_is_withdrawn_has_failed(action: Any) -> None:
    rehearsal = rehearse(
        flow(task("a", action=action)), requests=[at(1, about(messages.Withdraw, "a", reason="No more."))]
    )

    assert run_of(rehearsal.execution, "a").reason == Reason("withdrawn", "No more.")
    assert rehearsal.states() == {"a": "failed"}


def test_only_an_open_approval_can_be_answered() -> None:
    rehearsal = Rehearsal(flow(task("a", action=approval()), task("b"), task("c", action=wait(5))))
    answer = about(messages.Respond, "a", outputs={})(rehearsal.execution)

    with pytest.raises(NotFound, match="The execution has no task run 7"):
        rehearsal.tell(messages.Respond(run=7, outputs={}))
    with pytest.raises(TransitionRefused, match=r"\('b'\) is queued; an answer is refused"):
        rehearsal.tell(about(messages.Respond, "b", outputs={})(rehearsal.execution))
    with pytest.raises(TransitionRefused, match=r"\('c'\) is blocked; an answer is refused"):
        rehearsal.tell(about(messages.Respond, "c", outputs={})(rehearsal.execution))
    rehearsal.tell(answer)
    with pytest.raises(TransitionRefused, match=r"\('a'\) is succeeded; an answer is refused"):
        rehearsal.tell(answer)


def test_a_wait_for_a_time_holds_a_timer_and_no_job() -> None:
    rehearsal = Rehearsal(flow(task("a", action=wait(30))))

    run = run_of(rehearsal.execution, "a")
    assert rehearsal.execution.timers == {f"wait:{run.attempt}": START + 30}
    assert commands.outstanding(rehearsal.execution) == []
    assert rehearsal.run().states() == {"a": "succeeded"}


@pytest.mark.parametrize(("until", "ends"), [(START + 40, 40), (START - 40, 0)])
def test_a_wait_until_a_moment_that_has_passed_is_over_at_once(until: float, ends: float) -> None:
    rehearsal = rehearse(flow(task("a", action=AwaitTime(until=Literal(until)))))

    assert rehearsal.execution.ended_at == START + ends


def test_a_signal_ends_the_wait_for_it_with_its_payload() -> None:
    requests = [at(1, messages.Signal(name="other")), at(3, messages.Signal(name="go", payload={"n": 1}))]

    rehearsal = rehearse(flow(task("a", action=signal("go"))), requests=requests)

    assert run_of(rehearsal.execution, "a").outputs == {"payload": {"n": 1}}
    assert rehearsal.execution.ended_at == START + 3
    assert rehearsal.execution.signals == {"other": [None]}


def test_a_wait_for_a_signal_answers_at_once_when_the_signal_is_already_there() -> None:
    definition = flow(task("a", "b"), task("b", action=signal("go")))

    rehearsal = rehearse(definition, {"a": long(5)}, requests=[at(1, messages.Signal(name="go", payload=7))])

    assert run_of(rehearsal.execution, "b").outputs == {"payload": 7}
    assert rehearsal.execution.ended_at == START + 5
    assert rehearsal.execution.signals == {}


def test_each_signal_ends_one_wait_the_longest_first() -> None:
    definition = flow(task("x", "b"), task("a", action=signal("go")), task("b", action=signal("go")))
    requests = [at(5, messages.Signal(name="go", payload=1)), at(6, messages.Signal(name="go", payload=2))]

    rehearsal = rehearse(definition, requests=requests)

    assert run_of(rehearsal.execution, "a").outputs == {"payload": 1}
    assert run_of(rehearsal.execution, "b").outputs == {"payload": 2}
