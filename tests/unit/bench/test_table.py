"""The tables that people read."""

from __future__ import annotations

import pytest
from bench import table
from bench.figures import Figures, Standing


def standing(name: str, median: float, rows: int = 1000) -> Standing:
    figures = Figures(
        median=median, fastest=median / 2, slowest=median * 2, cpu=median, rows=rows, expected_rows=1000
    )
    return Standing(name, flushes=True, figures=figures)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.0499, "0.050"),
        (0.001234, "0.0012"),
        (0.5, "0.50"),
        (1, "1.00"),
        (9.999, "10.00"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
    ],
)
def test_a_figure_has_two_or_three_digits_that_count(value: float, shown: str) -> None:
    assert table.digits(value) == shown


def test_a_table_is_aligned() -> None:
    assert table.markdown(("who", "ms"), [("a", "1.00"), ("longer", "22")]) == (
        "| who    |   ms |\n"
        "| ------ | ---: |\n"
        "| a      | 1.00 |\n"
        "| longer |   22 |"
    )  # fmt: skip


def test_a_comparison_measures_everybody_by_the_first() -> None:
    lines = table.comparison([standing("ours", 0.5), standing("theirs", 2.0)]).splitlines()

    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "ours", "0.50", "0.25 – 1.00", "1.00", "0.50", "1,000",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == [
        "theirs", "2.00", "1.00 – 4.00", "4.00", "2.00", "1,000",
    ]  # fmt: skip


def test_rows_that_are_missing_stand_out() -> None:
    assert table.rows(standing("ours", 1.0, rows=999)) == "**999 of 1,000**"
