"""Files that a run made, as files with an id (section 2).

The id follows from the run and the content, so that a webhook, which is written before anything is committed,
and requests at the same time all say the same one.
Where somebody is told of the run, each file is remembered with the event that made it; else when it is first
shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from headrace.definition.templates import FileRef
from headrace.dialects.dataflow.shown import kept_elsewhere
from headrace.engine import events
from headrace.store.rows import FileRow

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_LETTERS = 8


def file_id(execution: int, sha256: str) -> str:
    """Return the id of a file of a run, `file-…`."""
    digest = hashlib.sha256(f"{execution} {sha256}".encode()).digest()
    rest, letters = int.from_bytes(digest[:8]), ""
    for _ in range(_LETTERS):
        rest, letter = divmod(rest, len(_ALPHABET))
        letters += _ALPHABET[letter]
    return f"file-{letters}"


def row_of(execution: int, file: FileRef, number: int, at: float) -> FileRow:
    """Return what is remembered of a file of a run; `at` is in Unix seconds."""
    return FileRow(
        number=number,
        id=file_id(execution, file.sha256),
        name=file.name,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        created_at=at,
        execution=execution,
    )


def files_of(happened: Iterable[events.AnyEvent]) -> Iterator[FileRef]:
    """Yield the files that the details of a run show from these events on."""
    for event in happened:
        yield from (ref for ref in kept_elsewhere(_shown_from(event)) if isinstance(ref, FileRef))


def _shown_from(event: events.AnyEvent) -> dict[str, Any]:
    match event:
        case events.ExecutionStarted(inputs=shown):
            return shown
        case events.TaskSucceeded(outputs=shown) | events.TaskReused(outputs=shown):
            return shown
        case events.ExecutionEnded(outputs=shown):
            return shown
        case _:
            return {}
