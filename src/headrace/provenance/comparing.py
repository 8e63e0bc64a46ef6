"""Whether the files that an execution left are still as it left them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct, field

from headrace.provenance.index import is_same, place
from headrace.provenance.scan import look
from headrace.store.protocol import Provenance
from headrace.store.provenance_rows import FileVersion


class _Left(Struct):
    """What the tasks of an execution left at a path."""

    version: FileVersion | None
    """None when it was deleted after all."""
    tasks: set[tuple[int, str]] = field(default_factory=set)
    """All that changed it in turn, by execution and name: the last one began with what the others did."""


async def changed_since(provenance: Provenance, executions: Iterable[int]) -> set[tuple[int, str]]:
    """Return the tasks that made or changed a file which is not as the last of them left it.

    The executions are one that was run again, its rerun, and so on: what a later one changed is no change
    from outside. A task is told with the number of its execution.
    """
    left: dict[str, _Left] = {}
    for execution in executions:
        cursor = None
        while True:
            page = await provenance.uses(execution, kinds=("created", "modified", "deleted"), cursor=cursor)
            for recorded in page.rows:
                known = left.setdefault(place(recorded.version), _Left(None))
                known.version = recorded.after
                known.tasks.add((execution, recorded.use.task))
            cursor = page.cursor
            if cursor is None:
                break
    return await asyncio.to_thread(_changed, left.values())


def _changed(left: Iterable[_Left]) -> set[tuple[int, str]]:
    changed: set[tuple[int, str]] = set()
    for each in left:
        if each.version is not None and not each.tasks <= changed and not _is_as_left(each.version):
            changed |= each.tasks
    return changed


def _is_as_left(version: FileVersion) -> bool:
    path = place(version)
    state = look(path)
    if state is None or (state.size, state.link) != (version.size, version.link):
        return False
    if is_same(version, state) or version.link is not None:
        return True
    if version.sha256 is None:
        return False
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == version.sha256
    except OSError:
        return False
