"""Retries, fallbacks and lost attempts (docs/engine.md §6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.graphs import (
    attempts,
    call,
    flow,
    on_failure,
    run_of,
    task,
)

from headrace.definition.model import Retry
from headrace.definition.outcomes import Failure
from headrace.engine import events, messages
from headrace.engine.ending import delay
from headrace.engine.plans import Reason
from headrace.testing.simulator import Rehearsal, Result, rehearse

FAILED = Result.failed()


def retry(count: int, **more: Any) -> Retry:
    return Retry(count=count, **more)


def test_two_retries_then_the_fallback() -> None:
    definition = flow(task("a", "b", retry=retry(2), fallback=call()), task("b"))

    rehearsal = rehearse(definition, {"a": [FAILED, FAILED, FAILED, Result.of(from_fallback=True)]})

    assert attempts(rehearsal, "a") == [
        ("failed", False),
        ("failed", False),
        ("failed", False),
        ("succeeded", True),
    ]
    assert run_of(rehearsal.execution, "a").outputs == {"from_fallback": True}
    assert rehearsal.execution.state == "succeeded"


def test_a_failed_fallback_is_the_end() -> None:
    definition = flow(task("a", retry=retry(3), fallback=call()))

    rehearsal = rehearse(definition, {"a": [Result.failed(final=True), FAILED]})

    assert attempts(rehearsal, "a") == [("failed", False), ("failed", True)]
    assert rehearsal.execution.state == "failed"


def test_a_final_failure_is_never_retried() -> None:
    rehearsal = rehearse(flow(task("a", retry=retry(5))), {"a": Result.failed(final=True)})

    assert attempts(rehearsal, "a") == [("failed", False)]


def test_a_retry_keeps_the_rendered_input() -> None:
    definition = flow(task("a", action=call(when="now()", id="uuid()"), retry=retry(1)))

    rehearsal = rehearse(definition, {"a": [FAILED, Result()]})

    queued = [event for event in rehearsal.events if isinstance(event, events.TaskQueued)]
    run = run_of(rehearsal.execution, "a")
    assert [event.input is None for event in queued] == [False, True]
    assert run.input == queued[0].input
    assert run.created_at == rehearsal.execution.created_at


def test_between_tries_the_task_is_retrying_and_tells_when_it_is_due() -> None:
    definition = flow(task("a", retry=retry(1, delay=timedelta(seconds=30))))
    rehearsal = Rehearsal(definition, {"a": [FAILED, Result()]})
    while run_of(rehearsal.execution, "a").state != "retrying":
        rehearsal.step()

    run = run_of(rehearsal.execution, "a")
    assert run.due_at == rehearsal.now + 30
    assert run.reason == Reason("failed", "It failed: failed.")
    assert rehearsal.run().states() == {"a": "succeeded"}


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (retry(9, delay=timedelta(seconds=2)), [2, 2, 2]),
        (retry(9, delay=timedelta(seconds=2), backoff="linear"), [2, 4, 6]),
        (retry(9, delay=timedelta(seconds=2), backoff="exponential"), [2, 4, 8]),
        (retry(9, delay=timedelta(seconds=2), backoff="exponential", factor=3), [2, 6, 18]),
        (retry(9, backoff="exponential", max_delay=timedelta(seconds=3)), [1, 2, 3]),
    ],
)
def test_the_wait_before_a_retry_follows_the_policy(policy: Retry, waits: list[float]) -> None:
    assert [delay(policy, tries, None, 0.5) for tries in (1, 2, 3)] == waits


@pytest.mark.parametrize(("first", "wait"), [(0, 0), (1, 3600)])
def test_a_wait_too_large_for_a_number_is_the_cap(first: float, wait: float) -> None:
    policy = retry(9999, delay=timedelta(seconds=first), backoff="exponential", factor=1e300)

    assert delay(policy, 5000, None, 0.5) == wait


def test_jitter_varies_the_wait_in_both_directions() -> None:
    policy = retry(1, delay=timedelta(seconds=10), jitter=0.5)

    assert [delay(policy, 1, None, chance) for chance in (0.0, 0.5, 1.0)] == [5, 10, 15]


def test_retry_after_lengthens_the_wait_within_the_cap() -> None:
    policy = retry(1, delay=timedelta(seconds=10), max_delay=timedelta(seconds=60))

    assert [delay(policy, 1, after, 0.5) for after in (5, 30, 90)] == [10, 30, 60]


def test_only_the_listed_exit_codes_are_retried() -> None:
    exits = [
        Result("failed", failure=Failure(code="exit_code", message="", exit_code=code))
        for code in (75, 1, 75)
    ]

    rehearsal = rehearse(flow(task("a", retry=retry(5, exit_codes=(75,)))), {"a": exits})

    assert len(attempts(rehearsal, "a")) == 2


def test_a_condition_over_the_failed_attempt_decides_whether_it_is_retried() -> None:
    on = "failed() and result().error.code == 'busy' and result().status == 'failed'"
    results = [Result.failed("busy"), Result.failed("busy"), Result.failed("broken"), Result()]

    rehearsal = rehearse(flow(task("a", retry=retry(9, on=on))), {"a": results})

    assert len(attempts(rehearsal, "a")) == 3


def test_a_retry_condition_can_tell_a_timeout() -> None:
    policy = retry(9, on="timed_out() and not failed() and not succeeded()")

    rehearsal = rehearse(flow(task("a", retry=policy)), {"a": [Result("timed_out"), Result.failed()]})

    assert len(attempts(rehearsal, "a")) == 2


def test_a_broken_retry_condition_is_told_and_gives_up() -> None:
    definition = flow(task("a", on_failure("b"), retry=retry(9, on="nothing.here")), task("b"))

    rehearsal = rehearse(definition, {"a": FAILED})

    assert len(attempts(rehearsal, "a")) == 1
    assert rehearsal.execution.state == "failed"
    assert rehearsal.execution.reason is not None
    assert "task 'a' retry.on: Variable not found" in rehearsal.execution.reason.sentence


def test_a_lost_attempt_is_retried_by_the_tasks_retry() -> None:
    rehearsal = rehearse(flow(task("a", retry=retry(1))), {"a": [Result.lost(), Result()]})

    assert attempts(rehearsal, "a") == [("lost", False), ("succeeded", False)]


def test_a_task_whose_last_attempt_was_lost_fails_with_reason_lost() -> None:
    rehearsal = rehearse(flow(task("a")), {"a": Result.lost()})

    run = run_of(rehearsal.execution, "a")
    assert run.state == "failed"
    assert run.reason == Reason("lost", "The machine is gone.")


def test_a_repeatable_task_gets_one_new_attempt_outside_its_retries() -> None:
    definition = flow(task("a", repeatable=True, retry=retry(1, delay=timedelta(seconds=9))))
    results = [Result.lost(), Result.failed(), Result.failed(), Result()]

    rehearsal = rehearse(definition, {"a": results})

    assert attempts(rehearsal, "a") == [("lost", False), ("failed", False), ("failed", False)]


def test_a_repeatable_task_is_not_made_anew_a_second_time() -> None:
    rehearsal = rehearse(flow(task("a", repeatable=True)), {"a": Result.lost()})

    assert attempts(rehearsal, "a") == [("lost", False), ("lost", False)]


def test_a_task_may_forbid_what_its_type_allows() -> None:
    rehearsal = Rehearsal(flow(task("a", repeatable=False)))
    attempt = run_of(rehearsal.execution, "a").attempt
    lost = messages.AttemptEnded(
        attempt=attempt, outcome="lost", started_at=None, ended_at=rehearsal.now, repeatable=True
    )

    rehearsal.tell(lost)

    assert attempts(rehearsal, "a") == [("lost", False)]


def test_an_attempt_that_was_cancelled_behind_our_back_has_failed() -> None:
    rehearsal = rehearse(flow(task("a", retry=retry(1))), {"a": [Result("cancelled"), Result()]})

    assert attempts(rehearsal, "a") == [("failed", False), ("succeeded", False)]
