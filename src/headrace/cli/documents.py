"""Documents of any dialect as files: read, recognised, parsed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from headrace.cli.statuses import UsageError
from headrace.errors import NotFound

if TYPE_CHECKING:
    from headrace.dialects.protocol import Dialect, Parsed
    from headrace.settings import Settings

LARGEST = 64 * 1024 * 1024
"""Bytes of a document that is read at all; every dialect's own limit is lower."""


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


def parse(source: Source, dialect: str | None, settings: Settings) -> tuple[Dialect, Parsed]:
    """Parse a document in the dialect that is named, or in the one that recognises it.

    It is judged by these settings, as a server would that has them, but for what stands in its store.
    Raises `UsageError` for an unknown dialect, `InvalidDefinition` for a document that nobody recognises.
    """
    from headrace.api import definitions
    from headrace.dialects.protocol import Judging
    from headrace.runtimes import registry
    from headrace.tasks.library import Library

    known = dialects()
    if dialect is not None and dialect not in known:
        raise UsageError(f"There is no dialect '{dialect}'; known are {', '.join(known)}.")
    chosen = definitions.dialect_of(known, dialect, source.content)
    if isinstance(chosen, Judging):
        runtimes = registry.capabilities_of(settings, registry.installed(settings, ()))
        return chosen, chosen.parse_for(source.content, settings, runtimes)
    library = Library.installed(why_no_commands=settings.local.why_no_shell)
    return chosen, chosen.parse(source.content, library, max_tasks=settings.max_tasks)
