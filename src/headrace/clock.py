"""Time, injected: whoever needs the time is given a Clock, so that tests can turn its hands.

Moments are seconds since the Unix epoch in UTC as a float; the wire forms belong to the dialects.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Seconds since the Unix epoch, by the system clock."""
        return time.time()
