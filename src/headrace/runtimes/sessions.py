"""What the processes of sessions use now: processor time so far, and memory.

An attempt leads a session of its own, so one look at /proc tells of all attempts together.
Sources: proc(5), getsid(2).
Nothing here asks psutil: getting 100 processes through it took 8 ms where this takes 2 (and 0.5 ms more to
pass over a thousand strangers), and every millisecond of it keeps the event loop from the interpreter.
A process that began a session of its own is not counted; a child that was waited for is, in its parent.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from headrace.runtimes import processes

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

_WITHOUT_FILES = (b"Pss_Anon:", b"Pss_Shmem:")


class Session:
    """The processes of one session as they were seen in one look."""

    __slots__ = ("cpu_seconds", "memory", "pids")

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        """Of the living processes and of all children that they have waited for."""
        self.memory = 0
        """Resident bytes; what several processes share counts for each."""
        self.pids: list[int] = []

    def add(self, pid: int, fields: list[bytes]) -> None:
        """Count a process by its /proc/PID/stat from the third field on."""
        ticks = int(fields[14 - 3]) + int(fields[15 - 3]) + int(fields[16 - 3]) + int(fields[17 - 3])
        self.cpu_seconds += ticks / _TICKS_PER_SECOND
        self.memory += int(fields[24 - 3]) * _PAGE
        self.pids.append(pid)


def look(leaders: Collection[int]) -> dict[int, Session]:
    """Return the sessions of these leaders that have processes."""
    found: dict[int, Session] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is wanted
        if not name.isdigit():
            continue
        pid = int(name)
        try:
            leader = os.getsid(pid)
        except OSError:
            continue  # it ended, or we may not look
        if leader in leaders and (fields := processes.stat(pid)) is not None:
            found.setdefault(leader, Session()).add(pid, fields)
    return found


def own_memory(pids: Iterable[int]) -> int:
    """Return the bytes that these processes hold together, each shared page once and mapped files left out.

    It is what `memory.max` of a control group could not reclaim; the kernel walks the page tables for it, so
    it is for those who look suspicious by their resident bytes.
    """
    return sum(_own_memory(pid) for pid in pids)


def _own_memory(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123 - four times a second
            lines = [line.split() for line in file]
    except (ProcessLookupError, FileNotFoundError):
        return 0
    except OSError:  # it changed its user: only what everybody may see is left
        fields = processes.stat(pid)
        return 0 if fields is None else int(fields[24 - 3]) * _PAGE
    sizes = {line[0]: int(line[1]) * 1024 for line in lines if line[2:] == [b"kB"]}
    if _WITHOUT_FILES[0] not in sizes:  # before Linux 5.4
        return sizes.get(b"Pss:", 0)
    return sum(sizes.get(name, 0) for name in _WITHOUT_FILES)
