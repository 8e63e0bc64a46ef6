"""Runs that were rehearsed, and what their activities did with files, written by hand."""

from __future__ import annotations

import itertools
from typing import Any, Literal

from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.engine.execution import Execution
from headrace.store.provenance_rows import FileUse, FileVersion, RecordedUse
from headrace.testing.simulator import START, Result, rehearse


def rehearsed(text: str, results: dict[str, Result] | None = None) -> Execution:
    """Return the run of a document with these results."""
    parsed = parse(text.encode(), Surroundings())
    assert parsed.definition is not None, parsed.problems
    inputs = {"private_directory": "/private", "first_workflow": 1001}
    return rehearse(parsed.definition, results, inputs=inputs).execution


def digest(letter: str) -> str:
    """Return a hash that is easy to tell from others."""
    return letter * 64


class Records:
    """What was recorded of a run."""

    def __init__(self, directory: str = "/m") -> None:
        self.uses: list[RecordedUse] = []
        self._directory = directory
        self._numbers = itertools.count(1)

    def version(self, path: str, content: str | None, **more: Any) -> FileVersion:
        """Return a version whose hash is one letter many times."""
        named: dict[str, Any] = {
            "number": next(self._numbers),
            "directory": self._directory,
            "path": path,
            "size": 10,
            "mtime_ns": 1_700_000_000_000_000_000,
            "inode": 1,
            "sha256": None if content is None else digest(content),
            "seen_at": START,
        }
        return FileVersion(**(named | more))

    def read(self, task: str, version: FileVersion) -> None:
        """Let a task read a version."""
        self._add(task, "read", version, None)

    def created(
        self, task: str, path: str, content: str | None, *, is_certain: bool = True, **more: Any
    ) -> FileVersion:
        """Let a task create a file, and return what it left."""
        made = self.version(path, content, **more)
        self._add(task, "created", None, made, is_certain=is_certain)
        return made

    def modified(self, task: str, before: FileVersion, content: str) -> FileVersion:
        """Let a task change a file, and return what it left."""
        made = self.version(before.path, content, directory=before.directory)
        self._add(task, "modified", before, made)
        return made

    def deleted(self, task: str, before: FileVersion) -> None:
        """Let a task remove a file."""
        self._add(task, "deleted", before, None)

    def _add(
        self,
        task: str,
        kind: Literal["created", "modified", "deleted", "read"],
        before: FileVersion | None,
        after: FileVersion | None,
        *,
        is_certain: bool = True,
    ) -> None:
        use = FileUse(
            number=next(self._numbers),
            execution=1001,
            task=task,
            attempt=1,
            kind=kind,
            before=before.number if before is not None else None,
            after=after.number if after is not None else None,
            is_certain=is_certain,
            at=START + len(self.uses),
        )
        self.uses.append(RecordedUse(use=use, before=before, after=after))


CHAIN = """
name: chain
spec:
  runtime: local
  mountPath: /m
  activities:
    - {name: a, run: make x}
    - {name: b b, run: change x, dependsOn: [a]}
    - {name: c, run: read x, dependsOn: [b b]}
"""
"""`x` is made by a, changed by `b b` and read by c, who makes `y`."""


def chain() -> tuple[Execution, Records]:
    """Return the run of CHAIN and its records."""
    records = Records()
    given = records.version("given", "0")
    records.read("a", given)
    first = records.created("a", "x", "1")
    second = records.modified("b b", first, "2")
    records.read("c", second)
    records.created("c", "sub dir/y", "3")
    return rehearsed(CHAIN), records
