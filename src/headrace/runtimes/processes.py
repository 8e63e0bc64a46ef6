"""What Linux knows about processes: boot id, start times, handles that cannot be reused, who is left over.

This file must never know a job. Sources: proc(5), pidfd_open(2), random(4).
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from msgspec import Struct

from headrace.definition.outcomes import Usage

MARK = "HEADRACE_ATTEMPT_DIR"
"""Variable that every process of an attempt inherits; by it those are found that left its session."""

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_TICK = 2 / _TICKS_PER_SECOND
_BLOCK = 512
"""Bytes of the blocks in which getrusage(2) counts."""

_LONGEST_SPAWN = 5.0
"""Seconds that may pass on a choking machine between asking for a process and its start."""

_MARK_PREFIX = f"{MARK}=".encode()

_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD in the flags of /proc/PID/stat."""


class Resident(Struct, frozen=True, kw_only=True):
    """A living process of this machine."""

    pid: int
    session: int
    mark: str | None
    """Place of its attempt, from its environment; None without one, or where we may not look."""
    is_changing: bool = False
    """It is about to become another program, or to end: then the kernel shows no environment for a moment,
    so that nobody knows whose it is."""


def boot_id() -> str:
    """Return the name of this boot of the machine; it is new after each one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def started_after_boot(pid: int) -> float | None:
    """Return when a process started, in seconds since boot, or None when there is no such process."""
    fields = stat(pid)
    return None if fields is None else int(fields[22 - 3]) / _TICKS_PER_SECOND


def is_child(pid: int) -> bool:
    """Tell whether a process is a child of this one, so that this one must reap it."""
    fields = stat(pid)
    return fields is not None and int(fields[4 - 3]) == os.getpid()


def hold(pid: int, spawned: float) -> int | None:
    """Return a pidfd of the process that was spawned that many seconds after boot, or None when it is gone.

    The handle is opened first and the start time compared after, so that the pid cannot change hands in
    between; pids are not given again so soon that a stranger could have started in the same moments. The
    caller closes it.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    started = started_after_boot(pid)
    if started is not None and -_TICK <= started - spawned <= _LONGEST_SPAWN:
        return descriptor
    os.close(descriptor)
    return None


def hold_child(pid: int) -> int:
    """Return a pidfd of a child that was just started; raises OSError, and then it is gone again."""
    try:
        return os.pidfd_open(pid)
    except OSError:  # no descriptor is left: what nobody can wait for must not run
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def reap(pid: int, seen: Usage | None) -> tuple[int, Usage]:
    """Take a child away that has exited; return its status and what it used.

    `seen` is what all its processes together were seen to use, None when nobody looked.
    """
    _, status, used = os.wait4(pid, 0)
    # A spawned child begins with the server's own peak; below that, its own is not known.
    peak = used.ru_maxrss if used.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss else 0
    spent = used.ru_utime + used.ru_stime
    if status and seen:  # the kernel leaves out those whose parent was killed before it could wait for them
        spent = max(spent, seen.cpu_seconds)
    usage = Usage(
        cpu_seconds=spent,
        max_rss_bytes=max(peak * 1024, seen.max_rss_bytes if seen else 0),
        read_bytes=used.ru_inblock * _BLOCK,
        written_bytes=used.ru_oublock * _BLOCK,
    )
    return status, usage


def residents() -> list[Resident]:
    """Return all processes that are not mere zombies: a few milliseconds, so ask once for many attempts."""
    return [
        _resident(int(name), fields)
        for name in os.listdir("/proc")  # noqa: PTH208 - names are all that is wanted
        if name.isdigit() and (fields := stat(int(name))) is not None and fields[0] not in (b"Z", b"X")
    ]


def _resident(pid: int, fields: list[bytes]) -> Resident:
    session = int(fields[6 - 3])
    environment = _read(pid, "environ")
    if environment == b"" and not int(fields[9 - 3]) & _KERNEL_THREAD:
        if _read(pid, "cmdline") == b"":
            return Resident(pid=pid, session=session, mark=None, is_changing=True)
        environment = _read(pid, "environ")  # it may have become another program just now
    return Resident(pid=pid, session=session, mark=_mark(environment))


def stat(pid: int) -> list[bytes] | None:
    """Return the fields of /proc/PID/stat from the third (the state) on; None when there is no process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        content = os.read(descriptor, 4096)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return content[content.rindex(b")") + 1 :].split()


def _read(pid: int, name: str) -> bytes:
    """Return a file of /proc/PID; where it is gone or not for us to see, a zero byte, which tells nothing."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b"\0"


def _mark(environment: bytes) -> str | None:
    for entry in environment.split(b"\0"):
        if entry.startswith(_MARK_PREFIX):
            return os.fsdecode(entry[len(_MARK_PREFIX) :])
    return None
