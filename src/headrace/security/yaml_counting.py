"""Counts the values of a large YAML text before any is made, so that too many cost neither time nor memory.

What an alias stands for is counted where values are made (`yaml_source`): a text with few values of its own
is soon read.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from yaml import CSafeLoader, YAMLError, events

from headrace.errors import InvalidDefinition, Problem

_OPENING = "[{:-?"
"""Each mapping and each sequence has at least one of these of its own."""
_STRUCTURE = f"{_OPENING},\n"
_MOST_AT_ONE = 3
"""Values that begin at one of those: a mapping, its first key and the value of that."""
_AROUND = 4
"""Events that begin and end the stream and a document."""

_STARTS = frozenset({events.SequenceStartEvent, events.MappingStartEvent})
_VALUES = frozenset({events.ScalarEvent, events.AliasEvent})
_ENDS = frozenset({events.SequenceEndEvent, events.MappingEndEvent})

_PIECE = 2048
"""Characters given to libyaml at once; between them other threads get their turn."""
_PATIENCE = 0.1
_PATIENCE_FOR_EACH = 60e-9
"""Seconds of this thread's processor time for a text and for each character; libyaml needs 40e-9 at most."""


_MOST_TAG_LINES = 100
"""libyaml compares each `%TAG` with all before it, and reads them all before it says anything."""


class Limits(NamedTuple):
    """How much a document may hold once its aliases are expanded."""

    depth: int
    nodes: int
    characters: int
    """Of scalars, keys and tags."""

    def too_deep(self) -> str:
        """Say that there are more levels."""
        return f"The document is nested more than {self.depth} levels deep"

    def too_many_nodes(self) -> str:
        """Say that there are more values."""
        return f"The document has more than {self.nodes:,} values with its aliases expanded"

    def too_many_characters(self) -> str:
        """Say that there is more text."""
        return f"The document has more than {self.characters:,} characters with its aliases expanded"


class _Slow(Exception):
    """What libyaml needs for this text grows faster than the text does."""


class _Pieces:
    """A text given out in pieces, until reading them has taken too long."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._began = time.thread_time()

    def read(self, _size: int = _PIECE, /) -> str:
        """Return the next piece; raises _Slow."""
        if time.thread_time() - self._began > _PATIENCE + self._at * _PATIENCE_FOR_EACH:
            raise _Slow
        piece = self._text[self._at : self._at + _PIECE]
        self._at += len(piece)
        return piece


def check(text: str, limits: Limits) -> None:
    """Refuse a text with more values of its own than a document may hold.

    Texts with few signs are not looked at twice; others are counted by libyaml alone, 0.08 µs for a value,
    and by its Python binding, 0.6 µs, where that is not enough: it tells no beginnings from ends.
    Its time grows with the square of the depth in brackets, and it is given up where that shows.

    Raises InvalidDefinition with `yaml_too_complex`; a text that cannot be read passes.
    """
    if text.count("\n%TAG") + text.count("\r%TAG") > _MOST_TAG_LINES:
        raise _too_complex(f"The document has more than {_MOST_TAG_LINES} lines that begin with %TAG")
    if _signs(text, _STRUCTURE) * _MOST_AT_ONE < limits.nodes:
        return
    try:
        parts = CSafeLoader(_Pieces(text)).raw_parse() - _AROUND
    except (YAMLError, UnicodeEncodeError, _Slow):
        parts = None
    if parts is not None and parts <= limits.nodes:
        return
    if parts is not None and parts - min(parts // 2, _signs(text, _OPENING)) > limits.nodes:
        raise _too_complex(limits.too_many_nodes())
    try:
        _check_each(CSafeLoader(text), limits)
    except (YAMLError, UnicodeEncodeError):
        return


def _signs(text: str, signs: str) -> int:
    return sum(text.count(sign) for sign in signs)


def _check_each(parser: Any, limits: Limits) -> None:
    nodes = depth = characters = 0
    while (event := parser.get_event()) is not None:
        kind = type(event)
        if kind in _ENDS:
            depth -= 1
            continue
        if kind in _STARTS:
            depth += 1
            if depth > limits.depth:
                raise _too_complex(limits.too_deep(), event.start_mark)
        elif kind not in _VALUES:
            continue
        nodes += 1
        if nodes > limits.nodes:
            raise _too_complex(limits.too_many_nodes())
        if kind is not events.AliasEvent and event.tag is not None:
            characters += len(event.tag)
            if characters > limits.characters:
                raise _too_complex(limits.too_many_characters(), event.start_mark)


def _too_complex(message: str, mark: Any | None = None) -> InvalidDefinition:
    line, column = (0, 0) if mark is None else (mark.line, mark.column)
    problem = Problem(
        path="", code="yaml_too_complex", message=f"{message}.", line=line + 1, column=column + 1
    )
    return InvalidDefinition([problem])
