"""What was found wrong or odd in one body, and in which order it is told.

Problems are collected in the order of the rules and told in the order of the document.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.dialects.dataflow.names import Suggestions
from headrace.dialects.dataflow.wire import MOST_PROBLEMS
from headrace.errors import Problem


def member(path: str, key: str) -> str:
    """Return the JSON pointer of a member of the object at `path` (RFC 6901)."""
    if "~" in key or "/" in key:
        key = key.replace("~", "~0").replace("/", "~1")
    return f"{path}/{key}"


class Findings:
    """Collects the problems and the warnings of one body."""

    __slots__ = ("_suggestions", "problems", "warnings")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._suggestions = Suggestions()

    def problem(
        self, path: str, code: str, message: str, *, suggestion: str | None = None, task: str | None = None
    ) -> None:
        """Note what forbids the request."""
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

    def nearest(self, written: str, names: Iterable[str]) -> str | None:
        """Return the name that was probably meant."""
        return self._suggestions.nearest(written, names)

    def told(self, document: Any) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        """Return problems and warnings in document order, at most 100 of each and how many more there are.

        The rest is one `more_problems`, and one `more_warnings`.
        """
        places = _Places(document)
        problems = sorted(self.problems, key=lambda problem: places.of(problem.path))
        warnings = sorted(self.warnings, key=lambda problem: places.of(problem.path))
        if (more := len(problems) - MOST_PROBLEMS) > 0:
            message = f"There {'is 1 more problem' if more == 1 else f'are {more} more problems'}."
            problems[MOST_PROBLEMS:] = [Problem(path="", code="more_problems", message=message)]
        if (more := len(warnings) - MOST_PROBLEMS) > 0:
            message = f"There {'is 1 more warning' if more == 1 else f'are {more} more warnings'}."
            warnings[MOST_PROBLEMS:] = [Problem(path="", code="more_warnings", message=message)]
        return tuple(problems), tuple(warnings)


class _Places:
    """Turns pointers into places that sort as the document reads."""

    __slots__ = ("_document", "_indexes")

    def __init__(self, document: Any) -> None:
        self._document = document
        self._indexes: dict[int, dict[str, int]] = {}

    def of(self, pointer: str) -> tuple[int, ...]:
        place: list[int] = []
        value = self._document
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and key in value:
                place.append(self._index(value)[key])
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                place.append(int(key))
                value = value[int(key)]
            else:
                break
        return tuple(place)

    def _index(self, value: dict[str, Any]) -> dict[str, int]:
        index = self._indexes.get(id(value))
        if index is None:
            index = self._indexes[id(value)] = {key: at for at, key in enumerate(value)}
        return index
