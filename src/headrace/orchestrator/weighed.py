"""What was looked at lately, up to a number and a weight together."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Weighed(Generic[K, V]):
    """Values by key; the least recently looked at go first, and the latest stays however heavy it is."""

    def __init__(self, most: int, heaviest: int) -> None:
        """Keep at most so many that weigh at most so much together; the unit is the caller's."""
        self._most = most
        self._heaviest = heaviest
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def __contains__(self, key: K) -> bool:
        """Tell whether there is a value; that is no look at it."""
        return key in self._kept

    def peek(self, key: K) -> V | None:
        """Return a value without counting that as a look, or None."""
        found = self._kept.get(key)
        return None if found is None else found[0]

    def get(self, key: K) -> V | None:
        """Return a value, or None."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep a value in the place of any other of this key."""
        self._weight += weight - self._kept.pop(key, (value, 0))[1]
        self._kept[key] = value, weight
        while len(self._kept) > self._most or (self._weight > self._heaviest and len(self._kept) > 1):
            _, (_, dropped) = self._kept.popitem(last=False)
            self._weight -= dropped
