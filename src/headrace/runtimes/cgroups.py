"""Holds attempts to their limits by groups of cgroup v2, where the server was given a group to divide.

**This has not been run on a real kernel interface**: no machine that it was written on had one; its steps are
tested on a directory tree that looks like one.

The server needs a group that is its own, with the memory controller and nobody else in it (systemd:
`Delegate=cpu memory`, and `DelegateSubgroup=server` so that it can be started again while attempts go on).
A group that has groups with controllers in it may hold no processes itself, so the server moves into `server`
beneath it; each attempt with a limit gets `headrace-<data directory>/<attempt>`, which its shell enters by
itself before it reads the user's text.
Groups of attempts that run on without a server are found again by their names; empty ones are removed.
Sources: cgroup v2 in the kernel's admin guide; systemd's page on delegation.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import zlib
from pathlib import Path

from headrace.runtimes.protocol import Job

MOUNT = Path("/sys/fs/cgroup")

_SERVER = "server"
_PERIOD = 100_000
"""Microseconds in which `cpu.max` counts: the kernel's default."""


def of_this_process(attempts: Path) -> Cgroups | None:
    """Return the groups that this process may make, or None when it has no group to divide."""
    try:
        entries = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    own = next((entry.removeprefix("0::") for entry in entries if entry.startswith("0::")), None)
    if own is None:
        return None
    return divide(MOUNT / own.lstrip("/"), f"headrace-{zlib.crc32(os.fsencode(attempts.absolute())):08x}")


def divide(own: Path, name: str) -> Cgroups | None:
    """Return groups beneath that of this process, or None when it may not have them.

    `name` tells the groups of one data directory from those of others.
    """
    root = own.parent if own.name == _SERVER else own
    try:
        offered = (root / "cgroup.controllers").read_text(encoding="ascii").split()
        if "memory" not in offered:
            return None
        controllers = [each for each in ("memory", "cpu") if each in offered]
        if own == root:
            if (root / "cgroup.procs").read_text(encoding="ascii").split() != [str(os.getpid())]:
                return None  # others live here too, and moving them is not for us
            server = root / _SERVER
            server.mkdir(exist_ok=True)
            _write(server / "cgroup.procs", str(os.getpid()))
        enable = " ".join(f"+{each}" for each in controllers)
        _write(root / "cgroup.subtree_control", enable)
        house = root / name
        house.mkdir(exist_ok=True)
        _write(house / "cgroup.subtree_control", enable)
    except OSError:  # not ours, read only, or without controllers
        return None
    return Cgroups(house, bounds_cpu="cpu" in controllers)


class Cgroups:
    """One group for each running attempt that has a limit."""

    def __init__(self, house: Path, *, bounds_cpu: bool) -> None:
        self.limits: tuple[str, ...] = ("cpu:cgroup" if bounds_cpu else "cpu:packed", "memory:cgroup")
        self._house = house
        self._bounds_cpu = bounds_cpu
        self._emptying: set[Path] = {each for each in house.iterdir() if each.is_dir()}
        """Groups to remove as soon as nobody is in them."""
        self._sweep()
        self._emptying.clear()  # what is left is running

    def enclose(self, attempt: int, job: Job) -> str:
        """Make the group of an attempt, and return how its shell enters it."""
        if not self._has_group(job):
            return ""
        group = self._house / str(attempt)
        group.mkdir(exist_ok=True)
        if job.memory is not None:
            _write(group / "memory.max", str(job.memory))
            _write(group / "memory.oom.group", "1")
        if job.cpus is not None and self._bounds_cpu:
            _write(group / "cpu.max", f"{max(1000, round(job.cpus * _PERIOD))} {_PERIOD}")
        return f"echo 0 >{shlex.quote(str(group / 'cgroup.procs'))}||exit 126;"

    def watched(self, job: Job) -> int | None:  # noqa: ARG002 - the seam has it
        """Return None: the kernel watches."""
        return None

    def release(self, attempt: int, job: Job) -> int | None:
        """Remove the group of an attempt; return its peak in bytes if the kernel ended it for its memory."""
        if not self._has_group(job):
            return None
        group = self._house / str(attempt)
        killed = _killed(group)
        peak = _number(group / "memory.peak") or job.memory if killed else None  # the file came with 5.19
        self._emptying.add(group)
        self._sweep()
        return peak

    def _has_group(self, job: Job) -> bool:
        return job.memory is not None or (job.cpus is not None and self._bounds_cpu)

    def _sweep(self) -> None:
        """Remove what is empty; a process that was just killed holds its group until it is gone."""
        for group in list(self._emptying):
            try:
                group.rmdir()
            except FileNotFoundError:
                self._emptying.discard(group)
            except OSError:
                continue
            else:
                self._emptying.discard(group)


def _killed(group: Path) -> bool:
    """Tell whether the kernel killed anybody in the group for its memory."""
    with contextlib.suppress(OSError):
        for line in (group / "memory.events").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count) > 0
    return False


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _write(path: Path, text: str) -> None:
    """Write to a file of the kernel, which must be there; it takes one write."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
