"""The pieces of work that are measured, as both sides of the line know them.

A contestant runs in an environment of its own, so this file leans on the standard library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

Shape = Literal["chain", "fanout", "shell", "genome", "montage"]


@dataclass(frozen=True)
class Work:
    """One piece of work; whoever does it twice does it anew."""

    shape: Shape
    size: int
    """Tasks of the chain, tasks between the first and the last of the fan-out, shell steps, or activities."""
    at_once: int = 1
    """Shell steps or activities that may run at the same time."""
    times: int = 1
    """How often a turn does it, one after the other: a few milliseconds alone would measure cold caches."""

    @property
    def tasks(self) -> int:
        """How many tasks a turn has, and how many must be found ended in the store."""
        return self.times * self._tasks_once

    @property
    def _tasks_once(self) -> int:
        match self.shape:
            case "chain" | "shell" | "genome" | "montage":
                return self.size
            case "fanout":
                return self.size + 2
            case _:
                assert_never(self.shape)

    @property
    def title(self) -> str:
        """What the table calls it."""
        match self.shape:
            case "chain":
                return f"chain of {self.size} no-op tasks, {self.times} times in a row"
            case "fanout":
                return f"fan-out 1 → {self.size:,} → 1 no-op tasks"
            case "shell":
                return f"{self.size} shell steps `true`, {self.at_once} at once"
            case "genome":
                return f"1000genome: {self.size} activities `true`, {self.at_once} at once"
            case "montage":
                return f"Montage: {self.size} activities, {self.at_once} at once"
            case _:
                assert_never(self.shape)
