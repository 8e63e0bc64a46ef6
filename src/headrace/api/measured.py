"""What an attempt used over time, as the native API shows it."""

from __future__ import annotations

from msgspec import Struct

from headrace.api.values import moment_of
from headrace.runtimes.samples import Samples


class PointShown(Struct, frozen=True, kw_only=True):
    """What the processes of an attempt used in one interval."""

    at: str
    """End of the interval."""
    seconds: float
    cores: float
    """Used on average."""
    memory: int
    """Most resident bytes of all processes together."""


class MetricsShown(Struct, frozen=True, kw_only=True):
    """What an attempt used over time; at most 1,000 points, none of one that was over within a second."""

    attempt: int | None
    """Number of the attempt, null while there is none."""
    points: list[PointShown]


def metrics_shown(attempt: int | None, samples: Samples | None) -> MetricsShown:
    """Return the samples of an attempt as answers show them."""
    points = () if samples is None else samples.points
    shown = [
        PointShown(
            at=moment_of(point.at),
            seconds=round(point.seconds, 3),
            cores=round(point.cores, 3),
            memory=point.memory,
        )
        for point in points
    ]
    return MetricsShown(attempt=attempt, points=shown)
