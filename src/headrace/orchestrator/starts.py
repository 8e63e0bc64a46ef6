"""Keeps starts and deletions apart.

A start looks at a workflow and at files some moments before it is committed, and a deletion looks at what
lives: without this, both could find what they need and both be granted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Starts:
    """Many starts at once, or one deletion."""

    def __init__(self) -> None:
        self._under_way = 0
        self._are_over = asyncio.Event()
        self._deletion = asyncio.Lock()

    @asynccontextmanager
    async def start(self) -> AsyncIterator[None]:
        """Look at what is needed and commit a start inside; nothing of it is deleted meanwhile."""
        while self._deletion.locked():
            async with self._deletion:
                pass
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._are_over.set()

    @asynccontextmanager
    async def deletion(self) -> AsyncIterator[None]:
        """Look at what lives and delete inside; starts that began before are committed, others wait."""
        async with self._deletion:
            while self._under_way:
                self._are_over.clear()
                await self._are_over.wait()
            yield
