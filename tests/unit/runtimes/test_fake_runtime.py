"""The fake keeps the contract of real runtimes."""

from __future__ import annotations

from headrace.definition.outcomes import Failure
from headrace.runtimes.protocol import Job, TaskCall
from headrace.testing.fake_runtime import FakeRuntime
from headrace.testing.witness import Witness


def job(attempt: int, type: str = "any") -> Job:
    return Job(attempt=attempt, label=type, work=TaskCall(type=type, inputs={}))


async def test_the_script_says_what_becomes_of_a_job() -> None:
    refused = Failure(code="refused", message="No.")
    runtime, witness = (
        FakeRuntime(lambda job: refused if job.label == "bad" else {"n": job.attempt}),
        Witness(),
    )
    runtime.open(witness)
    runtime.submit(job(1001))
    runtime.submit(job(1001))
    runtime.submit(job(1002, "bad"))

    assert witness.seen == []
    assert (await witness.ended(1001)).outputs == {"n": 1001}
    assert (await witness.ended(1002)).failure == refused
    assert [each.attempt for each in runtime.submitted] == [1001, 1002]


async def test_a_job_without_an_outcome_runs_until_it_is_finished_or_cancelled() -> None:
    runtime, witness = FakeRuntime(lambda _job: None), Witness()
    runtime.open(witness)
    for attempt in (1001, 1002, 1003):
        runtime.submit(job(attempt))
    runtime.begin(1001)
    await witness.started(1001)
    runtime.finish(1001, {})
    runtime.cancel(1002)
    runtime.finish(1003, Failure(code="timeout", message="Late."), "timed_out")

    assert (await witness.ended(1001)).outcome == "succeeded"
    assert (await witness.ended(1002)).outcome == "cancelled"
    assert (await witness.ended(1003)).outcome == "timed_out"
    assert runtime.running == {}


async def test_a_cancelled_attempt_never_starts() -> None:
    runtime, witness = FakeRuntime(), Witness()
    runtime.open(witness)
    runtime.cancel(1001)
    runtime.submit(job(1001))

    assert (await witness.ended(1001)).outcome == "cancelled"
    assert runtime.submitted == []


async def test_recovering_submits_or_loses() -> None:
    lasting, fleeting = FakeRuntime(survives_restart=True), FakeRuntime()
    for runtime, outcome in ((lasting, "succeeded"), (fleeting, "lost")):
        witness = Witness()
        runtime.open(witness)
        runtime.recover(job(1001))

        assert (await witness.ended(1001)).outcome == outcome
