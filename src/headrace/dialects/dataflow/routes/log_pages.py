"""Pages of a log that two streams write at once: what was told of each, and how the next page is asked for.

A list of lines may grow at its end only, and in such a list the standard error of a try stands behind its
standard output; so while a try lives a mere count of lines cannot say how much of both was told. The offset
then says it stream by stream, as in `1.12.3`, and is a plain count again as soon as that says the same.
Knows files and lines; never requests, secrets or the engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal as OneOf, NamedTuple

from headrace.dialects.dataflow.routes.log_lines import Marks, lines_behind

Stream = OneOf["stdout", "stderr"]

STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
LARGEST_COUNT = 2**31 - 1

_PLACES = re.compile(r"\d{1,4}\.\d{1,12}\.\d{1,12}(?:-\d{1,4}\.\d{1,12}\.\d{1,12}){0,999}", re.ASCII)


class Source(NamedTuple):
    """One stream of one try."""

    attempt: int
    """From 1."""
    stream: Stream
    file: Path
    timestamp: str | None
    is_over: bool
    """Nothing more will be written."""

    @property
    def is_counted(self) -> bool:
        """Whether a count of lines says how much of it was told."""
        return self.is_over or self.stream == "stdout"


class Places(NamedTuple):
    """How far the streams of the tries were told, which is the id of a line that is followed, too.

    A running number would not do: who comes back reads both streams of a try in another order.
    """

    read: dict[tuple[int, str], int]
    """Try, from 1, and stream to the lines that were told."""
    skipped: int = 0
    """Lines that were told of the whole list from its beginning, where only their number is known."""

    @classmethod
    def of(cls, text: str) -> Places | None:
        """Return the places that an offset says; None for what is no offset of ours."""
        if text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_COUNT)):
            return Places({}, int(text)) if int(text) <= LARGEST_COUNT else None
        if not _PLACES.fullmatch(text):
            return None
        found = Places({})
        for part in text.split("-"):
            attempt, *counts = map(int, part.split("."))
            found.read.update(
                {(attempt, stream): count for stream, count in zip(STREAMS, counts, strict=True)}
            )
        return found

    @property
    def text(self) -> str:
        """The id: try, lines of standard output and of standard error, as in `1.12.0-2.3.1`."""
        return "-".join(
            ".".join(map(str, (attempt, *(self.read.get((attempt, stream), 0) for stream in STREAMS))))
            for attempt in sorted({attempt for attempt, _ in self.read})
        )


class Page(NamedTuple):
    """Some lines of a log, in the order of its sources."""

    lines: list[tuple[Source, str]]
    next_offset: int | str
    """Where the next page begins, whatever is written meanwhile."""


def page_of(sources: Sequence[Source], begin: Places, limit: int, marks: Marks) -> Page:
    """Read the lines behind these places, at most so many; `marks` tells where in the files they begin."""
    draft = _Draft(begin, limit, marks)
    for source in sources:
        if draft.left and not source.is_counted:
            continue
        try:
            log = source.file.open("rb")
        except FileNotFoundError:
            draft.done.add(source)
            continue
        with log:
            draft.take(source, log)
    offset = begin.skipped if draft.left else _next_offset(sources, Places(draft.read), draft.done)
    return Page(draft.found, offset)


class _Draft:
    """A page that is being read."""

    def __init__(self, begin: Places, limit: int, marks: Marks) -> None:
        self.read, self.left = dict(begin.read), begin.skipped
        self.found: list[tuple[Source, str]] = []
        self.done: set[Source] = set()
        """Sources that were read to their end."""
        self._limit = limit
        self._marks = marks

    def take(self, source: Source, log: IO[bytes]) -> None:
        """Take the lines of a source that are wanted and for which there is room."""
        place = (source.attempt, source.stream)
        told = self.read.get(place, 0)
        marked = self._marks.of(log)
        mark = marked.before(told + self.left)
        if mark.lines > told:
            self.left -= mark.lines - told
            self.read[place] = mark.lines
        for line, behind in lines_behind(log, mark, is_over=source.is_over):
            if behind.lines > told:
                if self.left:
                    self.left -= 1
                elif len(self.found) == self._limit:
                    return
                else:
                    self.found.append((source, line))
                self.read[place] = behind.lines
            marked.note(behind)
        self.done.add(source)


def _next_offset(sources: Sequence[Source], places: Places, done: set[Source]) -> int | str:
    """Return a count where the lines that were told begin the list as it will once be, else the places."""
    count, may_grow = 0, False
    for source in sources:
        told = places.read.get((source.attempt, source.stream), 0)
        if told and may_grow:
            return places.text
        count += told
        may_grow = may_grow or not source.is_over or source not in done
    return count
