"""Ends processes that must not go on: TERM to the group, a time of grace, then KILL to whoever is left.

Whoever is left is found by one look at /proc for all attempts that are being stopped: members of the
session, and processes that left it but still carry the attempt's place in their environment.
While anybody is becoming another program nobody is called gone: it may be one of them.
This file must never know why something is stopped or what is reported then.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
from collections.abc import Callable, Iterable

from headrace.runtimes import processes

_LOOK_EVERY = 0.1
"""Seconds between two looks at /proc while something is being stopped."""

_GIVE_UP_AFTER = 5.0
"""Seconds after KILL: a process that outlives it hangs inside the kernel, and no signal will help."""


class Process:
    """The first process of an attempt: leader of its session and group."""

    __slots__ = ("attempt", "has_exited", "is_child", "killed_at", "mark", "pid", "stop_by")

    def __init__(self, pid: int, attempt: int, mark: str, *, is_child: bool) -> None:
        self.pid = pid
        self.attempt = attempt
        self.mark = mark
        """Value of the marking variable in its environment."""
        self.is_child = is_child
        """Ours to reap: until that is done its pid, group and session cannot pass to strangers."""
        self.has_exited = False
        self.stop_by = math.inf
        """Loop time at which KILL follows a TERM; infinite while it may run."""
        self.killed_at: float | None = None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the group, if it is still ours for certain."""
        if self.is_child or not self.has_exited:
            # Gone, or every member changed its user: then nothing of ours is left to signal.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def survivors(self, residents: Iterable[processes.Resident]) -> list[int]:
        """Return the living processes of this attempt."""
        owns_session = self.is_child or not self.has_exited
        return [
            resident.pid
            for resident in residents
            if resident.mark == self.mark or (owns_session and resident.session == self.pid)
        ]


class Stopping:
    """Everything that is being stopped."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, grace: float, stopped: Callable[[Process], None]
    ) -> None:
        """`grace` is in seconds; `stopped` is called once per process, when nobody of it is left."""
        self._loop = loop
        self._grace = grace
        self._stopped = stopped
        self._processes: dict[int, Process] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """Loop time of the timer, which a handle of uvloop does not know where that is past."""

    def begin(self, process: Process) -> None:
        """Ask a process to end, and see to it that it does."""
        process.stop_by = self._loop.time() + self._grace
        self._processes[process.pid] = process
        process.signal_group(signal.SIGTERM)
        self._look_in(self._grace)

    def go_on(self, process: Process, left: float) -> None:
        """See to it that a process ends that was asked before; `left` is in seconds."""
        process.stop_by = self._loop.time() + left
        self._processes[process.pid] = process
        self._look_in(0 if process.has_exited else left)

    def begin_with_kill(self, process: Process) -> None:
        """End a process without asking: what it must not do, it would go on doing meanwhile."""
        process.stop_by = self._loop.time()
        self._processes[process.pid] = process
        self._look_in(0)

    def leader_exited(self) -> None:
        """Look soon: some leader is gone, and perhaps it was the last one."""
        self._look_in(0)

    def close(self) -> None:
        """Stop looking."""
        self._processes.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        due = self._loop.time() + seconds
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due, self._timer = due, self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        pressing = [each for each in self._processes.values() if each.has_exited or now >= each.stop_by]
        residents = processes.residents() if pressing else []
        are_all_known = not any(resident.is_changing for resident in residents)
        for process in pressing:
            self._press(process, process.survivors(residents), now, are_all_known=are_all_known)
        if any(each.has_exited or each.killed_at for each in self._processes.values()):
            self._look_in(_LOOK_EVERY)
        elif self._processes:
            self._look_in(min(each.stop_by for each in self._processes.values()) - now)

    def _press(self, process: Process, survivors: list[int], now: float, *, are_all_known: bool) -> None:
        is_gone = are_all_known and not survivors
        if process.has_exited and (is_gone or self._is_hopeless(process, now)):
            del self._processes[process.pid]
            self._stopped(process)
        elif now >= process.stop_by:
            process.killed_at = process.killed_at or now
            process.signal_group(signal.SIGKILL)
            kill(survivors)

    @staticmethod
    def _is_hopeless(process: Process, now: float) -> bool:
        return process.killed_at is not None and now - process.killed_at >= _GIVE_UP_AFTER


def kill(pids: Iterable[int]) -> None:
    """Kill single processes that were just seen alive."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue  # it ended by itself, or changed its user


class Leftovers:
    """What attempts left behind that ended while no server was there.

    It is looked for once for all that are found in one turn of the loop, because that is a walk over all
    processes of the machine.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._marks: set[str] = set()

    def clear_away(self, place: str) -> None:
        """Kill soon whatever the attempt at this place left behind."""
        if not self._marks:
            self._loop.call_soon(self._kill)
        self._marks.add(place)

    def _kill(self) -> None:
        marks, self._marks = self._marks, set()
        kill(resident.pid for resident in processes.residents() if resident.mark in marks)
