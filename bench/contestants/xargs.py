"""The measure of shell steps: `seq N | xargs -P AT_ONCE -n1 sh -c true`, which remembers nothing.

For a graph of activities it is `xargs -P AT_ONCE -n1 bash` on a file per activity, in the order in which they
are written; nobody waits for anybody.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench import graphs
from bench.stage import Contestant
from bench.works import Work


class Xargs:
    """A `Contestant`."""

    version = "xargs (remembers nothing)"
    flushes = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self, work: Work) -> None:
        """Write the scripts of activities."""
        if work.shape == "genome":
            activities = graphs.of_work(work, "")
            for activity in activities:
                (self._directory / activity.name).write_text(f"{activity.run}\n", encoding="utf-8")
            names = "".join(f"{activity.name}\n" for activity in activities)
            (self._directory / "names").write_text(names, encoding="utf-8")

    def run(self, work: Work) -> None:
        """Run the pipeline."""
        command = f"seq {work.size} | xargs -P{work.at_once} -n1 sh -c true"
        if work.shape == "genome":
            command = f"xargs -P{work.at_once} -n1 bash <names"
        subprocess.run(["sh", "-c", command], cwd=self._directory, check=True)

    def remembered(self, work: Work) -> int:
        """As many as it was asked for: nobody keeps a record."""
        return work.size

    def close(self) -> None:
        """Nothing stays open."""


def enter(directory: Path) -> Contestant:
    """Return the contestant that works in a directory."""
    return Xargs(directory)
