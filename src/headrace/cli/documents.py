"""Documents of any dialect as files: read, recognised, parsed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.cli.statuses import UsageError
from headrace.errors import NotFound, Problem
from headrace.security.documents import read_yaml

if TYPE_CHECKING:
    from headrace.dialects.protocol import Dialect, Parsed
    from headrace.tasks.library import Library

LARGEST = 64 * 1024 * 1024
"""Bytes of a document that is read at all; every dialect's own limit is lower."""

MOST_TASKS = 50_000
"""Tasks of a document that is checked without a server, whose own limit is a setting."""


class Source(Struct, frozen=True):
    """A document as it was found."""

    name: str
    """As messages call it: the path that was given."""
    content: bytes


def read(path: Path) -> Source:
    """Read a document, `-` from standard input; raises `NotFound` or `UsageError`."""
    if str(path) == "-":
        return Source("<stdin>", sys.stdin.buffer.read(LARGEST + 1)[:LARGEST])
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST // 1024**2} MiB.")
        return Source(str(path), path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def dialects() -> dict[str, Dialect]:
    """Return all installed dialects by name."""
    from headrace import plugins

    return {plugin.name: plugin.value for plugin in plugins.load(plugins.DIALECTS).found}  # type: ignore[misc]


def parse(
    source: Source, dialect: str | None, known: Mapping[str, Dialect], library: Library
) -> tuple[Dialect, Parsed]:
    """Parse a document in the dialect that is named, or in the one that recognises it.

    A dialect that is written in JSON is read from YAML too, with the places of the YAML text.
    Raises `UsageError` for an unknown dialect, `InvalidDefinition` for a document that nobody recognises.
    """
    from headrace.api import definitions

    if dialect is not None and dialect not in known:
        raise UsageError(f"There is no dialect '{dialect}'; known are {', '.join(known)}.")
    chosen = definitions.dialect_of(known, dialect, source.content)
    parsed = chosen.parse(source.content, library, max_tasks=MOST_TASKS)
    if _is_json(source.content) or [problem.code for problem in parsed.problems] != ["invalid_json"]:
        return chosen, parsed
    parsed = chosen.parse(as_json(source), library, max_tasks=MOST_TASKS)
    return chosen, _Relocated(parsed, source)


def as_json(source: Source) -> bytes:
    """Return a document as JSON, whether it was written so or as YAML; raises `InvalidDefinition`."""
    if _is_json(source.content):
        return source.content
    return msgspec.json.encode(read_yaml(source.content).value)


def relocated(problems: Sequence[Problem], source: Source) -> list[Problem]:
    """Return problems of a translation with the places of the YAML that was translated."""
    document = read_yaml(source.content)
    places = [document.locate_nearest(problem.path) for problem in problems]
    return [
        replace(problem, line=place.line, column=place.column)
        for problem, place in zip(problems, places, strict=True)
    ]


class _Relocated:
    """What became of a translation, with the places of the original."""

    def __init__(self, parsed: Parsed, source: Source) -> None:
        self.definition = parsed.definition
        self.problems = relocated(parsed.problems, source)
        self.warnings = relocated(parsed.warnings, source)


def _is_json(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
