"""Figures out of repetitions."""

from __future__ import annotations

import pytest
from bench.figures import Turn, figures, percentile


def turn(seconds: float, *, cpu: float = 0.0, rows: int = 10) -> Turn:
    return Turn(seconds=seconds, cpu=cpu, rows=rows)


def test_figures_are_milliseconds_per_task() -> None:
    found = figures([turn(0.3, cpu=0.02), turn(0.1, cpu=0.01), turn(0.2, cpu=0.09)], tasks=10)

    assert found.median == pytest.approx(20)
    assert found.fastest == pytest.approx(10)
    assert found.slowest == pytest.approx(30)
    assert found.cpu == pytest.approx(2)


def test_one_slow_repetition_does_not_move_the_median() -> None:
    found = figures([turn(0.1), turn(0.1), turn(9.9)], tasks=10)

    assert found.median == pytest.approx(10)


@pytest.mark.parametrize(
    ("rows", "shown", "complete"),
    [([10, 10], 10, True), ([10, 7, 10], 7, False), ([10, 11], 11, False), ([0, 10], 0, False)],
)
def test_a_single_repetition_with_other_rows_is_shown(rows: list[int], shown: int, complete: bool) -> None:
    found = figures([turn(0.1, rows=each) for each in rows], tasks=10)

    assert found.rows == shown
    assert found.is_complete is complete


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    values = [float(each) for each in range(100, 0, -1)]

    assert percentile(values, share) == value


def test_the_percentile_of_one_value_is_that_value() -> None:
    assert percentile([3.0], 0.99) == 3.0
