"""An execution out of its journal: how a restarted server, or whoever asks about an old run, gets it."""

from __future__ import annotations

from headrace.definition import codec
from headrace.engine import events
from headrace.engine.evolve import evolve
from headrace.engine.execution import Execution, blank
from headrace.orchestrator.definitions import Shelf
from headrace.store.protocol import Store
from headrace.store.rows import ExecutionRow

_EVENTS = list[events.AnyEvent]


async def replay(store: Store, shelf: Shelf, row: ExecutionRow) -> Execution:
    """Return the execution as its committed events have made it; all of its timers are still to be set."""
    definition, graph = await shelf.get(row.workflow, row.version)
    execution = blank(definition, graph)
    for entry in await store.journal.read(row.number):
        evolve(execution, decode_events(entry.events))
    execution.changes.runs.clear()
    execution.changes.timers = dict(execution.timers)
    return execution


def decode_events(content: bytes) -> list[events.AnyEvent]:
    """Return the events of one commit."""
    return codec.decode(content, _EVENTS)
