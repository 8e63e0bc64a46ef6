"""Reads the mappings of a document field by field, noting what has the wrong shape.

A text field takes any scalar and keeps its source text; an explicit null equals an absent key.
Knows no field by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from headrace.dialects.akoflow.findings import Findings
from headrace.security.documents import Scalar

CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
"""What no name, path or other short text may have in it."""
_YES = frozenset({"yes", "on", "true"})
_NO = frozenset({"no", "off", "false"})


def is_absent(value: Any) -> bool:
    """Tell whether a value stands for nothing: no key, or an explicit null."""
    return value is None or (type(value) is Scalar and value.value is None)


def kind_of(value: Any) -> str:
    """Return what a value is, for sentences."""
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return "a single value"


class Table:
    """One mapping of the document."""

    __slots__ = ("_moved", "_task", "findings", "path", "values")

    def __init__(
        self,
        values: dict[str, Any],
        path: str,
        findings: Findings,
        task: str | None = None,
        moved: frozenset[str] = frozenset(),
    ) -> None:
        self.values = values
        self.path = path
        self.findings = findings
        self._task = task
        self._moved = moved
        """Keys that stand at the root of the document and not in this mapping."""

    def at(self, key: str) -> str:
        """Return the JSON pointer of a member (RFC 6901)."""
        if "~" in key or "/" in key:
            key = key.replace("~", "~0").replace("/", "~1")
        return f"/{key}" if key in self._moved else f"{self.path}/{key}"

    def has(self, key: str) -> bool:
        """Tell whether the key stands here with a value."""
        return not is_absent(self.values.get(key))

    def problem(self, key: str, code: str, message: str, suggestion: str | None = None) -> None:
        """Note a problem of a member."""
        self.findings.problem(self.at(key), code, message, suggestion=suggestion, task=self._task)

    def warn(self, key: str, code: str, message: str, suggestion: str | None = None) -> None:
        """Note a warning about a member."""
        self.findings.warn(self.at(key), code, message, suggestion=suggestion, task=self._task)

    def check_keys(self, known: tuple[str, ...], ignored: frozenset[str] = frozenset()) -> None:
        """Warn of every key that nobody reads."""
        for key in self.values:
            if key not in known and key not in ignored:
                near = self.findings.nearest(key, known)
                self.warn(key, "unknown_key", f"The key '{key[:80]}' is not known here and is ignored.", near)

    def source(self, key: str) -> str | None:
        """Return a text with whatever characters it has; None when it is absent or of another shape."""
        value = self.values.get(key)
        if value is None:
            return None
        if type(value) is not Scalar:
            self.wrong_type(key, "a single value", value)
            return None
        return None if value.value is None else value.text

    def text(self, key: str) -> str | None:
        """Return a text without control characters; None when it is absent or was refused."""
        text = self.source(key)
        if text and CONTROL.search(text):
            self.problem(key, "control_character", f"'{key}' has a control character in it.")
            return None
        return text

    def flag(self, key: str) -> bool:
        """Return a boolean, also written as yes, no, on or off; False when it is absent."""
        word = (self.source(key) or "no").lower()
        if word not in _YES and word not in _NO:
            self.problem(key, "wrong_type", f"'{key}' must be true or false.")
        return word in _YES

    def table(self, key: str) -> Table | None:
        """Return a mapping inside; None when it is absent or of another shape."""
        value = self.values.get(key)
        if is_absent(value):
            return None
        if type(value) is not dict:
            self.wrong_type(key, "a mapping", value)
            return None
        return Table(value, self.at(key), self.findings, self._task)

    def items(self, key: str) -> list[Any]:
        """Return the elements of a list; none when it is absent or of another shape."""
        value = self.values.get(key)
        if is_absent(value):
            return []
        if type(value) is not list:
            self.wrong_type(key, "a list", value)
            return []
        return value

    def texts(self, key: str) -> list[tuple[str, str]]:
        """Return the texts of a list with their pointers; what is no text is noted and left out."""
        return list(self.texts_of(key, self.items(key)))

    def texts_of(self, key: str, items: list[Any]) -> Iterable[tuple[str, str]]:
        """Yield the texts among the elements of this list."""
        for index, item in enumerate(items):
            path = f"{self.at(key)}/{index}"
            if type(item) is not Scalar or item.value is None:
                message = f"Each element of '{key}' must be a text; this is {kind_of(item)}."
                self.findings.problem(path, "wrong_type", message, task=self._task)
            elif CONTROL.search(item.text):
                message = f"An element of '{key}' has a control character in it."
                self.findings.problem(path, "control_character", message, task=self._task)
            else:
                yield item.text, path

    def wrong_type(self, key: str, wanted: str, value: Any) -> None:
        """Note that a member has the wrong shape."""
        self.problem(key, "wrong_type", f"'{key}' must be {wanted}; it is {kind_of(value)}.")
