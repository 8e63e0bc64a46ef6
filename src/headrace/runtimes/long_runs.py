"""What is kept of an attempt that runs longer than a moment: its samples, and logs that are not too long.

Everything here writes files, so nothing of it is for the event loop's thread but the figures.
"""

from __future__ import annotations

import threading

from headrace.definition.outcomes import Usage
from headrace.runtimes import long_logs, sessions
from headrace.runtimes.samples import Track


class LongRun:
    """What is kept of an attempt that runs longer than a moment; threads take turns in it."""

    def __init__(self, place: str, started_at: float, max_log: int) -> None:
        self._place = place
        self._started_at = started_at
        self._max_log = max_log
        self._track: Track | None = None
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def usage(self) -> Usage | None:
        """What all processes together were seen to use; None when nobody looked."""
        track = self._track
        return None if track is None else Usage(cpu_seconds=track.cpu_seconds, max_rss_bytes=track.peak)

    def add(self, now: float, session: sessions.Session) -> None:
        """Note what the processes use now, in Unix seconds."""
        with self._lock:
            if not self._is_over:
                self._track = self._track or Track(f"{self._place}.samples", self._started_at)
                self._track.add(now, session.cpu_seconds, session.memory)

    def trim_logs(self) -> None:
        """See to it that the logs stay as short as they may be."""
        with self._lock:
            if not self._is_over:
                long_logs.trim(self._place, self._max_log)

    def close(self) -> None:
        """Put everything in order: the attempt is over."""
        with self._lock:
            self._is_over = True
            if self._track is not None:
                self._track.close()
            long_logs.trim(self._place, self._max_log)
