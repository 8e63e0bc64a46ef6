"""The log of a call inside the server, in the same files as the output of a process.

A file is made with the first line, so a call that says nothing costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

from headrace.runtimes.attempts import Stream


class CallContext:
    """What a runtime offers one call; it may be used from any one thread at a time."""

    __slots__ = ("_files", "_place", "attempt", "credentials", "is_cancelled", "label")

    def __init__(self, attempt: int, label: str, credentials: Mapping[str, str], place: str) -> None:
        self.attempt = attempt
        self.label = label
        """Name of the task."""
        self.credentials = credentials
        self.is_cancelled = False
        """A blocking function may look here and end early; nobody can end it from outside."""
        self._place = place
        self._files: dict[Stream, IO[str]] = {}

    def log(self, line: str, stream: Stream = "stdout") -> None:
        """Append a line to the log of the attempt; what is not text is replaced."""
        file = self._files.get(stream)
        if file is None:
            path = Path(f"{self._place}.{stream}")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1, newline="\n")
            self._files[stream] = file
        file.write(f"{line}\n")

    def close(self) -> None:
        """Close the files; a line that comes later opens them again."""
        for file in self._files.values():
            file.close()
        self._files.clear()
