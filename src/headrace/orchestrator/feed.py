"""Who is told, inside this server, that events were committed: waiting requests, streams, the notifier.

Nothing passes through here that is not in the journal: whoever is too slow reads there what it missed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headrace.engine.execution import Execution

Follower = Callable[[Execution, int], None]
"""Called on the event loop after each commit with the execution and the sequence number before it."""


class Watch:
    """Sees that an execution has new events, also while its owner is reading the ones before."""

    def __init__(self) -> None:
        self._is_due = False
        self._waiting: asyncio.Future[None] | None = None

    def tell(self) -> None:
        """Say that there are new events."""
        self._is_due = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def change(self, seconds: float) -> bool:
        """Wait until there are events newer than the last change; False when so many seconds passed first."""
        if not self._is_due:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiting, seconds)
            except TimeoutError:
                return False
            finally:
                self._waiting = None
        self._is_due = False
        return True


class Feed:
    """Wakes whoever follows an execution."""

    def __init__(self) -> None:
        self._watches: defaultdict[int, list[Watch]] = defaultdict(list)
        self._followers: list[Follower] = []

    def follow(self, follower: Follower) -> None:
        """Call the follower after every commit of every execution."""
        self._followers.append(follower)

    def announce(self, execution: Execution, before: int) -> None:
        """Say that events after `before` were committed."""
        if self._watches:
            for watch in self._watches.get(execution.number, ()):
                watch.tell()
        for follower in self._followers:
            follower(execution, before)

    @contextmanager
    def watching(self, number: int) -> Iterator[Watch]:
        """Watch an execution; whoever looks at it does so inside, so that nothing happens between the two."""
        watch = Watch()
        self._watches[number].append(watch)
        try:
            yield watch
        finally:
            watches = self._watches[number]
            watches.remove(watch)
            if not watches:
                del self._watches[number]
