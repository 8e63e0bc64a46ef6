"""Ends are told in bursts, and wait for company only while nobody could use what they make ready."""

from __future__ import annotations

import asyncio

from headrace.runtimes.protocol import JobEnded
from headrace.runtimes.reports import Reports
from headrace.testing.witness import Witness


def ended(attempt: int) -> JobEnded:
    return JobEnded(attempt=attempt, outcome="succeeded", started_at=1.0, ended_at=2.0)


async def turn() -> None:
    """Let the loop take the turn that was asked for."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_an_end_is_told_on_the_next_turn() -> None:
    witness = Witness()
    reports = Reports(asyncio.get_running_loop(), witness)
    reports.end(ended(1001))
    before = list(witness.seen)
    await turn()

    assert before == []
    assert witness.seen == [ended(1001)]


async def test_ends_linger_on_a_full_machine_and_are_told_together() -> None:
    witness = Witness()
    reports = Reports(asyncio.get_running_loop(), witness, lambda: True)
    reports.end(ended(1001))
    await turn()
    reports.end(ended(1002))
    await turn()
    before = list(witness.seen)
    await witness.ended(1002)

    assert before == []
    assert witness.seen == [ended(1001), ended(1002)]


async def test_who_lingers_is_told_at_once_when_the_machine_has_room() -> None:
    witness = Witness()
    is_full = True
    reports = Reports(asyncio.get_running_loop(), witness, lambda: is_full)
    reports.end(ended(1001))
    is_full = False
    reports.end(ended(1002))
    await turn()

    assert witness.seen == [ended(1001), ended(1002)]


async def test_who_lingers_can_be_hurried() -> None:
    witness = Witness()
    is_full = True
    reports = Reports(asyncio.get_running_loop(), witness, lambda: is_full)
    reports.end(ended(1001))
    is_full = False
    reports.hurry()
    reports.hurry()
    await turn()

    assert witness.seen == [ended(1001)]


async def test_a_lingering_end_is_known_and_is_not_told_after_closing() -> None:
    witness = Witness()
    reports = Reports(asyncio.get_running_loop(), witness, lambda: True)
    reports.end(ended(1001))
    known = 1001 in reports
    reports.close()
    reports.hurry()
    await turn()

    assert known
    assert witness.seen == []
