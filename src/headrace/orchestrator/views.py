"""Executions to look at: only what is committed, and never the working state of a mailbox.

A mailbox evolves its execution while it decides, before the commit; whoever looked there would see what may
never come true.
So each live execution that somebody looks at has a second one here, evolved by committed events alone.
"""

from __future__ import annotations

import asyncio
from typing import Any

from headrace.definition import codec
from headrace.engine import events
from headrace.engine.evolve import evolve
from headrace.engine.execution import Execution
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.replay import replay
from headrace.orchestrator.weighed import Weighed
from headrace.store.protocol import Store
from headrace.store.rows import ExecutionRow

KEPT = 256
"""Executions that are kept for the next look, least recently looked at thrown out first."""

KEPT_BYTES = 64 * 1024 * 1024
"""Bytes that those may take together, by a rough guess."""

BYTES_OF_RUN = 3000
"""Of a task run without its values."""


_Step = tuple[list[events.AnyEvent], int]
"""Committed events and the sequence number before them."""


class Views:
    """Committed states of executions, read from the journal once and kept up to date by commits."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._kept: Weighed[int, Execution] = Weighed(KEPT, KEPT_BYTES)
        self._reading: dict[int, tuple[asyncio.Future[None], list[_Step]]] = {}
        """Executions that are being read, with the commits that came meanwhile."""

    async def get(self, row: ExecutionRow) -> Execution:
        """Return an execution as it is committed; the caller must neither keep nor change it."""
        number = row.number
        while (found := self._kept.get(number)) is None:
            if number in self._reading:
                await asyncio.wait([self._reading[number][0]])
            else:
                await self._read(row)
        return found

    def advance(self, number: int, happened: list[events.AnyEvent], before: int) -> None:
        """Bring a kept execution up to date with events committed after sequence number `before`."""
        if number in self._reading:
            self._reading[number][1].append((happened, before))
        kept = self._kept.peek(number)
        if kept is not None:
            _step(kept, happened, before)

    async def _read(self, row: ExecutionRow) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        meanwhile: list[_Step] = []
        self._reading[row.number] = (done, meanwhile)
        try:
            execution = await replay(self._store, self._shelf, row)
        finally:
            del self._reading[row.number]
            done.set_result(None)
        for happened, before in meanwhile:
            _step(execution, happened, before)
        if row.number not in self._kept:
            self._keep(execution)

    def finish(self, execution: Execution) -> None:
        """Keep an execution that has ended and will not change any more."""
        self._keep(execution)

    def _keep(self, execution: Execution) -> None:
        self._kept.put(execution.number, execution, _weight(execution))


def _weight(execution: Execution) -> int:
    """Return how many bytes an execution takes, about."""
    values = (
        value for run in execution.runs.values() for value in (*run.input.values(), *run.outputs.values())
    )
    return BYTES_OF_RUN * len(execution.runs) + sum(map(_size, values))


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return len(codec.encode(value)) if isinstance(value, (dict, list)) else 0


def _step(execution: Execution, happened: list[events.AnyEvent], before: int) -> None:
    """Evolve by committed events that follow what is known; those that are known already are passed over."""
    if execution.seq == before:
        evolve(execution, happened)
        execution.changes.runs.clear()
        execution.changes.timers.clear()
