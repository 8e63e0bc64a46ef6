"""What a worker and its libraries print, without the secrets of its job.

Standard output and standard error are log files that remain; a secret that is printed in two pieces is masked
too, so the beginning of one waits for its rest.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from headrace.security.redaction import Redactor


class _Masked(io.TextIOBase):
    """A text stream in front of another one."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._mask = redactor.stream()

    def writable(self) -> bool:
        """Tell that it is for writing."""
        return True

    def fileno(self) -> int:
        """Return the descriptor behind it, for who passes it on to a program."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write what can be shown of the text; return how long it is."""
        self._put(self._mask.feed(text.encode(errors="backslashreplace")))
        return len(text)

    def flush(self) -> None:
        """Flush what was shown."""
        self._stream.flush()

    def end(self) -> None:
        """Write what was held back."""
        self._put(self._mask.finish())
        self._stream.flush()

    def _put(self, shown: bytes) -> None:
        if shown:
            self._stream.buffer.write(shown)
            self._stream.buffer.flush()


@contextmanager
def masked_output(redactor: Redactor) -> Iterator[None]:
    """Mask what Python code prints inside the block; does nothing where there is nothing to mask."""
    if not redactor.forms:
        yield
        return
    streams = sys.stdout, sys.stderr
    masked = [_Masked(stream, redactor) for stream in streams]
    sys.stdout, sys.stderr = masked
    try:
        yield
    finally:
        for each in masked:
            each.end()
        sys.stdout, sys.stderr = streams
