"""Rules of placement in memory."""

from __future__ import annotations

import builtins

from headrace.errors import NotFound
from headrace.store.protocol import KeyTaken
from headrace.store.rows import PlacementRule
from headrace.testing.memory_store.contents import Contents


class MemoryPlacements:
    """Keeps the rules of a store in memory."""

    def __init__(self, contents: Contents) -> None:
        self._rules = contents.placements

    async def add(self, rule: PlacementRule) -> None:
        """Remember a rule, or raise `KeyTaken`."""
        if any(known.name == rule.name for known in self._rules.values()):
            raise KeyTaken("name", "A rule of placement with this name exists.")
        self._rules[rule.number] = rule

    async def get(self, number: int) -> PlacementRule:
        """Return the rule of this number, or raise `NotFound`."""
        if number not in self._rules:
            raise NotFound(f"There is no rule of placement {number}.")
        return self._rules[number]

    async def list(self) -> builtins.list[PlacementRule]:
        """Return all rules, oldest first."""
        return [self._rules[number] for number in sorted(self._rules)]

    async def delete(self, number: int) -> None:
        """Forget a rule, or raise `NotFound`."""
        await self.get(number)
        del self._rules[number]
