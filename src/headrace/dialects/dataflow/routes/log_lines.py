"""Lines of a log file, taken up where one left off, without reading again what lies before.

A log only grows, until it is cut: then another file takes its name, and its places are counted anew.
Knows files and lines; never tries, pages or requests.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

from headrace.security.shortening import CUT

_LONGEST_LINE = 64 * 1024
_MOST_FILES = 128
_MOST_MARKS = 512
_EVERY = 1000
"""Lines between two marks, as long as a file needs no more of them than it may have."""
_PIECE_LINES, _PIECE_BYTES = 1000, 256 * 1024


class Mark(NamedTuple):
    """A place between two lines."""

    lines: int
    """How many lie before it."""
    position: int
    """Bytes before it."""


START = Mark(0, 0)


def lines_behind(log: IO[bytes], mark: Mark, *, is_over: bool) -> Iterator[tuple[str, Mark]]:
    """Yield the lines behind a mark, each with the mark behind it; what may still grow is no line yet.

    A very long one comes in pieces, with signs where it was divided: a secret may have been, too.
    """
    log.seek(max(0, mark.position - 1))
    before = CUT if mark.position and log.read(1) != b"\n" else ""
    lines, position = mark
    while line := log.readline(_LONGEST_LINE):
        is_whole = line.endswith(b"\n")
        if not is_over and not is_whole and len(line) < _LONGEST_LINE:
            return  # the rest of the line is still to come
        lines, position = lines + 1, position + len(line)
        after = CUT if len(line) == _LONGEST_LINE and not is_whole else ""
        # The halves of a divided character would stand between the text and its sign.
        text = line.decode("utf-8", "ignore" if before or after else "replace")
        yield before + text.removesuffix("\n").removesuffix("\r") + after, Mark(lines, position)
        before = after


class Marks:
    """Marks in the files that were paged through last; threads may share it."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, int], _Marked] = OrderedDict()
        self._lock = Lock()

    def of(self, log: IO[bytes]) -> _Marked:
        """Return the marks in an open file; the file that was least recently asked for is forgotten."""
        key = (log.name, os.fstat(log.fileno()).st_ino)
        with self._lock:
            marked = self._files.setdefault(key, _Marked())
            self._files.move_to_end(key)
            if len(self._files) > _MOST_FILES:
                self._files.popitem(last=False)
            return marked


class _Marked:
    """Marks at equal distances from the beginning of one file."""

    def __init__(self) -> None:
        self._every = _EVERY
        self._marks = [START]
        self._lock = Lock()

    def before(self, lines: int) -> Mark:
        """Return the last mark with at most so many lines before it."""
        with self._lock:
            return self._marks[min(lines // self._every, len(self._marks) - 1)]

    def note(self, mark: Mark) -> None:
        """Keep a mark that was come by, if it is the next one."""
        if mark.lines % _EVERY:
            return
        with self._lock:
            if mark.lines == len(self._marks) * self._every:
                self._marks.append(mark)
            if len(self._marks) > _MOST_MARKS:
                self._marks, self._every = self._marks[::2], 2 * self._every


class Tail:
    """How far somebody who follows a file has read it."""

    def __init__(self) -> None:
        self._mark = START
        self._file: int | None = None
        self._told: tuple[int, int, bool] | None = None
        """Number, size and end of the file of which everything was read."""

    def has_more(self, file: Path, *, is_over: bool) -> bool:
        """Tell whether there may be lines that were not read; this opens nothing."""
        if self._told is not None and self._told[2]:
            return False
        try:
            found = file.stat()
        except FileNotFoundError:
            return False
        return self._told != (found.st_ino, found.st_size, is_over)

    def read(self, file: Path, *, is_over: bool) -> list[tuple[str, int]]:
        """Return the next lines with their numbers from 1, as many as are told at once.

        Of a file that took the place of the one that was read, it returns all lines from the first.
        """
        try:
            log = file.open("rb")
        except FileNotFoundError:
            return []
        with log:
            found = os.fstat(log.fileno())
            if found.st_ino != self._file:
                self._file, self._mark = found.st_ino, START
            piece: list[tuple[str, int]] = []
            until = self._mark.position + _PIECE_BYTES
            for line, mark in lines_behind(log, self._mark, is_over=is_over):
                piece.append((line, mark.lines))
                self._mark = mark
                if len(piece) == _PIECE_LINES or mark.position >= until:
                    return piece
        self._told = (found.st_ino, found.st_size, is_over)
        return piece
