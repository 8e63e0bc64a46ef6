"""What was found wrong or odd in one document, with the places of it.

Problems are collected in the order of the rules and told in the order of the document, the first hundred of
them; looking up a place costs a walk through the document, so only what is told is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace

from headrace.dialects.akoflow.wire import MOST_PROBLEMS
from headrace.errors import Problem
from headrace.security.documents import Document

_MOST_EFFORT = 20_000_000
"""Pairs of characters that one document may have compared: ten thousand slips must cost no minute."""
_LEAST_EFFORT = 1000
"""What a comparison costs however short the names are, in the same unit."""
_MOST_CHARACTERS = 300


class Told(Struct, frozen=True):
    """Problems or warnings as an answer shows them."""

    shown: tuple[Problem, ...] = ()
    """In document order, with line and column."""
    total: int = 0
    """How many there are altogether."""


class Findings:
    """Collects the problems and the warnings of one document."""

    __slots__ = ("_effort", "problems", "warnings")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._effort = _MOST_EFFORT

    def problem(
        self, path: str, code: str, message: str, *, suggestion: str | None = None, task: str | None = None
    ) -> None:
        """Note what forbids the document."""
        self.problems.append(
            Problem(path=path, code=code, message=message, suggestion=suggestion, task=task or None)
        )

    def warn(
        self, path: str, code: str, message: str, *, suggestion: str | None = None, task: str | None = None
    ) -> None:
        """Note what is accepted, though perhaps not meant."""
        self.warnings.append(
            Problem(path=path, code=code, message=message, suggestion=suggestion, task=task or None)
        )

    def nearest(self, written: str, names: Iterable[str], likeness: float = 0.75) -> str | None:
        """Return the name that was probably meant, in its own spelling; `likeness` is that of `difflib`."""
        spellings: dict[str, str] = {}
        wanted = written.lower()[:_MOST_CHARACTERS]
        for name in names:
            if self._effort <= 0:
                break
            self._effort -= max(_LEAST_EFFORT, len(wanted) * len(name))
            spellings.setdefault(name.lower(), name)
        near = get_close_matches(wanted, spellings, 1, likeness)
        return spellings[near[0]] if near else None


def told(found: Sequence[Problem], document: Document) -> Told:
    """Return what an answer shows of problems or warnings."""
    located = [_located(problem, document) for problem in found[:MOST_PROBLEMS]]
    located.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    return Told(tuple(located), len(found))


def _located(problem: Problem, document: Document) -> Problem:
    place = document.locate_nearest(problem.path)
    return replace(problem, line=place.line, column=place.column)
