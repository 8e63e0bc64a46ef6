"""Luigi: tasks that have run when their output exists; the output is its only store, and it does not flush.

One process and its local scheduler, as `luigi.build(…, local_scheduler=True)` runs them.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path

import luigi

from bench.stage import Contestant, Declined
from bench.works import Work

MOST_TASKS = 2000
"""Ten times as many took a hundred times as long, more than six minutes for one repetition of 10,000."""


class Noop(luigi.Task):
    """Do nothing, and say so in a file."""

    directory: str = luigi.Parameter()
    name: str = luigi.Parameter()

    def output(self) -> luigi.LocalTarget:
        """The file that says that the task has run."""
        return luigi.LocalTarget(f"{self.directory}/{self.name}")

    def run(self) -> None:
        """Write the file."""
        with self.output().open("w"):
            pass


class Link(Noop):
    """A task of the chain."""

    index: int = luigi.IntParameter()

    def requires(self) -> list[luigi.Task]:
        """The link before."""
        before = self.index - 1
        return [Link(directory=self.directory, name=f"t{before}", index=before)] if self.index else []


class Between(Noop):
    """A task of the fan-out."""

    def requires(self) -> luigi.Task:
        """The first task."""
        return Noop(directory=self.directory, name="first")


class Last(Noop):
    """The last task of the fan-out."""

    size: int = luigi.IntParameter()

    def requires(self) -> list[luigi.Task]:
        """All tasks between."""
        return [Between(directory=self.directory, name=f"t{index}") for index in range(self.size)]


class Luigi:
    """A `Contestant`."""

    version = f"Luigi {version('luigi')} (files, not flushed)"
    flushes = False

    def __init__(self, directory: Path) -> None:
        logging.disable(logging.WARNING)
        self._directory = directory
        self._runs = 0

    def prepare(self, work: Work) -> None:
        """Nothing but a look at the size: the tasks are classes of this file."""
        if work.size > MOST_TASKS:
            raise Declined("its scheduler looks at all tasks before each one, and would take minutes")

    def run(self, work: Work) -> None:
        """Build the last task, and with it all that it needs."""
        self._runs += 1
        directory = str(self._place())
        last: luigi.Task
        match work.shape:
            case "chain":
                index = work.size - 1
                last = Link(directory=directory, name=f"t{index}", index=index)
            case "fanout":
                last = Last(directory=directory, name="last", size=work.size)
            case "shell" | "genome" | "montage":
                raise NotImplementedError
        if not luigi.build([last], local_scheduler=True, log_level="ERROR"):
            raise RuntimeError("Luigi did not build it.")

    def remembered(self, work: Work) -> int:  # noqa: ARG002 - one question for all work
        """Count the files."""
        return sum(1 for _ in self._place().iterdir())

    def _place(self) -> Path:
        return self._directory / f"run{self._runs}"

    def close(self) -> None:
        """Nothing stays open."""


def enter(directory: Path) -> Contestant:
    """Return the contestant that works in a directory."""
    return Luigi(directory)
