"""What this machine, or the control group that holds us, lets us use."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_SHARE_OF_MEMORY = 0.9  # the rest is for the server itself and the operating system


def usable_cores(cgroup: Path = _CGROUP) -> float:
    """Cores that this process may use: its affinity, cut by the CPU quota of cgroup v2."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # not Linux
        cores = float(os.cpu_count() or 1)
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        cores = min(cores, int(quota) / int(period))
    return cores


def usable_memory(cgroup: Path = _CGROUP) -> int:
    """Bytes that steps may use together: 90 % of the memory, cut by the limit of cgroup v2."""
    total = psutil.virtual_memory().total
    limit = _read(cgroup / "memory.max")
    if limit.isdigit():
        total = min(total, int(limit))
    return int(total * _SHARE_OF_MEMORY)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
