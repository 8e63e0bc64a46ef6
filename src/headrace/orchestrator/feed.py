"""Who is told, inside this server, that events were committed: waiting requests, streams, the notifier.

Nothing passes through here that is not in the journal: whoever is too slow reads there what it missed.
What was committed is numbered once and handed to all who watch, so that nobody has to ask the store for it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from headrace.engine import events
from headrace.engine.execution import Execution

_HELD = 64
"""Batches that wait for whoever is slower; the journal has those before."""

Follower = Callable[[Execution, int], None]
"""Called on the event loop after each commit with the execution and the sequence number before it."""


class NumberedEvent(Struct, frozen=True):
    """An event with its place in the execution."""

    seq: int
    event: events.AnyEvent


class Watch:
    """Sees that an execution has new events, also while its owner is reading the ones before."""

    def __init__(self) -> None:
        self._is_due = False
        self._held: deque[Sequence[NumberedEvent]] = deque(maxlen=_HELD)
        self._waiting: asyncio.Future[None] | None = None

    def tell(self, batch: Sequence[NumberedEvent]) -> None:
        """Hand over the events of one commit; all who watch have the same batch, which nobody changes."""
        self._held.append(batch)
        self._is_due = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def behind(self, after: int) -> Sequence[NumberedEvent] | None:
        """Return the next events later than sequence number `after`, of one commit, and hold them no more.

        It is none while nothing was committed since the watch began or all of it is known; None when some
        that come first are not here any more, so that they have to be read.
        """
        while self._held:
            batch = self._held[0]
            if batch[0].seq > after + 1:
                return None
            self._held.popleft()
            if batch[-1].seq > after:
                return batch[after + 1 - batch[0].seq :] if batch[0].seq <= after else batch
        return ()

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

    def announce(self, execution: Execution, happened: Sequence[events.AnyEvent], before: int) -> None:
        """Say that these events, which follow sequence number `before`, were committed."""
        if watches := self._watches.get(execution.number):
            batch = tuple(NumberedEvent(seq, event) for seq, event in enumerate(happened, before + 1))
            for watch in watches:
                watch.tell(batch)
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
