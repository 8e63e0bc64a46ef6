"""What every runtime must keep.

`RuntimeConformance` holds for all; `CommandConformance` for those that take commands; `SurvivalConformance`
(in `runtime_survival`) for those whose jobs outlive the server.
"""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from headrace.runtimes.protocol import Command, Job, Runtime
from headrace.testing.witness import Witness, until


class Premises(Protocol):
    """Where a runtime lives; each opened one finds what earlier ones left there."""

    ledger: Path
    """A file to which each job appends one line with its attempt's number when it runs."""

    def open(self) -> Runtime:
        """Return a runtime, not opened yet; called again only after the former one was closed or has died."""

    def quick(self, attempt: int) -> Job:
        """Return a job that writes to the ledger and succeeds."""

    def failing(self, attempt: int) -> Job:
        """Return a job that writes to the ledger and fails."""

    def endless(self, attempt: int, timeout: float | None = None) -> Job:
        """Return a job that writes to the ledger and never ends by itself."""


def runs(premises: Premises, attempt: int) -> int:
    """Return how often an attempt ran."""
    if not premises.ledger.exists():
        return 0
    return premises.ledger.read_text().split().count(str(attempt))


class WithRuntime:
    """Opens the runtime of the premises."""

    @pytest.fixture
    def witness(self) -> Witness:
        """Whoever is told."""
        return Witness()

    @pytest.fixture
    async def runtime(self, premises: Premises, witness: Witness) -> AsyncIterator[Runtime]:
        """A runtime that reports to the witness, closed afterwards."""
        runtime = premises.open()
        runtime.open(witness)
        yield runtime
        await runtime.close()


class RuntimeConformance(WithRuntime):
    """Give the fixture `premises`."""

    async def test_a_job_runs_and_its_end_is_reported_once(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.quick(1001))
        ended = await witness.ended(1001)

        assert ended.outcome == "succeeded"
        assert ended.failure is None
        assert ended.started_at is not None
        assert ended.started_at <= ended.ended_at
        assert runs(premises, 1001) == 1
        assert len(witness.ends(1001)) == 1

    async def test_nothing_is_reported_from_inside_a_request(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.quick(1001))
        runtime.submit(premises.failing(1002))
        runtime.cancel(1003)

        assert witness.seen == []
        for attempt in (1001, 1002, 1003):
            await witness.ended(attempt)

    async def test_a_failed_job_says_why(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.failing(1001))
        ended = await witness.ended(1001)

        assert ended.outcome == "failed"
        assert ended.failure is not None
        assert ended.failure.code
        assert ended.failure.message

    async def test_the_same_attempt_twice_is_one_job(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.quick(1001))
        runtime.submit(premises.quick(1001))
        await witness.ended(1001)

        assert runs(premises, 1001) == 1

    async def test_a_running_job_is_reported_started_and_can_be_cancelled(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.endless(1001))
        started = await witness.started(1001)
        await until(lambda: runs(premises, 1001))
        runtime.cancel(1001)
        ended = await witness.ended(1001)

        assert ended.outcome == "cancelled"
        assert ended.failure is not None
        assert ended.started_at == started.at

    async def test_cancelling_twice_reports_once(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.endless(1001))
        await witness.started(1001)
        runtime.cancel(1001)
        runtime.cancel(1001)
        await witness.ended(1001)
        runtime.submit(premises.quick(1002))
        await witness.ended(1002)

        assert len(witness.ends(1001)) == 1

    async def test_a_job_that_is_submitted_again_about_when_it_ends_is_one_job(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        attempts = range(1001, 1021)
        for attempt in attempts:
            runtime.submit(premises.quick(attempt))
        while not all(witness.ends(attempt) for attempt in attempts):
            for attempt in attempts:
                if not witness.ends(attempt):
                    runtime.submit(premises.quick(attempt))
            await asyncio.sleep(0)

        assert all(len(witness.ends(attempt)) == 1 for attempt in attempts)
        assert all(runs(premises, attempt) == 1 for attempt in attempts)

    async def test_an_unknown_attempt_that_was_cancelled_never_starts(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.cancel(1001)
        cancelled = await witness.ended(1001)
        runtime.submit(premises.quick(1001))
        await until(lambda: len(witness.ends(1001)) == 2)

        assert [each.outcome for each in witness.ends(1001)] == ["cancelled", "cancelled"]
        assert cancelled.started_at is None
        assert runs(premises, 1001) == 0

    async def test_a_job_that_is_cancelled_in_the_turn_of_its_submission_ends_cancelled_or_done(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.endless(1001))
        runtime.cancel(1001)

        assert (await witness.ended(1001)).outcome == "cancelled"

    async def test_a_job_out_of_time_is_ended(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.endless(1001, timeout=0.3))
        ended = await witness.ended(1001)

        assert ended.outcome == "timed_out"
        assert ended.failure is not None
        assert ended.failure.code == "timeout"
        assert ended.started_at is not None
        assert ended.ended_at - ended.started_at >= 0.25

    async def test_many_jobs_all_end(self, runtime: Runtime, premises: Premises, witness: Witness) -> None:
        attempts = range(1001, 1051)
        for attempt in attempts:
            runtime.submit(premises.quick(attempt))
        ends = [await witness.ended(attempt) for attempt in attempts]

        assert {ended.outcome for ended in ends} == {"succeeded"}
        assert all(runs(premises, attempt) == 1 for attempt in attempts)

    async def test_a_closed_runtime_reports_nothing(
        self, runtime: Runtime, premises: Premises, witness: Witness
    ) -> None:
        runtime.submit(premises.endless(1001, timeout=0.2))
        await until(lambda: runs(premises, 1001))
        await runtime.close()
        before = len(witness.seen)
        successor = premises.open()
        after = Witness()
        successor.open(after)
        successor.recover(premises.endless(1001, timeout=0.2))
        ended = await after.ended(1001)
        await successor.close()

        assert len(witness.seen) == before
        assert ended.outcome in {"timed_out", "lost"}
        assert runs(premises, 1001) == 1

    async def test_a_job_of_a_kind_that_it_does_not_take_fails_for_good(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        if runtime.capabilities.commands:
            job = Job(attempt=1001, label="neither", work=Command())
        else:
            job = Job(attempt=1001, label="a command", work=Command(script="true"))
        runtime.submit(job)
        ended = await witness.ended(1001)

        assert ended.outcome == "failed"
        assert ended.failure is not None
        assert ended.failure.final
