"""How the declared limits of an attempt are held: by the kernel, or by watching.

`bounds_of_this_machine` chooses; see `cgroups` for the kernel's way.
Watching finds a process that takes too much within a quarter of a second or so, never sooner, and a process
that began a session of its own escapes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from headrace.runtimes.protocol import Job


class Bounds(Protocol):
    """Holds running attempts to their limits."""

    limits: tuple[str, ...]
    """What is held and how, as in `memory:watched`."""

    def enclose(self, attempt: int, job: Job) -> str:
        """Make ready what bounds a job; return shell text, often none, by which its process enters.

        Raises OSError when the machine refuses.
        """

    def watched(self, job: Job) -> int | None:
        """Return the bytes above which the attempt must be stopped by us, or None."""

    def release(self, attempt: int, job: Job) -> int | None:
        """Take away what bounded an attempt that is over; its bytes if the kernel ended it for them."""


class Watching:
    """Memory is watched from outside, processors are bounded by packing alone."""

    limits: tuple[str, ...] = ("cpu:packed", "memory:watched")

    def enclose(self, attempt: int, job: Job) -> str:  # noqa: ARG002 - the seam has them
        """Return nothing to do."""
        return ""

    def watched(self, job: Job) -> int | None:
        """Return the declared memory."""
        return job.memory

    def release(self, attempt: int, job: Job) -> int | None:  # noqa: ARG002 - the seam has them
        """Return None: nothing was made."""
        return None


def bounds_of_this_machine(attempts: Path) -> Bounds:
    """Return the best that this machine allows a server whose attempts lie here."""
    from headrace.runtimes import cgroups  # it stands on this module

    return cgroups.of_this_process(attempts) or Watching()
