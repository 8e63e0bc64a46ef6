"""Which waiting jobs may start, given what a machine has and what its running jobs declare.

The rules are those of AkoFlow section 3.7.
A running job takes its CPUs (absent: 1) and memory (absent: 0); a waiting one starts as soon as both fit,
oldest first; smaller ones may pass an older one for at most 30 s, after which nothing passes it.
Pure: the time is given by the caller, and nothing becomes startable by time alone, so no timer is needed.

Jobs of equal demand wait in one queue, so each decision costs the number of different demands, never the
number of waiting jobs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import Struct

PASSING_SECONDS = 30.0
"""How long smaller jobs may pass an older one (AkoFlow section 3.7)."""

_MILLI = 1000
"""CPUs are counted in thousandths, so that ten times 0.1 is 1."""


class Demand(Struct, frozen=True):
    """What one job takes while it runs."""

    millicpus: int
    memory: int
    """Bytes."""


class _Queue:
    """Waiting jobs of one demand, oldest first."""

    __slots__ = ("passed_by", "passed_since", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, int]] = deque()
        """(order of arrival, attempt)"""
        self.passed_by = -1
        """Latest arrival that started before somebody who waits here."""
        self.passed_since = 0.0
        """When that first happened."""


class Packing:
    """The jobs that wait for and take a capacity."""

    def __init__(self, cpus: float, memory: int) -> None:
        """Take the capacity: cores and bytes."""
        self._capacity = Demand(max(1, round(cpus * _MILLI)), memory)
        self._free_millicpus = self._capacity.millicpus
        self._free_memory = memory
        self._queues: dict[Demand, _Queue] = {}
        self._waiting: dict[int, tuple[int, Demand]] = {}
        self._running: dict[int, Demand] = {}
        self._arrivals = 0

    def demand(self, cpus: float | None, memory: int | None) -> Demand:
        """Return what a job takes, cut to the capacity."""
        wanted = _MILLI if cpus is None else max(1, round(cpus * _MILLI))
        return Demand(min(wanted, self._capacity.millicpus), min(memory or 0, self._capacity.memory))

    def exceeds(self, cpus: float | None, memory: int | None) -> bool:
        """Tell whether a job asks for more than there is; it then runs alone, with what there is."""
        return (cpus or 0) * _MILLI > self._capacity.millicpus or (memory or 0) > self._capacity.memory

    def is_crowded(self) -> bool:
        """Tell whether jobs wait and no processor is free: what comes now waits behind them."""
        return self._free_millicpus < _MILLI and bool(self._waiting)

    def offer(self, attempt: int, demand: Demand) -> None:
        """Let a job wait."""
        self._arrivals += 1
        self._waiting[attempt] = (self._arrivals, demand)
        self._queues.setdefault(demand, _Queue()).waiting.append((self._arrivals, attempt))

    def occupy(self, attempt: int, demand: Demand) -> None:
        """Count a job that runs already (found after a restart), even where it does not fit."""
        self._running[attempt] = demand
        self._free_millicpus -= demand.millicpus
        self._free_memory -= demand.memory

    def withdraw(self, attempt: int) -> None:
        """Let a waiting job wait no longer."""
        if (entry := self._waiting.pop(attempt, None)) is not None:
            self._forget_withdrawn(entry[1])

    def release(self, attempt: int) -> None:
        """Give back what a running job took; a job that does not run changes nothing."""
        demand = self._running.pop(attempt, None)
        if demand is not None:
            self._free_millicpus += demand.millicpus
            self._free_memory += demand.memory

    def take(self, now: float) -> Iterator[int]:
        """Yield the attempts that start now, each counted as running; `now` is seconds of a steady clock."""
        while (demand := self._next(now)) is not None:
            arrival, attempt = self._queues[demand].waiting.popleft()
            del self._waiting[attempt]
            self._forget_withdrawn(demand)
            self._note_passing(arrival, now)
            self.occupy(attempt, demand)
            yield attempt

    def _next(self, now: float) -> Demand | None:
        """Return the demand of the oldest job that fits and may pass all older ones."""
        if self._free_millicpus <= 0:
            return None
        for _, demand, queue in sorted(
            (queue.waiting[0][0], demand, queue) for demand, queue in self._queues.items()
        ):
            if demand.millicpus <= self._free_millicpus and demand.memory <= self._free_memory:
                return demand
            if queue.passed_by > queue.waiting[0][0] and now - queue.passed_since >= PASSING_SECONDS:
                return None
        return None

    def _note_passing(self, arrival: int, now: float) -> None:
        for queue in self._queues.values():
            oldest = queue.waiting[0][0]
            if oldest < arrival:
                if queue.passed_by < oldest:
                    queue.passed_since = now
                queue.passed_by = max(queue.passed_by, arrival)

    def _forget_withdrawn(self, demand: Demand) -> None:
        """Bring a job that still waits to the head of its queue: withdrawing must not search the queue."""
        queue = self._queues[demand]
        while queue.waiting and self._waiting.get(queue.waiting[0][1], (0,))[0] != queue.waiting[0][0]:
            queue.waiting.popleft()
        if not queue.waiting:
            del self._queues[demand]
