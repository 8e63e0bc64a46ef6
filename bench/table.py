"""The tables that people read, as Markdown: pure text."""

from __future__ import annotations

from collections.abc import Sequence

from bench.budgets import Verdict
from bench.figures import History, Judgement, LargeRun, Standing, Stay, Submissions

COMPARISON = (
    "",
    "ms per task",
    "fastest – slowest",
    "time, Headrace = 1",
    "CPU ms per task",
    "rows at return",
)


def comparison(standings: Sequence[Standing]) -> str:
    """Return the table of one piece of work; the first standing is the measure of the others."""
    ours = standings[0].figures
    return markdown(
        COMPARISON,
        [
            (
                standing.name,
                digits(standing.figures.median),
                f"{digits(standing.figures.fastest)} – {digits(standing.figures.slowest)}",
                digits(standing.figures.median / ours.median),
                digits(standing.figures.cpu),
                rows(standing),
            )
            for standing in standings
        ],
    )


def submissions(found: Sequence[Submissions]) -> str:
    """Return the table of all ways of submitting."""
    return markdown(
        ("", "p50 ms", "p99 ms", "CPU ms of the server", "missing at return"),
        [
            (each.way, digits(each.p50), digits(each.p99), digits(each.cpu), str(each.missing))
            for each in found
        ],
    )


def stay(found: Stay) -> str:
    """Return the table of starting and staying."""
    return markdown(
        ("", ""),
        [
            ("start to ready, on an empty data directory", f"{digits(found.first_start)} s"),
            (
                f"start to ready, after {found.executions:,} executions",
                f"{digits(found.later_start)} s",
            ),
            ("resident memory after the start", f"{found.idle:.0f} MiB"),
            (f"resident memory after {found.executions:,} one-task executions", f"{found.after:.0f} MiB"),
        ],
    )


def large(found: Sequence[LargeRun]) -> str:
    """Return the table of large runs."""
    return markdown(
        ("activities", "edges", "accepted after s", "ms per activity", "most memory, MiB"),
        [
            (f"{run.activities:,}", f"{run.edges:,}", *map(digits, (run.accepted, run.each, run.memory)))
            for run in found
        ],
    )


def judgement(found: Judgement) -> str:
    """Return the table of judging a document."""
    return markdown(
        ("Data Flow document", "KiB", "processor ms"),
        [(f"{found.tasks:,} tasks", digits(found.size / 1024), digits(found.cpu))],
    )


def history(found: History) -> str:
    """Return the table of the long history."""
    return markdown(
        ("one-task workflow over HTTP, in turn", "p99 ms"),
        [
            ("on an empty server", digits(found.empty_p99)),
            (f"on a server with {found.task_runs:,} finished task runs", digits(found.full_p99)),
        ],
    )


def verdicts(found: Sequence[Verdict]) -> str:
    """Return the table of the budgets."""
    return markdown(
        ("work", "must reach", "found", ""),
        [(each.work, each.wanted, each.found, "met" if each.is_met else "**missed**") for each in found],
    )


def rows(standing: Standing) -> str:
    """Return how much of the work the store held at the moment of return."""
    found, expected = standing.figures.rows, standing.figures.expected_rows
    return f"{found:,}" if standing.figures.is_complete else f"**{found:,} of {expected:,}**"


def digits(value: float) -> str:
    """Return a figure with three significant digits, as nobody measures better."""
    if value == 0:
        return "0"
    decimals = 2
    while abs(value) < 10 ** (1 - decimals) and decimals < 6:
        decimals += 1
    while abs(value) >= 10 ** (3 - decimals) and decimals > 0:
        decimals -= 1
    return f"{value:,.{decimals}f}"


def markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return an aligned table; the first column is text, the others stand to the right."""
    cells = [list(header), *(list(line) for line in lines)]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(len(header))]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [_aligned(line, widths) for line in cells]
    return "\n".join([aligned[0], _aligned(ruler, widths), *aligned[1:]])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first = line[0].ljust(widths[0])
    rest = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
    return f"| {' | '.join([first, *rest])} |"
