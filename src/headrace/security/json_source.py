"""JSON texts: the strict decoder and the finder of places.

The value is made by the C decoder of the standard library, because only that one has a hook to see a key
twice in one object.
Places are found only when somebody asks, by walking down from the root while the same C scanner skips what
lies beside the way.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from headrace.errors import InvalidDefinition, Problem

LONE_SURROGATE = "A lone surrogate is not a character"
"""How the message begins that an escape is half of a character."""

_MOST_PROBLEMS = 100
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_STRUCTURE = re.compile(_STRING + r"|[{}\[\],]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_WITHOUT_LONE_SURROGATES = re.compile(
    r"(?:[^\\]++|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\(?!u[dD][89a-fA-F]).)*+", re.DOTALL
)
"""As much of a JSON text as has both halves of every character that is escaped by two."""
_scan = json.JSONDecoder().raw_decode


class _NotJson(ValueError):
    """A literal that Python would read and JSON does not know."""


class _NotFinite(ValueError):
    """A number that is larger than a float can be."""


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of a character, both from 1, the column in code points."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def read(text: str, max_depth: int, read_number: Callable[[str], Any] | None = None) -> Any:
    """Return the value of the text, with numbers as `read_number` reads them; raises InvalidDefinition."""
    has_doubles = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_doubles
        made = dict(pairs)
        if len(made) != len(pairs):
            has_doubles = True
        return made

    try:
        value = json.loads(
            text,
            object_pairs_hook=members,
            parse_constant=_refuse_constant,
            parse_float=read_number or _finite,
            parse_int=read_number,
        )
    except RecursionError:
        raise _too_deep(max_depth) from None
    except json.JSONDecodeError as error:
        raise _broken(error.msg if text.strip() else "The text is empty", text, error.pos) from None
    except _NotJson as error:
        raise _broken(f"{error} is not a JSON number", text, _outside_strings(text, str(error))) from None
    except _NotFinite as error:
        message = f"{error} is larger than a number can be here"
        raise _broken(message, text, _outside_strings(text, str(error))) from None
    except ValueError:
        raise _broken("An integer has too many digits", text, None) from None
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(text)
    _check_depth(value, max_depth)
    if has_doubles:
        raise InvalidDefinition(list(islice(_doubled_keys(text), _MOST_PROBLEMS)))
    return value


def _refuse_constant(literal: str) -> float:
    raise _NotJson(literal)


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise _NotFinite(literal)
    return number


def _refuse_lone_surrogates(text: str) -> None:
    """Refuse half of a character, in a text that is known to be JSON."""
    good = _WITHOUT_LONE_SURROGATES.match(text)
    assert good is not None
    at = good.end()
    if at < len(text):
        raise _broken(f"{LONE_SURROGATE} ({text[at : at + 6]})", text, at)


def _outside_strings(text: str, literal: str) -> int | None:
    for found in re.finditer(f"{_STRING}|{re.escape(literal)}", text):
        if not found.group().startswith('"'):
            return found.start()
    return None


def _broken(reason: str, text: str, offset: int | None) -> InvalidDefinition:
    if offset is None:
        return InvalidDefinition([Problem(path="", code="invalid_json", message=f"{reason}.")])
    line, column = line_and_column(text, offset)
    message = f"{reason} at line {line}, column {column}."
    return InvalidDefinition(
        [Problem(path="", code="invalid_json", message=message, line=line, column=column)]
    )


def _too_deep(max_depth: int) -> InvalidDefinition:
    message = f"The document is nested more than {max_depth} levels deep."
    return InvalidDefinition([Problem(path="", code="too_deep", message=message)])


def _check_depth(value: Any, max_depth: int) -> None:
    """Peel level by level, which no depth can make recurse."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        if not level:
            return
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
    if level:
        raise _too_deep(max_depth)


def _doubled_keys(text: str) -> Iterator[Problem]:
    """Find each key that its object has already, in a text that is known to be JSON, in one pass."""
    seen: list[dict[str, int] | None] = []
    path: list[str] = []
    wants_key = False
    for found in _STRUCTURE.finditer(text):
        part, here = found.group(), seen[-1] if seen else None
        match part[0]:
            case "{" | "[":
                seen.append({} if part == "{" else None)
                path.append("0")
                wants_key = part == "{"
            case "}" | "]":
                seen.pop()
                path.pop()
            case "," if here is None:
                path[-1] = str(int(path[-1]) + 1)
            case ",":
                wants_key = True
            case _ if wants_key and here is not None:
                wants_key = False
                path[-1] = json.loads(part)
                first = here.setdefault(path[-1], found.start())
                if first != found.start():
                    yield _duplicate(text, path, first, found.start())


def _duplicate(text: str, path: list[str], first: int, again: int) -> Problem:
    pointer = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in path)
    (earlier, _), (line, column) = line_and_column(text, first), line_and_column(text, again)
    message = f"The key {path[-1][:80]!r} stands twice in one object (lines {earlier} and {line})."
    return Problem(path=pointer, code="duplicate_key", message=message, line=line, column=column)


class _Container:
    """One object or array of the text, read as far as somebody has asked."""

    def __init__(self, parts: Iterator[tuple[str, int, int]]) -> None:
        self._parts = parts
        self._seen: dict[str, tuple[int, int]] = {}

    def find(self, token: str) -> tuple[int, int] | None:
        """Find the offsets of the key (or element) and of the value."""
        if token in self._seen:
            return self._seen[token]
        for name, key_at, value_at in self._parts:
            found = self._seen[name] = (key_at, value_at)
            if name == token:
                return found
        return None


class JsonSource:
    """Finds places in a text that the decoder has accepted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._containers: dict[int, _Container] = {}

    def key(self, tokens: list[str]) -> tuple[int, int] | None:
        """Find line and column of the key of a member, or of an element."""
        offsets = self._offsets(tokens)
        return None if offsets is None else line_and_column(self._text, offsets[0])

    def _offsets(self, tokens: list[str]) -> tuple[int, int] | None:
        start = self._skip_space(0)
        found: tuple[int, int] | None = (start, start)
        for token in tokens:
            if found is None:
                return None
            at = found[1]
            container = self._containers.get(at)
            if container is None:
                container = self._containers[at] = _Container(self._parts(at))
            found = container.find(token)
        return found

    def _skip_space(self, offset: int) -> int:
        found = _SPACE.match(self._text, offset)
        return offset if found is None else found.end()

    def _parts(self, offset: int) -> Iterator[tuple[str, int, int]]:
        """Yield name, offset of the key and offset of the value of each part, in order."""
        text, opening = self._text, self._text[offset : offset + 1]
        if opening not in ("{", "["):
            return
        at, index = self._skip_space(offset + 1), 0
        while text[at] not in "]}":
            key_at = value_at = at
            name = str(index)
            if opening == "{":
                name, end = _scan(text, at)
                value_at = self._skip_space(self._skip_space(end) + 1)
            yield name, key_at, value_at
            _, end = _scan(text, value_at)
            at = self._skip_space(end)
            if text[at] == ",":
                at = self._skip_space(at + 1)
            index += 1
