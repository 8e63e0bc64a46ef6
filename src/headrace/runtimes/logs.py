"""The log of a call inside the server, in the same files as the output of a process.

A file is made with the first line, so a call that says nothing costs nothing.
Secrets that the call was given are masked before they are written, those too that are cut by two writes; what
may be the beginning of one is held back until more comes, or the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from headrace.runtimes.attempts import Stream
from headrace.security.redaction import Redactor, StreamRedactor


class CallContext:
    """What a runtime offers one call; it may be used from any one thread at a time."""

    __slots__ = ("_files", "_place", "_secrets", "attempt", "credentials", "is_cancelled", "label")

    def __init__(
        self,
        attempt: int,
        label: str,
        credentials: Mapping[str, str],
        place: str,
        secrets: Iterable[str] = (),
    ) -> None:
        """`secrets` are values that must not be written."""
        self.attempt = attempt
        self.label = label
        """Name of the task."""
        self.credentials = credentials
        self.is_cancelled = False
        """A blocking function may look here and end early; nobody can end it from outside."""
        self._place = place
        self._secrets = secrets
        self._files: dict[Stream, tuple[IO[bytes], StreamRedactor]] = {}

    def log(self, line: str, stream: Stream = "stdout") -> None:
        """Append a line to the log of the attempt; what is not text is replaced."""
        if stream not in self._files:
            path = Path(f"{self._place}.{stream}")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files[stream] = path.open("ab", buffering=0), Redactor(self._secrets).stream()
        file, mask = self._files[stream]
        file.write(mask.feed(f"{line}\n".encode(errors="backslashreplace")))

    def close(self) -> None:
        """Write what was held back and close the files; a line that comes later opens them again."""
        for file, mask in self._files.values():
            file.write(mask.finish())
            file.close()
        self._files.clear()
