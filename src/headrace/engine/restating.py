"""Puts what the journal says where the working state holds the same otherwise said.

A large value that a decision made is kept elsewhere, and the committed event has a reference in its place;
the state that the decision evolved still has the value.
This file must never know where values are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.engine import events
from headrace.engine.execution import Execution


def restate(
    execution: Execution, decided: Iterable[events.AnyEvent], committed: Iterable[events.AnyEvent]
) -> bool:
    """Put the fields of committed events in the place of the decided ones, which are the same otherwise.

    False where that cannot be told from the events alone: then the state must be read again.
    """
    changed = [(old, new) for old, new in zip(decided, committed, strict=True) if new is not old]
    return all(_restate_one(execution, old, new) for old, new in changed)


def _restate_one(execution: Execution, old: events.AnyEvent, new: events.AnyEvent) -> bool:
    match new:
        case events.ExecutionEnded(outputs=outputs):
            return _replace(execution, "outputs", old, outputs)
        case events.TaskQueued(run=number, input=input) | events.TaskBlocked(run=number, input=input):
            return _replace(execution.runs[number], "input", old, input)
        case (
            events.TaskSucceeded(run=number, outputs=outputs) | events.TaskFailed(run=number, outputs=outputs)
        ):
            return _replace(execution.runs[number], "outputs", old, outputs)
        case events.ItemsExpanded(run=number, items=items):
            return _replace(execution.runs[number].foreach, "items", old, items)
        case _:
            return False


def _replace(holder: Any, field: str, old: events.AnyEvent, value: Any) -> bool:
    """Replace a field that still has the very value of the old event; a later event may have changed it."""
    if getattr(holder, field) is not getattr(old, field):
        return False
    setattr(holder, field, value)
    return True
