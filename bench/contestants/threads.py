"""The measure of a graph of scripts: a bare runner of two threads that knows what waits for what.

It starts `bash FILE` for each activity as soon as its dependencies have ended, keeps no record and no logs.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from bench import graphs, sky
from bench.graphs import Activity
from bench.stage import Contestant
from bench.works import Work


class Threads:
    """A `Contestant`."""

    version = "threads (remember nothing)"
    flushes = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._activities: list[Activity] = []
        self._runs = 0
        self._ended = 0

    def prepare(self, work: Work) -> None:
        """Write the scripts."""
        self._activities = graphs.of_work(work, sky.images(self._directory))
        for activity in self._activities:
            self._script(activity.name).write_text(f"{activity.run}\n", encoding="utf-8")

    def run(self, work: Work) -> None:
        """Run all in an order that their dependencies allow, in a fresh directory."""
        self._runs += 1
        where = self._directory / f"run{self._runs}"
        where.mkdir()
        missing = {activity.name: len(activity.after) for activity in self._activities}
        followers: dict[str, list[str]] = {name: [] for name in missing}
        for activity in self._activities:
            for source in activity.after:
                followers[source].append(activity.name)
        running: dict[Future[None], str] = {}
        self._ended = 0
        with ThreadPoolExecutor(work.at_once) as threads:
            ready = [name for name, count in missing.items() if count == 0]
            while ready or running:
                running |= {threads.submit(self._start, name, where): name for name in ready}
                ready = []
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    done.result()
                    self._ended += 1
                    for name in followers[running.pop(done)]:
                        missing[name] -= 1
                        if missing[name] == 0:
                            ready.append(name)

    def _start(self, name: str, where: Path) -> None:
        subprocess.run(["bash", self._script(name)], cwd=where, stdin=subprocess.DEVNULL, check=True)

    def _script(self, name: str) -> Path:
        return self._directory / f"{name}.sh"

    def remembered(self, work: Work) -> int:  # noqa: ARG002 - the seam has it
        """Return how many ended: nobody keeps a record."""
        return self._ended

    def close(self) -> None:
        """Nothing stays open."""


def enter(directory: Path) -> Contestant:
    """Return the contestant that works in a directory."""
    return Threads(directory)
