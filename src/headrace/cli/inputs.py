"""Inputs as people type them, `name=value`, read by the type of the input that they are for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.cli.statuses import UsageError


def pairs(given: Sequence[str] | None, *, what: str = "input") -> dict[str, str]:
    """Return the texts by name; raises `UsageError` for what is no pair and for a name given twice."""
    found: dict[str, str] = {}
    for each in given or ():
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise UsageError(f"The {what} '{each}' is no pair: write it as name=value.")
        if name in found:
            raise UsageError(f"The {what} '{name}' is given twice.")
        found[name] = text
    return found


def typed(given: Mapping[str, str], types: Mapping[str, str]) -> dict[str, Any]:
    """Return the values for inputs of these types: what is no text is read as JSON.

    `@FILE` is a `Path` for an input of type file, and the content of the file for every other.
    A name without a type is sent as its text, so that the server or the engine can say what it knows.
    """
    return {name: _value(name, text, types.get(name, "text")) for name, text in given.items()}


def types_of(ports: Iterable[Any]) -> dict[str, str]:
    """Return the type of each input."""
    return {port.name: port.type for port in ports}


def _value(name: str, text: str, type: str) -> Any:
    if type == "file" and text.startswith("@"):
        return _existing(name, Path(text[1:]))
    if text.startswith("@"):
        text = _content(name, Path(text[1:]))
    if type in ("text", "file"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        if type == "any":
            return text
        wanted = {"number": "a number", "boolean": "true or false"}.get(type, f"JSON ({type})")
        raise UsageError(f"The input '{name}' needs {wanted}, not '{text[:60]}'.") from None


def _existing(name: str, path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"The input '{name}' names {path}, which is no file.")
    return path


def _content(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The input '{name}' cannot be read from {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The input '{name}' cannot be read from {path}: it is not UTF-8 text.") from None
