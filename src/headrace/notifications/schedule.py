"""When a delivery is tried again: the eight tries of DESIGN §8.

Chance comes in as a number, so that the same try always gives the same delay.
"""

from __future__ import annotations

from datetime import timedelta

DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""Time from a failed try to the next one; the first try is at once, so there are eight."""

JITTER = 0.1
"""Share of a delay that chance adds or takes, so that receivers are not called by all runs in one moment."""

LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A receiver may ask for no longer pause than this."""


def next_delay(tries: int, chance: float, retry_after: timedelta | None = None) -> timedelta | None:
    """Return the time until the next try after so many; None when there is no further one.

    `chance` is from 0 to 1; what the receiver asked for lengthens the delay and never shortens it.
    """
    if tries > len(DELAYS):
        return None
    own = DELAYS[tries - 1] * (1 + JITTER * (2 * chance - 1))
    return max(own, min(retry_after or own, LONGEST_RETRY_AFTER))
