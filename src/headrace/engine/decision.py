"""One decision on its way: what was decided so far, and what is still to be looked at.

Each event is evolved the moment it is decided: what follows stands on it and nothing is decided twice.
Nothing here recurses along edges: what may follow is put on a list and looked at in turn.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from headrace.definition.outcomes import Failure
from headrace.definition.templates import Json
from headrace.engine import events
from headrace.engine.evolve import apply
from headrace.engine.execution import NOTHING, Execution, Scope, TaskRun
from headrace.engine.names import Names


class Moment(Struct, frozen=True, kw_only=True):
    """What a decision may know of the world; with the same moment it comes out the same."""

    at: float
    """Unix seconds; never before the last event (an earlier one is lifted)."""
    take: Callable[[], int]
    """Gives the next unused number."""
    values: Mapping[str, Json] = NOTHING
    """Large values that were asked for, by content hash."""


class Decision:
    """The events decided so far and the places that they concern."""

    __slots__ = (
        "aggregates",
        "at",
        "candidates",
        "entries",
        "events",
        "execution",
        "moment",
        "nexts",
        "resting",
        "take",
    )

    def __init__(self, execution: Execution, moment: Moment) -> None:
        self.execution = execution
        self.moment = moment
        self.at = max(moment.at, execution.at)
        self.take = moment.take
        self.events: list[events.AnyEvent] = []
        self.entries: deque[tuple[Scope, str]] = deque()
        """Tasks that begin with their scope."""
        self.candidates: deque[tuple[Scope, str]] = deque()
        """Tasks that may be ready or unmet."""
        self.aggregates: deque[TaskRun] = deque()
        """Foreach runs whose window may have room, or which may be over."""
        self.nexts: deque[tuple[TaskRun, Literal["again", "fallback"]]] = deque()
        """Runs whose failed attempt is followed at once by another try, or by the fallback."""
        self.resting: deque[Scope] = deque()
        """Scopes in which nothing may be active any more."""

    def emit(self, event: events.AnyEvent) -> None:
        """Decide an event."""
        self.events.append(event)
        apply(self.execution, event)

    def names(self, run: TaskRun, failed: tuple[str, Failure] | None = None) -> Names:
        """Return what expressions of this run see; `failed` is the end of an attempt that is being judged."""
        scope = self.execution.scopes[run.scope]
        return Names(self.execution, scope, run, self.at, self.moment.values, failed)

    def scope_names(self, scope: Scope) -> Names:
        """Return what expressions of a whole scope see at its end."""
        return Names(self.execution, scope, None, self.at, self.moment.values)

    def is_closing(self, scope: Scope) -> bool:
        """Tell whether nothing may start in this scope any more."""
        return self.execution.is_closing(scope)

    def chance(self, run: TaskRun) -> float:
        """Return a number from 0 to below 1 that depends on the seed, the run and its tries alone."""
        text = f"{self.execution.seed}:{run.number}:{len(run.tries)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2.0**56
