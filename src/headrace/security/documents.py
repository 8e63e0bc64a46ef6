"""Guarded reading of strangers' JSON and YAML, with a way back from a value to its place in the source.

Every function raises `InvalidDefinition` and nothing else, whatever the bytes are.
The values are plain JSON values (None, bool, int, float, str, list, dict with text keys).
A YAML alias gives the same object twice, so a caller that wants to change a value copies it first.
What the document means is for the dialects; this file never knows a key by name.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from headrace.errors import InvalidDefinition, Problem
from headrace.security import json_source, yaml_source
from headrace.security.yaml_counting import Limits
from headrace.security.yaml_scalars import Scalar, as_scalar, as_value

__all__ = [
    "Document",
    "Place",
    "Scalar",
    "looks_like_json",
    "read",
    "read_json",
    "read_yaml",
    "read_yaml_texts",
]

MAX_DEPTH = 64
"""Containers within containers, counting the root; the limit of every door."""

MAX_NODES = 2_000_000
"""Scalars, keys and containers of a YAML document, with each alias counted as all that it stands for.

A long list in brackets that has more is refused after 0.2 s (0.9 s where it has 24 MiB); lists and mappings
in lines, and what breaks off, after 1.4 s (2.5 s where it has 24 MiB); all in little memory.
A document that has just as many takes 2.5 s.
"""

MAX_CHARACTERS = 128 * 1024 * 1024
"""Text of a YAML document, with each alias counted as all that it stands for."""


MOST_READ_TWICE = 1024 * 1024
"""Bytes of a broken JSON text above which nobody tries whether it is YAML, which is much slower to read."""


class Place(NamedTuple):
    """Where something stands in the source text."""

    line: int
    """From 1."""
    column: int
    """From 1, in code points."""


class Source(Protocol):
    """Finds the places of the parts of one document."""

    def key(self, tokens: list[str]) -> tuple[int, int] | None:
        """Line and column of the key of a member, or of an element; None when there is no such part."""
        ...


class Document(Struct, frozen=True, eq=False):
    """A document that was read, and the places of its parts."""

    value: Any
    """The root; from `read_yaml_texts` every scalar below it is a `Scalar`."""
    source: Source
    """Finds places; computed when first asked, so that good documents do not pay for it."""

    def locate(self, pointer: str) -> Place | None:
        """Return the place of the key (or element) that the JSON pointer names; None when it is absent."""
        return self._place(self.source.key(tokens_of(pointer)))

    def locate_nearest(self, pointer: str) -> Place:
        """Locate as `locate` does; for a missing part, the innermost part around it that exists."""
        tokens = tokens_of(pointer)
        while tokens:
            if found := self.source.key(tokens):
                return Place(*found)
            tokens.pop()
        return self._place(self.source.key([])) or Place(1, 1)

    @staticmethod
    def _place(found: tuple[int, int] | None) -> Place | None:
        return None if found is None else Place(*found)


def tokens_of(pointer: str) -> list[str]:
    """Return the unescaped parts of a JSON pointer (RFC 6901)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def looks_like_json(data: bytes) -> bool:
    """Tell whether a text begins as JSON objects and arrays do; any other text is taken for YAML."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def read(data: bytes) -> Document:
    """Read JSON or YAML, whichever the text is; raises what `read_json` or `read_yaml` raises.

    A text that begins as JSON may be YAML in flow style: it is read as JSON, and as YAML when that fails.
    """
    if not looks_like_json(data):
        return read_yaml(data)
    try:
        return read_json(data)
    except InvalidDefinition as error:
        meant = _is_meant_as_json(data, error.problems[0])
        if meant is None or (meant and len(data) > MOST_READ_TWICE):
            raise
        try:
            return read_yaml(data)
        except InvalidDefinition as other:
            raise (error if meant else other) from None


def _is_meant_as_json(data: bytes, problem: Problem) -> bool | None:
    """Tell whether a text that cannot be read as JSON begins as such; None when it cannot be YAML either.

    A number that JSON has not, a key twice, and a comma before a closing bracket are mistakes of JSON, which
    YAML would take for something else.
    """
    if problem.line is None or problem.column is None or not problem.message.startswith("Expecting"):
        return None
    lines = data.decode("utf-8-sig", "replace").split("\n")
    before = "\n".join([*lines[: problem.line - 1], lines[problem.line - 1][: problem.column - 1]]).rstrip()
    following = lines[problem.line - 1][problem.column - 1 :].lstrip()
    if before.endswith(",") and following[:1] in ("}", "]"):
        return None
    return not following or bool(before.strip(" \t\r\n[{"))


def read_json(data: bytes, *, max_depth: int = MAX_DEPTH) -> Document:
    """Read a JSON text (RFC 8259) in UTF-8; a byte order mark before it is ignored.

    Raises InvalidDefinition with `invalid_json`, `duplicate_key` (all of them, to 100) or `too_deep`.
    """
    text = _text(data, code="invalid_json")
    return Document(json_source.read(text, max_depth), json_source.JsonSource(text))


def read_yaml(
    data: bytes,
    *,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
    max_characters: int = MAX_CHARACTERS,
) -> Document:
    """Read one YAML document in UTF-8 by the YAML 1.2 core schema; no document at all is None.

    Keys are the source text of their scalars.
    Merge keys (`<<`) are refused: the core schema has none, and to take one for an ordinary key would drop
    what its writer meant without a word.
    `.inf`, `.nan` and numbers that no JSON number can carry stay texts.

    Raises InvalidDefinition with `not_utf8`, `yaml_syntax`, `yaml_many_documents`, `duplicate_key`,
    `yaml_tag`, `yaml_merge_key` or `yaml_too_complex`.
    """
    limits = Limits(max_depth, max_nodes, max_characters)
    return Document(*yaml_source.read(_text(data, code="not_utf8"), limits, as_value))


def read_yaml_texts(
    data: bytes,
    *,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
    max_characters: int = MAX_CHARACTERS,
) -> Document:
    """Read as `read_yaml` does, with each scalar (but not the keys) as a `Scalar`, which keeps its text.

    YAML has nearly all of JSON, but not an emoji as two escapes (which most programs write), nor a tab
    before a key, nor a key of thousands of characters; so JSON that is no YAML is read as JSON.
    """
    limits = Limits(max_depth, max_nodes, max_characters)
    text = _text(data, code="not_utf8")
    try:
        return Document(*yaml_source.read(text, limits, as_scalar))
    except InvalidDefinition as error:
        if error.problems[-1].code != "yaml_syntax" or not looks_like_json(data):
            raise
        return _json_texts(text, error, max_depth)


def _json_texts(text: str, error: InvalidDefinition, max_depth: int) -> Document:
    """Read JSON as `read_yaml_texts` does; raises `error` when it is none."""
    try:
        value = json_source.read(text, max_depth, lambda number: as_scalar(number, "?"))
    except InvalidDefinition as other:
        [first, *_] = other.problems
        if first.code == "duplicate_key":
            raise
        if first.message.startswith(json_source.LONE_SURROGATE):
            raise InvalidDefinition([replace(first, code="yaml_syntax")]) from None
        raise error from None
    return Document(_with_scalars(value), json_source.JsonSource(text))


def _with_scalars(value: Any) -> Any:
    """Return a value that was read from JSON with what stands in it as scalars."""
    match value:
        case dict():
            return {key: _with_scalars(member) for key, member in value.items()}
        case list():
            return [_with_scalars(element) for element in value]
        case str():
            return Scalar(value, value)
        case Scalar():
            return value
        case _:
            return Scalar(json.dumps(value), value)


def _text(data: bytes, *, code: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        line, column = json_source.line_and_column(before, len(before))
        found = f"byte 0x{error.object[error.start]:02x}"
        message = f"The document is not UTF-8 text: {found} at line {line}, column {column}."
        problem = Problem(path="", code=code, message=message, line=line, column=column)
        raise InvalidDefinition([problem]) from None
