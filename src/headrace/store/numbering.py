"""The sequence of numbers, handed out from memory in blocks that were reserved ahead of need.

It belongs to the event loop's thread; only the reservation itself happens elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from headrace.errors import StoreError

FIRST = 1001
"""The first number that is ever given (DESIGN §8)."""

BLOCK = 8192
"""Numbers reserved at once: a fan-out of a thousand tasks takes some two thousand, and a block that a crash
loses is only a gap in the sequence."""

LOW_WATER = 4096
"""A new block is asked for when fewer are left, so that it arrives before even a large fan-out needs it."""

PATIENCE = 10.0
"""Seconds that `take` waits for the database in the rare case that memory has run out."""


class BlockNumbers:
    """Hands out numbers; `reserve(count)` must answer with a block of so many that nobody else has."""

    def __init__(self, reserve: Callable[[int], Future[range]]) -> None:
        self._reserve = reserve
        self._blocks: list[range] = []
        self._left = 0
        self._coming: Future[range] | None = None

    def take(self, count: int = 1) -> int:
        """Return the first of `count` consecutive numbers; see `Numbers.take`."""
        while (first := self._cut(count)) is None:
            self._receive(self._ask(max(count, BLOCK)), PATIENCE)
        if self._left < LOW_WATER:
            # A failure ahead of need is none yet: the next call asks again.
            with suppress(StoreError):
                coming = self._ask(BLOCK)
                if coming.done():
                    self._receive(coming, 0)
        return first

    async def prepare(self, count: int) -> None:
        """Have at least `count` consecutive numbers at hand."""
        while all(len(block) < count for block in self._blocks):
            coming = self._ask(max(count, BLOCK))
            await asyncio.wait([asyncio.wrap_future(coming)])
            if coming is self._coming:
                self._receive(coming, 0)

    def unused(self) -> range:
        """Return the numbers at the end of the sequence that were reserved and never handed out."""
        return self._blocks[-1] if self._blocks else range(0)

    def _cut(self, count: int) -> int | None:
        for index, block in enumerate(self._blocks):
            if len(block) >= count:
                self._blocks[index] = block[count:]
                self._left -= count
                return block.start
        return None

    def _ask(self, count: int) -> Future[range]:
        if self._coming is None:
            self._coming = self._reserve(count)
        return self._coming

    def _receive(self, coming: Future[range], patience: float) -> None:
        self._coming = None
        try:
            block = coming.result(patience)
        except TimeoutError as error:
            raise StoreError("The database gave no numbers in time.") from error
        self._left += len(block)
        if self._blocks and self._blocks[-1].stop == block.start:
            block = range(self._blocks.pop().start, block.stop)
        self._blocks = [*(rest for rest in self._blocks if rest), block]
