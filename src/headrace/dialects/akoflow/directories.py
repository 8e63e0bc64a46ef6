"""Where activities work: as templates for the engine, and as text for answers.

A run has a private directory, which stands in its inputs with the id of the run that began there: a rerun
keeps the inputs, and so finds the files of the run that it repeats.  The definition is the same for all runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from headrace.definition.templates import Expr, Literal, Template, Text
from headrace.dialects.akoflow.drafts import ActivityDraft

PRIVATE, FIRST = "private_directory", "first_workflow"
"""Inputs of a run: its private directory, and the id of the run that began there."""

LISTS = ".volumes"
"""What follows the name of a private directory in that of the lists of what its volumes had."""

_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")
_NUMBERED = re.compile(r"(.+)-\d+")


class Place(Struct, frozen=True, omit_defaults=True):
    """A directory of a run, as it can be told before there is one."""

    path: str = ""
    """Absolute; of a private one, what follows after the private directory."""
    is_private: bool = False
    number: int | None = None
    """With a number, `-` and so much more than the id of the first run end the name."""

    def inside(self, name: str, number: int | None) -> Place:
        """Return a directory in this one."""
        return Place(f"{self.path}/{name}", self.is_private, number)

    def template(self) -> str | Expr | Text:
        """Return what the model has of a directory."""
        if not self.is_private and self.number is None:
            return self.path
        if self == PRIVATE_PLACE:
            # a child of another execution has no private directory: each activity gets one of its own
            return Expr(f"default(inputs.{PRIVATE}, '')")
        head: tuple[str | Expr, ...] = (Expr(f"inputs.{PRIVATE}"),) if self.is_private else ()
        tail: tuple[str | Expr, ...] = ()
        if self.number is not None:
            tail = ("-", Expr(f"inputs.{FIRST} + {self.number}"))
        return Text((*head, self.path, *tail))

    def argument(self) -> Template:
        """Return the same as an argument or a variable of a process."""
        found = self.template()
        return Literal(found) if isinstance(found, str) else found

    def text(self, inputs: Mapping[str, Any]) -> str:
        """Return the directory of a run with these inputs; empty where that is not known beforehand."""
        if (self.is_private and PRIVATE not in inputs) or (self.number is not None and FIRST not in inputs):
            return ""
        tail = "" if self.number is None else f"-{inputs[FIRST] + self.number}"
        return f"{inputs[PRIVATE] if self.is_private else ''}{self.path}{tail}"


PRIVATE_PLACE = Place(is_private=True)
"""The private directory itself."""


def private_roots(data: Path) -> Path:
    """Return what all private directories lie in."""
    return data.absolute() / "akoflow" / "workflows"


def inputs_of(number: int, data: Path) -> dict[str, Any]:
    """Return the inputs of a run that is no rerun."""
    return {PRIVATE: str(private_roots(data) / str(number)), FIRST: number}


def own_names(activities: Sequence[ActivityDraft]) -> list[tuple[str, bool]]:
    """Return the name of each activity's directory in `standalone`, and whether its id must follow.

    It must where the name had to be changed, or is that of another one, or might be.
    """
    safe = [_FOREIGN.sub("-", activity.name) for activity in activities]
    found: list[tuple[str, bool]] = []
    taken: set[str] = set()
    for name, activity in zip(safe, activities, strict=True):
        is_changed = name != activity.name or name in (".", "..") or name in taken
        taken.add(name)
        found.append((name, is_changed))
    numbered = {name for name, is_changed in found if is_changed}
    return [
        (name, is_changed or ((match := _NUMBERED.fullmatch(name)) is not None and match[1] in numbered))
        for name, is_changed in found
    ]
