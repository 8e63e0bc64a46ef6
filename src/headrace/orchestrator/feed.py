"""Who is told, inside this server, that events were committed: waiting requests, streams, the notifier.

Nothing passes through here that is not in the journal: whoever is too slow reads there what it missed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from headrace.engine.execution import Execution

Follower = Callable[[Execution, int], None]
"""Called on the event loop after each commit with the execution and the sequence number before it."""


class Feed:
    """Wakes whoever follows an execution."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, list[asyncio.Future[None]]] = defaultdict(list)
        self._followers: list[Follower] = []

    def follow(self, follower: Follower) -> None:
        """Call the follower after every commit of every execution."""
        self._followers.append(follower)

    def announce(self, execution: Execution, before: int) -> None:
        """Say that events after `before` were committed."""
        if self._waiting:
            for future in self._waiting.pop(execution.number, ()):
                if not future.done():
                    future.set_result(None)
        for follower in self._followers:
            follower(execution, before)

    async def next_change(self, number: int, seconds: float) -> bool:
        """Wait until an execution has new events; False when so many seconds passed first."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[number]
        waiting.append(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return False
        finally:
            if not future.done() or future.cancelled():
                waiting = self._waiting.get(number, [])
                if future in waiting:
                    waiting.remove(future)
                if not waiting:
                    self._waiting.pop(number, None)
        return True
