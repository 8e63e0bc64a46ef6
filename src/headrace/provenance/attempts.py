"""The attempts whose files are recorded: what is asked for them, and what is known of them meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal as OneOf

from msgspec import Struct

from headrace.provenance.index import place
from headrace.runtimes.protocol import JobEnded
from headrace.store.provenance_rows import FileVersion

Ready = Callable[[], None]
"""Called once when the attempt may begin."""

Heard = Callable[[JobEnded], None]
"""Called once with the end of an attempt, when its files are remembered."""


class RecordedAttempt(Struct, frozen=True, kw_only=True):
    """An attempt of a task that works in a directory of this machine."""

    number: int
    execution: int
    task: str
    """Name of the task."""
    directory: str
    """Absolute."""
    depth: OneOf["hash", "stat"] = "hash"
    """`hash` reads contents, `stat` notes sizes and times only."""
    inputs: tuple[str, ...] = ()
    """Paths or globs of files that it says it reads."""
    outputs: tuple[str, ...] = ()
    """Paths or globs of files that it says it makes."""
    sources: tuple[str, ...] = ()
    """Absolute directories whose files were brought here before; of two files of one name the later won."""


class LiveAttempt:
    """An attempt between its begin and the moment when its end is heard."""

    __slots__ = (
        "asked",
        "ended",
        "heard",
        "is_admitted",
        "is_recovered",
        "known",
        "known_versions",
        "prefix",
        "reads",
        "ready",
    )

    def __init__(self, asked: RecordedAttempt, ready: Ready, *, is_recovered: bool) -> None:
        self.asked = asked
        self.ready = ready
        self.is_recovered = is_recovered
        """An earlier server may have begun it."""
        self.is_admitted = False
        """It was told that it may begin."""
        self.prefix = ""
        """Where it works inside of the directory that has the record, as in `sub/`; mostly in all of it."""
        self.reads: dict[str, FileVersion] = {}
        """What it reads, by absolute path, as it was when it began."""
        self.known: frozenset[str] = frozenset()
        """Absolute paths of which an earlier server has remembered that the attempt read or made them."""
        self.known_versions: frozenset[int] = frozenset()
        """Numbers of the versions that it is known to have had."""
        self.ended: JobEnded | None = None
        self.heard: Heard | None = None

    def read(self, version: FileVersion) -> None:
        """Take note that it reads a version, unless that is remembered already."""
        path = place(version)
        if path not in self.known:
            self.reads[path] = version
