"""What a user of the server meets: how long a start takes, a submission, and how much memory it keeps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import graphs
from bench.figures import MILLISECONDS, History, LargeRun, Stay, Submissions, percentile
from bench.rivals import Rival
from bench.serving import Served, served
from bench.works import Work


class _Rounds:
    """Repeated rounds of one way of submitting."""

    def __init__(self, way: str, submit: Callable[[str], float]) -> None:
        self.way = way
        self._submit = submit
        self._p50: list[float] = []
        self._p99: list[float] = []
        self._cpu: list[float] = []
        self._missing = 0

    def take(self, server: Served, path: str, count: int) -> None:
        """Submit so many, one after the other."""
        missing, cpu = server.missing, server.cpu_seconds
        seconds = [self._submit(path) for _ in range(count)]
        self._missing += server.missing - missing
        self._cpu.append((server.cpu_seconds - cpu) * MILLISECONDS / count)
        self._p50.append(percentile(seconds, 0.5) * MILLISECONDS)
        self._p99.append(percentile(seconds, 0.99) * MILLISECONDS)

    def result(self) -> Submissions:
        """Return what they come to."""
        median = statistics.median
        return Submissions(self.way, median(self._p50), median(self._p99), median(self._cpu), self._missing)


def stay(
    place: Path, repetitions: int, count: int, executions: int, tell: Callable[[str], None]
) -> tuple[list[Submissions], Stay]:
    """Start servers, submit `count` a round in both ways, and go on until there were so many executions."""
    _start(place / "compiled")
    first = [_start(place / f"start{index}") for index in range(repetitions)]
    tell(f"start on an empty directory: {statistics.median(first):.2f} s")
    home = place / "server"
    with served(home) as server:
        path = server.create()
        idle = server.memory
        server.start_and_wait(path)
        ways = [
            _Rounds("start, then ask until it is over", server.start_and_ask),
            _Rounds("start and wait in one request", server.start_and_wait),
        ]
        for index in range(repetitions):
            for way in ways if index % 2 == 0 else ways[::-1]:
                way.take(server, path, count)
                tell(f"{way.way}: {way.result().p50:.2f} ms")
        for _ in range(executions - 2 * repetitions * count - 1):
            server.start_and_wait(path)
        after = server.memory
    later = [_start(home) for _ in range(repetitions)]
    lasting = Stay(statistics.median(first), statistics.median(later), idle, after, executions)
    return [way.result() for way in ways], lasting


def history(
    place: Path, task_runs: int, repetitions: int, count: int, tell: Callable[[str], None]
) -> History:
    """Submit in turn to a server that has finished so many task runs and to one that has none."""
    work = Work("fanout", 998)
    writer = Rival("headrace", place / "full")
    writer.prepare(work)
    for index in range(0, task_runs, work.tasks):
        writer.turn(work)
        if index % 100_000 == 0:
            tell(f"history: {index:,} task runs")
    writer.close()
    empty: list[float] = []
    full: list[float] = []
    with served(place / "empty") as one, served(place / "full") as other:
        sides = [(one, one.create(), empty), (other, other.create(), full)]
        for server, path, _ in sides:
            for _ in range(count // 10):
                server.start_and_wait(path)
        for _ in range(repetitions * count):
            for server, path, seconds in sides:
                seconds.append(server.start_and_wait(path) * MILLISECONDS)
            sides.reverse()
    return History(task_runs, percentile(empty, 0.99), percentile(full, 0.99))


def _start(directory: Path) -> float:
    with served(directory) as server:
        return server.start_seconds


def large(place: Path, sizes: Sequence[tuple[int, int]], tell: Callable[[str], None]) -> list[LargeRun]:
    """Run AkoFlow documents of so many activities and edges, smallest first, on one server."""
    found: list[LargeRun] = []
    with served(place / "large") as server:
        # What a first run of anything costs belongs to no size.
        server.wait_for(server.submit(_layered(sizes[0]))[0])
        for size in sizes:
            number, accepted = server.submit(_layered(size))
            begun = time.perf_counter()
            server.wait_for(number)
            each = (time.perf_counter() - begun) * MILLISECONDS / size[0]
            found.append(LargeRun(*size, accepted, each, server.most_memory))
            tell(f"AkoFlow, {size[0]:,} activities: accepted after {accepted:.2f} s, {each:.2f} ms each")
    return found


def _layered(size: tuple[int, int]) -> str:
    return graphs.document("large", list(graphs.layered(*size)), 1)
