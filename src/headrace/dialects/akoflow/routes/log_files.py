"""Reads log files: parts of them as text that breaks off between characters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal as OneOf, NamedTuple

from headrace.http import log_text
from headrace.runtimes import long_logs
from headrace.security.redaction import Redactor

Stream = OneOf["stdout", "stderr"]
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


class Log(NamedTuple):
    """One stream of one attempt."""

    file: Path | None
    """None while there is none."""

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return log_text.size_of(self.file)

    @property
    def is_cut(self) -> bool:
        """Whether more was written than a log may have, so that its last line is the server's."""
        return self.file is not None and long_logs.is_cut(self.file)


def part(
    log: Log,
    offset: int,
    limit: int,
    tail: int,
    redactors: Sequence[Redactor],
    is_over: bool,  # noqa: FBT001 - a fact
) -> dict[str, Any]:
    """Return a part of a log as an answer shows it; `tail` asks for so many last lines instead."""
    size = log.size
    if tail:
        offset = _start_of_tail(log, size, tail)
    end = min(size, offset + limit)
    content = log_text.masked(log.file, offset, end, redactors) if log.file and offset < end else b""
    if not (is_over and offset + len(content) == size):
        content = content[: len(content) - _unfinished(content)]
    following = offset + len(content)
    return {
        "text": content.decode("utf-8", "replace"),
        "offset": offset,
        "nextOffset": following,
        "size": size,
        "ended": is_over and following >= size,
        "truncated": log.is_cut,
    }


def _unfinished(content: bytes) -> int:
    """Return how many bytes at the end are the beginning of a character whose rest is still to come."""
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        return back if length > back else 0
    return 0


def _start_of_tail(log: Log, size: int, lines: int) -> int:
    """Return where the last lines begin, read from the end piece by piece."""
    if log.file is None:
        return 0
    with log.file.open("rb") as file:
        at, left = size, lines + 1
        while at > 0:
            start = max(0, at - log_text.PIECE)
            file.seek(start)
            content = file.read(at - start)
            if at == size and not content.endswith(b"\n"):
                left -= 1
            place = len(content)
            while (place := content.rfind(b"\n", 0, place)) >= 0:
                left -= 1
                if left <= 0:
                    return start + place + 1
            at = start
    return 0
