"""Who made a change: those who were running when it was made, narrowed by time and by what they declared.

Pure but for the length of a tick of this machine. Moments are Unix seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from headrace.provenance import patterns
from headrace.provenance.attempts import RecordedAttempt
from headrace.provenance.scan import FileState

_COARSE_CLOCK = 5
"""CLOCK_REALTIME_COARSE of clock_gettime(2), which Python has no name for."""

TICK = min(time.clock_getres(_COARSE_CLOCK), 0.01)
"""Seconds: a file's time is that of the kernel's last tick, so it may lie so much before the change."""

MOST_CANDIDATES = 64
"""What more attempts than these could have done says nothing about any of them."""


class Span(NamedTuple):
    """The time in which a change was made."""

    after: float
    until: float


class Life(NamedTuple):
    """When an attempt was running."""

    attempt: RecordedAttempt
    started_at: float
    ended_at: float
    prefix: str = ""
    """What the paths in its directory begin with."""

    def has(self, moment: float) -> bool:
        """Tell whether a file could be given this time during the life."""
        return self.started_at <= moment + TICK and moment <= self.ended_at


Lives = Callable[[], Mapping[int, tuple[float, float]]]
"""Returns the attempts that are running, or whose end was not reported yet: the Unix seconds of their start
and of their end, which is infinite while they run."""


class Attribution(NamedTuple):
    """Whose change it is."""

    attempts: Sequence[RecordedAttempt]
    """Nobody of ours, one, or all that could have made it."""
    is_certain: bool


NOBODY = Attribution((), is_certain=True)


def possible(lives: Sequence[Life], span: Span) -> list[Life]:
    """Return those who were running at some time of a span."""
    return [life for life in lives if life.started_at <= span.until and life.ended_at >= span.after]


def attribute(path: str, state: FileState | None, span: Span, candidates: list[Life]) -> Attribution:
    """Tell whose a change is among those who were running in its span; `state` is None for what is gone.

    Who works in a directory inside is no candidate for what lies outside of it; who works outside may well
    have written inside.
    """
    candidates = [life for life in candidates if path.startswith(life.prefix)]
    if not candidates:
        return NOBODY
    if len(candidates) > 1 and state is not None:
        candidates = _narrowed(candidates, state, span)
    if len(candidates) > 1:
        declared = [life for life in candidates if _declares(life, path)]
        candidates = declared if len(declared) == 1 else candidates
    if len(candidates) > MOST_CANDIDATES:
        return NOBODY
    return Attribution([life.attempt for life in candidates], is_certain=len(candidates) == 1)


def _narrowed(candidates: list[Life], state: FileState, span: Span) -> list[Life]:
    """Return those who were running at the file's time and when it was last touched, or all.

    A file that was moved or unpacked brings its time along; then, the moment of the move counts, which nobody
    can set.
    """
    changed_at = state.ctime_ns / 1e9
    moment = state.mtime_ns / 1e9
    if moment + TICK < span.after or moment > changed_at:
        moment = changed_at
    return [life for life in candidates if life.has(moment) and life.has(changed_at)] or candidates


def _declares(life: Life, path: str) -> bool:
    inside = path[len(life.prefix) :]
    return any(patterns.matches(pattern, inside) for pattern in life.attempt.outputs)
