"""Holds attempts to their limits by groups of cgroup v2, where the server was given a group to divide.

The server needs a group that is its own, with the memory controller and nobody else in it (systemd:
`Delegate=cpu memory`, and `DelegateSubgroup=server` so that it can be started again while attempts go on).
A group that systemd made and did not delegate is left alone, even where it could be divided: when the kernel
ends an attempt there, systemd takes it for the end of the service and stops the server (`OOMPolicy=`).
A group that has groups with controllers in it may hold no processes itself, so the server moves into `server`
beneath it; each attempt with a limit gets `headrace-<data directory>/<attempt>`, which its shell enters by
itself before it reads the user's text.
Groups of attempts that run on without a server are found again by their names; empty ones are removed, and
what the kernel did in them is remembered for the recovery.
Sources: cgroup v2 in the kernel's admin guide; systemd's page on delegation.
It was run on Linux 6.1 with systemd 252.
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
_UNITS = (".service", ".scope", ".slice")
"""How the names of groups end that systemd makes."""

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
        if own == root and not _is_ours(root):  # systemd makes nothing beneath what it keeps for itself
            return None
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
        self.house = house
        """The group beneath which those of attempts lie."""
        self._bounds_cpu = bounds_cpu
        self._emptying: set[Path] = {each for each in house.iterdir() if each.is_dir()}
        """Groups to remove as soon as nobody is in them."""
        self._killed = {each: held for each in self._emptying if (held := _held_when_killed(each))}
        """Groups in which the kernel killed while no server was there, with the bytes that they held."""
        self._sweep()
        self._emptying.clear()  # what is left is running

    def enclose(self, attempt: int, job: Job) -> str:
        """Make the group of an attempt, and return how its shell enters it."""
        if not self._has_group(job):
            return ""
        group = self.house / str(attempt)
        group.mkdir(exist_ok=True)
        if job.memory is not None:
            _write(group / "memory.max", str(job.memory))
            _write(group / "memory.oom.group", "1")
            with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
                _write(group / "memory.swap.max", "0")  # what is swapped out would not count, without end
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
        group = self.house / str(attempt)
        held = _held_when_killed(group) or self._killed.pop(group, None)
        self._emptying.add(group)
        self._sweep()
        return held

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


def _is_ours(group: Path) -> bool:
    """Tell whether a group was given to us: made by others than systemd, or delegated by it.

    Its system manager marks what it delegates, in older releases for root alone to see; then that the group
    changed hands tells it. Its user managers set no mark in release 252: what they delegate is not found out.
    """
    if group.suffix not in _UNITS:
        return True
    for mark in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):  # there is none, or it is not for us to see
            return os.getxattr(group, mark) == b"1"
    return group.stat().st_uid != group.parent.stat().st_uid


def _held_when_killed(group: Path) -> int | None:
    """Return the most that a group held if the kernel killed anybody in it for its memory, in bytes."""
    with contextlib.suppress(OSError):
        for line in (group / "memory.events").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill" and int(count):
                return _number(group / "memory.peak") or _number(
                    group / "memory.max"
                )  # the peak came with 5.19
    return None


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
