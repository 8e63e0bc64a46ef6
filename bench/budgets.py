"""What must be reached, and whether it was: pure comparisons of figures with the budgets of the design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import History, Judgement, LargeRun, Standing, Stay, Submissions
from bench.works import Work

MOST_MILLISECONDS = {"chain": 0.4, "fanout": 0.2}
"""Per task, durably."""

LEAST_LEAD = {"chain": 5.0, "fanout": 12.0}
"""How many times as long the best durable peer must take."""

LEAST_RATE_OF_XARGS = {"shell": 0.8, "genome": 0.75}
"""Of the rate of `xargs`, two steps at once."""

MOST_OF_THREADS = 1.15
"""Times what two bare threads take for the same graph of scripts."""

MOST_SUBMISSION = 2.5
"""Milliseconds at the median, from the request until it is seen done."""

MOST_START = 1.5
"""Seconds until ready."""

MOST_IDLE = 120.0
MOST_AFTER = 200.0
"""MiB of resident memory."""

MOST_HISTORY = 1.2
"""Times the p99 of an empty server."""

MOST_JUDGEMENT = 50.0
"""Milliseconds of processor time until a document of 1,000 tasks is known to be right."""

MOST_ACCEPTANCE = 3.0
"""Seconds until a large document is accepted and started."""

MOST_LARGE = 300.0
"""MiB of resident memory at any time of a large run."""

MOST_GROWTH = 1.5
"""Times what an activity costs in a run of a tenth of the size."""


@dataclass(frozen=True)
class Verdict:
    """One budget, and what was found."""

    work: str
    wanted: str
    found: str
    is_met: bool


def of_work(work: Work, standings: Sequence[Standing]) -> list[Verdict]:
    """Return the verdicts of one piece of work; the first standing is ours, then come the peers."""
    ours, *peers = standings
    match work.shape:
        case "chain" | "fanout":
            return [_time(work, ours), *_lead(work, ours, peers), _rows(work, ours)]
        case "shell" | "genome":
            return [*_rate(work, ours, peers), _rows(work, ours)]
        case "montage":
            return [*_share(work, ours, peers), _rows(work, ours)]


def of_submissions(found: Sequence[Submissions]) -> list[Verdict]:
    """Return the verdicts of all ways of submitting."""
    work = "one-task workflow over HTTP"
    return [
        verdict
        for each in found
        for verdict in (
            at_most(f"{work}: {each.way}", MOST_SUBMISSION, each.p50, "ms at p50"),
            Verdict(f"{work}: {each.way}", "nothing missing at return", f"{each.missing}", each.missing == 0),
        )
    ]


def of_stay(stay: Stay) -> list[Verdict]:
    """Return the verdicts of starting and staying."""
    after = f"memory after {stay.executions:,} executions"
    return [
        at_most("start on an empty data directory", MOST_START, stay.first_start, "s"),
        at_most("memory after the start", MOST_IDLE, stay.idle, "MiB"),
        at_most(after, MOST_AFTER, stay.after, "MiB"),
    ]


def of_history(history: History) -> list[Verdict]:
    """Return the verdict of a long history."""
    work = f"p99 of a submission after {history.task_runs:,} task runs"
    return [at_most(work, MOST_HISTORY, history.full_p99 / history.empty_p99, "× that of an empty server")]


def of_judgement(found: Judgement) -> list[Verdict]:
    """Return the verdict of judging a document."""
    return [at_most(f"Data Flow, {found.tasks:,} tasks judged", MOST_JUDGEMENT, found.cpu, "ms of processor")]


def of_large(small: LargeRun, large: LargeRun) -> list[Verdict]:
    """Return the verdicts of a large run, beside one of a tenth of its size."""
    work = f"AkoFlow, {large.activities:,} activities"
    return [
        at_most(f"{work}: accepted and started", MOST_ACCEPTANCE, large.accepted, "s"),
        at_most(f"{work}: memory", MOST_LARGE, large.memory, "MiB"),
        at_most(
            f"{work}: ms per activity",
            MOST_GROWTH,
            large.each / small.each,
            f"× that of {small.activities:,}",
        ),
    ]


def at_most(work: str, limit: float, found: float, unit: str) -> Verdict:
    """Return the verdict of a figure that has an upper bound."""
    return Verdict(work, f"≤ {limit:g} {unit}", f"{found:.3g} {unit}", found <= limit)


def _time(work: Work, ours: Standing) -> Verdict:
    return at_most(work.title, MOST_MILLISECONDS[work.shape], ours.figures.median, "ms per task")


def _lead(work: Work, ours: Standing, peers: Sequence[Standing]) -> list[Verdict]:
    durable = [peer for peer in peers if peer.flushes]
    if not durable:
        return []
    best = min(durable, key=lambda peer: peer.figures.median)
    lead = best.figures.median / ours.figures.median
    least = LEAST_LEAD[work.shape]
    return [Verdict(work.title, f"≥ {least:g} × {best.name}", f"{lead:.3g} ×", lead >= least)]


def _rate(work: Work, ours: Standing, peers: Sequence[Standing]) -> list[Verdict]:
    # Only two at once has a budget; more than the machine has cores measures the scheduler of the kernel.
    if not peers or work.at_once != 2:
        return []
    rate = peers[0].figures.median / ours.figures.median
    least = LEAST_RATE_OF_XARGS[work.shape]
    return [Verdict(work.title, f"≥ {least:g} of the rate of xargs", f"{rate:.3g}", rate >= least)]


def _share(work: Work, ours: Standing, peers: Sequence[Standing]) -> list[Verdict]:
    if not peers:
        return []
    share = ours.figures.median / peers[0].figures.median
    return [at_most(work.title, MOST_OF_THREADS, share, "× the time of two threads")]


def _rows(work: Work, ours: Standing) -> Verdict:
    found = f"{ours.figures.rows:,}"
    return Verdict(work.title, f"{work.tasks:,} ended rows at return", found, ours.figures.is_complete)
