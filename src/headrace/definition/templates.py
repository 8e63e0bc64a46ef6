"""How a definition speaks of values that are not known yet.

A dialect compiles its own template syntax into these five shapes, so that the engine never sees a brace.
This file knows nothing of how an expression is read or evaluated (that is `headrace.expressions`).
"""

from __future__ import annotations

from typing import Any, Literal as OneOf

from msgspec import Struct

Json = Any
"""A JSON value: None, bool, int, float, str, list, dict with text keys; inside it, a reference below."""


class ValueRef:
    """A value too large for the journal, kept by content hash in the artifact store.

    A plain class and not a Struct, so that the codec can tell it from a user's object at any depth.
    """

    __slots__ = ("kind", "sha256", "size")

    def __init__(self, sha256: str, size: int, kind: OneOf["text", "json"]) -> None:
        self.sha256 = sha256
        """Lower-case hex digest of the stored bytes."""
        self.size = size
        """Length of the stored bytes."""
        self.kind: OneOf["text", "json"] = kind
        """`text` is UTF-8 text, `json` is what `codec.encode` makes of the value."""

    def _key(self) -> tuple[str, int, str]:
        return (self.sha256, self.size, self.kind)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValueRef) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"ValueRef({self.sha256[:8]}…, {self.size}, {self.kind!r})"


class FileRef:
    """A file in the artifact store, with the name and media type that people know it by."""

    __slots__ = ("content_type", "name", "sha256", "size")

    def __init__(self, sha256: str, size: int, name: str, content_type: str) -> None:
        self.sha256 = sha256
        """Lower-case hex digest of the content."""
        self.size = size
        """Length in bytes."""
        self.name = name
        """Base name, never a path."""
        self.content_type = content_type
        """Media type, `application/octet-stream` when nothing better is known."""

    def _key(self) -> tuple[str, int, str, str]:
        return (self.sha256, self.size, self.name, self.content_type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileRef) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"FileRef({self.name!r}, {self.size}, {self.sha256[:8]}…)"


class Literal(Struct, frozen=True, tag="literal"):
    """A value that stands as it is; braces and dollars inside it mean nothing."""

    value: Json


class Expr(Struct, frozen=True, tag="expr", omit_defaults=True):
    """One expression of the expression language; its value keeps its type."""

    source: str
    written: str = ""
    """How the document spells it, for sentences; empty where it spells the source itself."""


class Text(Struct, frozen=True, tag="text"):
    """A text joined from pieces: literal text as it is, expressions by the rules of interpolation."""

    parts: tuple[str | Expr, ...]


class ListOf(Struct, frozen=True, tag="list"):
    """A list, each element a template."""

    items: tuple[Template, ...]


class ObjectOf(Struct, frozen=True, tag="object"):
    """An object, each value a template; keys are never templates."""

    entries: dict[str, Template]


Template = Literal | Expr | Text | ListOf | ObjectOf
