"""An observer of runtimes for tests: keeps all reports, and waits for one with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from headrace.runtimes.protocol import JobEnded, JobStarted, JobStatus

PATIENCE = 20.0
"""Seconds until something that should happen counts as missing; far above what a busy machine needs."""


class Witness:
    """Whoever is told what became of jobs."""

    def __init__(self) -> None:
        self.seen: list[JobStatus] = []
        """All reports in the order in which they came."""
        self._news = asyncio.Event()

    def __call__(self, status: JobStatus) -> None:
        """Take a report."""
        self.seen.append(status)
        self._news.set()

    def ends(self, attempt: int) -> list[JobEnded]:
        """Return the ends of an attempt that were reported so far."""
        return [each for each in self.seen if isinstance(each, JobEnded) and each.attempt == attempt]

    def starts(self, attempt: int) -> list[JobStarted]:
        """Return the starts of an attempt that were reported so far."""
        return [each for each in self.seen if isinstance(each, JobStarted) and each.attempt == attempt]

    async def ended(self, attempt: int, within: float = PATIENCE) -> JobEnded:
        """Wait for the end of an attempt; raises TimeoutError after so many seconds."""
        async with asyncio.timeout(within):
            while not self.ends(attempt):
                self._news.clear()
                await self._news.wait()
        return self.ends(attempt)[0]

    async def started(self, attempt: int, within: float = PATIENCE) -> JobStarted:
        """Wait for the start of an attempt; raises TimeoutError after so many seconds."""
        async with asyncio.timeout(within):
            while not self.starts(attempt):
                self._news.clear()
                await self._news.wait()
        return self.starts(attempt)[0]


async def until(holds: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait for something that nobody reports; raises TimeoutError after so many seconds."""
    give_up = time.monotonic() + within
    while not holds():
        if time.monotonic() > give_up:
            raise TimeoutError(f"After {within:g} s it still does not hold.")
        await asyncio.sleep(0.005)
