"""The measure of shell steps: `seq N | xargs -P AT_ONCE -n1 sh -c true`, which remembers nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.stage import Contestant
from bench.works import Work


class Xargs:
    """A `Contestant`."""

    version = "xargs (remembers nothing)"
    flushes = False

    def prepare(self, work: Work) -> None:
        """Nothing."""

    def run(self, work: Work) -> None:
        """Run the pipeline."""
        command = f"seq {work.size} | xargs -P{work.at_once} -n1 sh -c true"
        subprocess.run(["sh", "-c", command], check=True)

    def remembered(self, work: Work) -> int:
        """As many as it was asked for: nobody keeps a record."""
        return work.size

    def close(self) -> None:
        """Nothing stays open."""


def enter(directory: Path) -> Contestant:  # noqa: ARG001 - nothing is kept
    """Return the contestant that works in a directory."""
    return Xargs()
