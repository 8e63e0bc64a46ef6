"""What must be reached, and whether it was."""

from __future__ import annotations

import pytest
from bench import budgets
from bench.figures import Figures, History, Judgement, Standing, Stay, Submissions
from bench.works import Work

CHAIN = Work("chain", 40)
SHELL = Work("shell", 500, at_once=2)


def standing(
    name: str, median: float, work: Work, *, flushes: bool = True, rows: int | None = None
) -> Standing:
    found = work.tasks if rows is None else rows
    return Standing(
        name,
        flushes,
        Figures(
            median=median, fastest=median, slowest=median, cpu=median, rows=found, expected_rows=work.tasks
        ),
    )


def test_the_lead_is_over_the_best_peer_that_flushes() -> None:
    found = budgets.of_work(
        CHAIN,
        [
            standing("ours", 0.4, CHAIN),
            standing("slow", 9.0, CHAIN),
            standing("best", 2.4, CHAIN),
            standing("forgetful", 0.1, CHAIN, flushes=False),
        ],
    )

    assert [(each.wanted, each.found, each.is_met) for each in found] == [
        ("≤ 0.4 ms per task", "0.4 ms per task", True),
        ("≥ 5 × best", "6 ×", True),
        ("40 ended rows at return", "40", True),
    ]


def test_without_a_peer_that_flushes_there_is_no_lead() -> None:
    found = budgets.of_work(
        CHAIN, [standing("ours", 0.5, CHAIN), standing("forgetful", 9.0, CHAIN, flushes=False)]
    )

    assert [each.is_met for each in found] == [False, True]


def test_a_row_that_is_missing_misses_the_budget() -> None:
    found = budgets.of_work(CHAIN, [standing("ours", 0.1, CHAIN, rows=39)])

    assert [each.is_met for each in found] == [True, False]


@pytest.mark.parametrize(("ours", "is_met"), [(1.25, True), (1.26, False)])
def test_shell_steps_are_measured_by_the_rate_of_xargs(ours: float, is_met: bool) -> None:
    found = budgets.of_work(
        SHELL, [standing("ours", ours, SHELL), standing("xargs", 1.0, SHELL, flushes=False)]
    )

    assert found[0].is_met is is_met


def test_only_two_steps_at_once_have_a_budget() -> None:
    work = Work("shell", 500, at_once=16)
    found = budgets.of_work(work, [standing("ours", 9.0, work), standing("xargs", 1.0, work, flushes=False)])

    assert [each.wanted for each in found] == ["500 ended rows at return"]


def test_the_server_is_measured_by_time_memory_and_history() -> None:
    ways = [Submissions("one request", p50=2.5, p99=9.0, cpu=1.0, missing=1)]
    stay = Stay(first_start=1.4, later_start=1.4, idle=121.0, after=199.0, executions=10_000)

    assert [each.is_met for each in budgets.of_submissions(ways)] == [True, False]
    assert [each.is_met for each in budgets.of_stay(stay)] == [True, False, True]
    assert budgets.of_history(History(1000, empty_p99=2.0, full_p99=2.3))[0].is_met
    assert [budgets.of_judgement(Judgement(1000, 1, cpu))[0].is_met for cpu in (50.0, 50.1)] == [True, False]
    assert not budgets.of_history(History(1000, empty_p99=2.0, full_p99=2.5))[0].is_met
