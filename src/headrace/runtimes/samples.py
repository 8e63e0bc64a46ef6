"""The file `.samples` of an attempt: processor and memory over time, thinned so that it never grows large.

A header `<8sd8x` (the word `headrace`, the seconds that a new record covers) and after it records `<dffQ`:
end of the interval (Unix seconds), its length (seconds), cores used on average, most resident bytes.
Header and records have 24 bytes each, so what a cut-off write left is a remainder and is ignored.
With the thousandth record each two become one (averages weighed by their lengths, memory the greater), and
new ones cover twice the time.
Records adjoin, so the sum of length times cores is the processor time up to the end of the last one.
"""

from __future__ import annotations

import contextlib
import os
import struct
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

LIMIT = 1000
"""Points of one attempt (AkoFlow section 4.5)."""

_HEADER = struct.Struct("<8sd8x")
_RECORD = struct.Struct("<dffQ")
_WORD = b"headrace"
_FIRST_INTERVAL = 1.0
_EARLY = 0.9
"""Share of an interval after which a look ends it: looks do not come by the clock's second."""


class Point(NamedTuple):
    """What was used in one interval."""

    at: float
    """End of the interval, Unix seconds."""
    seconds: float
    cores: float
    """Used on average."""
    memory: int
    """Most resident bytes of all processes together."""


class Samples(NamedTuple):
    """What an attempt used over time."""

    points: tuple[Point, ...]
    """Oldest first."""
    interval: float
    """Seconds that the next point will cover."""

    @property
    def cpu_seconds(self) -> float:
        """Processor time up to the last point."""
        return sum(point.seconds * point.cores for point in self.points)

    @property
    def max_memory(self) -> int:
        """Most bytes of any point."""
        return max((point.memory for point in self.points), default=0)


def parse(content: bytes) -> Samples | None:
    """Return what a file says; None for one that is none of ours or has no whole record."""
    if len(content) < _HEADER.size + _RECORD.size:
        return None
    word, interval = _HEADER.unpack_from(content)
    if word != _WORD:
        return None
    whole = len(content) // _RECORD.size * _RECORD.size
    points = tuple(starmap(Point, _RECORD.iter_unpack(content[_HEADER.size : whole])))
    return Samples(points, interval)


def read(path: str | Path) -> Samples | None:
    """Return the samples of an attempt, also while it runs; None while there are none."""
    try:
        return parse(Path(path).read_bytes())
    except OSError:
        return None


def thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return points of twice the length; an odd last one stays as it is."""
    halves = zip(points[::2], points[1::2], strict=False)
    return (*(_merged(*pair) for pair in halves), *points[len(points) & ~1 :])


def _merged(first: Point, second: Point) -> Point:
    seconds = first.seconds + second.seconds
    cores = (first.cores * first.seconds + second.cores * second.seconds) / seconds
    return Point(second.at, seconds, cores, max(first.memory, second.memory))


class Track:
    """The samples of an attempt that is running; a later server goes on where an earlier one stopped."""

    __slots__ = (
        "_began",
        "_count",
        "_interval",
        "_looked",
        "_most",
        "_path",
        "_seen",
        "_spent",
        "cpu_seconds",
        "peak",
    )

    def __init__(self, path: str, started_at: float) -> None:
        """`started_at` is in Unix seconds; the file is read here, so not on the event loop's thread."""
        known = read(path)
        self._path = path
        self._interval = known.interval if known else _FIRST_INTERVAL
        self._count = len(known.points) if known else 0
        self._began = self._looked = known.points[-1].at if known else started_at
        self._seen = self.cpu_seconds = known.cpu_seconds if known else 0.0
        self.peak = known.max_memory if known else 0
        """Most bytes ever seen."""
        self._spent, self._most = 0.0, 0
        if known:
            with contextlib.suppress(OSError):
                os.truncate(path, _HEADER.size + self._count * _RECORD.size)

    def add(self, now: float, cpu_seconds: float, memory: int) -> None:
        """Take what was seen: processor time so far, which may shrink when a process is gone, and bytes."""
        spent = max(0.0, cpu_seconds - self._seen)
        self._seen = cpu_seconds
        self._spent += spent
        self.cpu_seconds += spent
        self._most = max(self._most, memory)
        self.peak = max(self.peak, memory)
        self._looked = now
        if now - self._began >= self._interval * _EARLY:
            self._keep()

    def close(self) -> None:
        """Keep what was seen since the last point; the attempt is over."""
        if self._looked > self._began:
            self._keep()

    def _keep(self) -> None:
        seconds = self._looked - self._began
        point = Point(self._looked, seconds, self._spent / seconds, self._most)
        self._began, self._spent, self._most = self._looked, 0.0, 0
        with contextlib.suppress(OSError):  # a full disk costs samples, nothing else
            if self._count == 0:
                Path(self._path).write_bytes(self._header() + _RECORD.pack(*point))
            else:
                with open(self._path, "ab", buffering=0) as file:  # noqa: PTH123 - for every point
                    file.write(_RECORD.pack(*point))
            self._count += 1
            if self._count >= LIMIT:
                self._thin()

    def _thin(self) -> None:
        known = read(self._path)
        points = thinned(known.points) if known else ()
        self._interval *= 2
        self._count = len(points)
        fresh = Path(f"{self._path}.new")
        fresh.write_bytes(self._header() + b"".join(_RECORD.pack(*point) for point in points))
        fresh.replace(self._path)

    def _header(self) -> bytes:
        return _HEADER.pack(_WORD, self._interval)
