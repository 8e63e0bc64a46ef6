"""Figures out of repetitions: pure arithmetic, no clocks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Turn:
    """What one repetition cost one contestant."""

    seconds: float
    """From asking until whoever asked knows that it is done."""
    cpu: float
    """CPU seconds of the contestant, of its children, and of its database."""
    rows: int
    """Ended tasks that its store held right afterwards."""


@dataclass(frozen=True)
class Figures:
    """What the repetitions of one contestant come to, per task, in milliseconds."""

    median: float
    fastest: float
    slowest: float
    cpu: float
    """CPU time at the median."""
    rows: int
    """The fewest that were found."""
    expected_rows: int

    @property
    def is_complete(self) -> bool:
        """Whether every repetition left all that it must."""
        return self.rows == self.expected_rows


@dataclass(frozen=True)
class Standing:
    """One contestant and what it came to."""

    name: str
    flushes: bool
    """Whether what it acknowledges is on the disk."""
    figures: Figures


@dataclass(frozen=True)
class Submissions:
    """What one way of submitting comes to; the medians of all rounds, in milliseconds."""

    way: str
    p50: float
    p99: float
    cpu: float
    """CPU time of the server per submission."""
    missing: int
    """Executions whose end was told and not found in the store."""


@dataclass(frozen=True)
class Stay:
    """What a server is like before and after much work."""

    first_start: float
    """Seconds from the start of the process until it is ready, on an empty data directory."""
    later_start: float
    """The same on the directory with everything that was done."""
    idle: float
    """Resident memory after the start, in MiB."""
    after: float
    """Resident memory after all executions, in MiB."""
    executions: int


@dataclass(frozen=True)
class LargeRun:
    """One run of an AkoFlow document of many activities."""

    activities: int
    edges: int
    accepted: float
    """Seconds until the answer to the document, which is sent when the run has begun."""
    each: float
    """Milliseconds per activity, from the answer until the run is over."""
    memory: float
    """Most resident memory of the server so far, in MiB."""


@dataclass(frozen=True)
class Judgement:
    """What it costs to find that a document is right."""

    tasks: int
    size: int
    """Bytes of the document."""
    cpu: float
    """Milliseconds of processor time, at the median."""


@dataclass(frozen=True)
class History:
    """Submissions to a server with a long history and to an empty one, in milliseconds."""

    task_runs: int
    """Finished task runs of the one."""
    empty_p99: float
    full_p99: float


def figures(turns: Sequence[Turn], tasks: int) -> Figures:
    """Return the figures of at least one repetition of `tasks` tasks."""
    per_task = [turn.seconds * MILLISECONDS / tasks for turn in turns]
    return Figures(
        median=statistics.median(per_task),
        fastest=min(per_task),
        slowest=max(per_task),
        cpu=statistics.median(turn.cpu * MILLISECONDS / tasks for turn in turns),
        rows=min((turn.rows for turn in turns), key=lambda rows: (rows == tasks, rows)),
        expected_rows=tasks,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]
