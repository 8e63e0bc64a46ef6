"""Judges the environment of a script: which names and values a process can be given.

Knows nothing of shells: one may well be unable to read, or to pass on, a variable that its process has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from headrace.definition.templates import Literal, Template, Text
from headrace.dialects.dataflow.findings import member
from headrace.dialects.dataflow.values import Compiled


class Wrong(NamedTuple):
    """A problem with one variable, or with all of them."""

    path: str
    code: str
    message: str


def wrong_in(environment: Compiled, path: str) -> Iterator[Wrong]:
    """Yield what is wrong with the value of `env`, which stands at `path`."""
    if environment.kind == "reference":
        message = "'env' must be written out as an object; its values may be references."
        yield Wrong(path, "type_mismatch", message)
    for name, value in environment.members.items():
        at = member(path, name)
        if not name or "=" in name or "\0" in name:
            message = "The name of a variable is not empty, and has no '=' and no NUL character in it."
            yield Wrong(at, "invalid_name", message)
        if _has_nul(value.template):
            yield Wrong(at, "invalid_value", "The value of a variable has no NUL character in it.")
        if file := _file_in(value):
            message = f"core.shell needs a text for the variable '{name[:60]}'; {file} is file."
            yield Wrong(at, "type_mismatch", message)


def _has_nul(template: Template) -> bool:
    """Tell whether a text has such a character for certain; inside lists and objects JSON escapes it."""
    match template:
        case Literal(str() as text):
            return "\0" in text
        case Text(parts):
            return any(isinstance(part, str) and "\0" in part for part in parts)
        case _:
            return False


def _file_in(value: Compiled) -> str | None:
    """Return the first reference to a file, which has no text, in a value or inside it."""
    if value.reference is not None:
        return value.reference.written if value.type == "file" else None
    return next((found for each in value.members.values() if (found := _file_in(each))), None)
