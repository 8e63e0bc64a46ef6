"""Which deliveries may be sent now: how many an endpoint, its host and all together may have in flight.

An endpoint has as many places as it has earned: one at a time until it answers and after it has failed, more
when it answers in time.
Those that answer badly share a part of the places of their host, and of all, so that the rest is always there
for those that answer well, however many bad ones there are.
This file knows neither the outbox nor the network.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from enum import IntEnum

from msgspec import Struct

from headrace.store.rows import PLACE, Delivery, DeliveryHead


class Standing(IntEnum):
    """How an endpoint has answered lately, the worst first."""

    FAILING = 0
    """The last delivery to it failed."""
    SLOW = 1
    """The last one arrived, but the answer took longer than `PROMPTLY`."""
    NEW = 2
    """Nothing is known of it."""
    PROMPT = 3


class Share(Struct, frozen=True):
    """How many deliveries may be in flight to endpoints of a standing."""

    of_endpoint: int
    """To one of them."""
    of_host: int
    """To those of one host that have this standing or a worse one."""
    of_all: int
    """To all that have this standing or a worse one."""


SHARES = {
    Standing.FAILING: Share(1, 6, 24),
    Standing.SLOW: Share(4, 12, 48),
    Standing.NEW: Share(1, 18, 72),
    # Eight are what one run may have in flight; a host has a quarter of all.
    Standing.PROMPT: Share(8, 24, 96),
}

MOST_IN_FLIGHT = SHARES[Standing.PROMPT].of_all
"""Requests at once: fewer than the guarded client has connections, so that none waits for another's."""

PROMPTLY = timedelta(seconds=2)
"""What takes longer holds its place for long, though not in vain."""

MOST_KNOWN = 10_000
"""Endpoints that are remembered: an address with a token of its run in its path is used by nobody again."""


class Standings:
    """How the endpoints have answered; one of which nothing was heard for long is new again."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Standing] = OrderedDict()

    def of(self, endpoint: str) -> Standing:
        """Return the standing of an endpoint."""
        return self._known.get(endpoint, Standing.NEW)

    def note(self, endpoint: str, standing: Standing) -> None:
        """Remember how an endpoint stands now."""
        self._known[endpoint] = standing
        self._known.move_to_end(endpoint)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)


class Places:
    """Who has a place now, and who waits for what; made anew for each look at the outbox."""

    def __init__(self, in_flight: Iterable[Delivery], standings: Standings) -> None:
        self._standings = standings
        self._queues: set[str] = set()
        self._of_endpoint: Counter[str] = Counter()
        self._of_host: Counter[tuple[str, Standing]] = Counter()
        self._of_all: Counter[Standing] = Counter()
        self._in_front: set[str] = set()
        """Endpoints of which one waits for a place since now."""
        for each in in_flight:
            self._add(each)

    @property
    def are_taken(self) -> bool:
        """Whether there is no place for anybody."""
        return self._of_all.total() >= MOST_IN_FLIGHT

    def give(self, head: DeliveryHead) -> str | None:
        """Give a delivery a place, or return the key that it has to wait for."""
        key = self._lacked_by(head)
        if key is None:
            self._add(head)
        elif is_place(key):
            self._in_front.add(head.endpoint)
        return key

    def _add(self, each: Delivery | DeliveryHead) -> None:
        standing = self._standings.of(each.endpoint)
        self._queues.add(each.queue)
        self._of_endpoint[each.endpoint] += 1
        self._of_host[each.host, standing] += 1
        self._of_all[standing] += 1

    def _lacked_by(self, head: DeliveryHead) -> str | None:
        """Return the first thing that a delivery lacks.

        For a place only one of an endpoint waits, and the others wait for that one: so the endpoints come in
        turn, and one with a hundred thousand deliveries has no more weight than one with one.
        """
        if head.queue in self._queues:
            return _queue(head)
        if head.has_earlier:
            return _earlier(head)
        standing = self._standings.of(head.endpoint)
        is_full = self._of_endpoint[head.endpoint] >= SHARES[standing].of_endpoint
        if is_full or head.is_behind or head.endpoint in self._in_front:
            return endpoint_key(head)
        # From the best standing on: when there is no place for anybody, all wait for the same.
        for each in reversed([one for one in Standing if one >= standing]):
            worse = [one for one in Standing if one <= each]
            if sum(self._of_host[head.host, one] for one in worse) >= SHARES[each].of_host:
                return _place(head.host, each)
            if sum(self._of_all[one] for one in worse) >= SHARES[each].of_all:
                return _place("everywhere", each)
        return None


def freed_by(delivery: Delivery | DeliveryHead) -> set[str]:
    """Return the keys of all that others may have waited for while this one was in flight."""
    places = {_place(where, each) for where in (delivery.host, "everywhere") for each in Standing}
    return places | {_queue(delivery), _earlier(delivery), endpoint_key(delivery)}


def endpoint_key(delivery: Delivery | DeliveryHead) -> str:
    """Return what is waited for by what is behind others of its endpoint."""
    return f"endpoint {delivery.endpoint}"


def is_place(key: str | None) -> bool:
    """Tell whether one of each endpoint waits for this key."""
    return key is not None and key.startswith(PLACE)


def _place(where: str, standing: Standing) -> str:
    return f"{PLACE}{where} {standing.name}"


def _queue(delivery: Delivery | DeliveryHead) -> str:
    return f"queue {delivery.queue}"


def _earlier(delivery: Delivery | DeliveryHead) -> str:
    return f"earlier {delivery.execution} {delivery.url}"
