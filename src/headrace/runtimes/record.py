"""The file `.claim` of an attempt: who runs it, and how it ended.

It begins to exist exactly once (O_EXCL, or the shell's noclobber redirect), so whoever makes it owns the
attempt.
The first line is the owner: `<boot id> <unix seconds> <its own line of /proc/self/stat>` from a shell, or
`taken` from a server that wants the attempt never to run.
The second line is the ending: an exit code, or `cancelled`, `timed_out` or `lost` from a server; later lines
say nothing.
A line without its newline is not there yet: its writer was cut off or is still writing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal as OneOf, get_args

from msgspec import Struct

_TAKEN = b"taken\n"

Verdict = OneOf["cancelled", "timed_out", "lost"]
Ending = int | Verdict

_VERDICTS: dict[bytes, Verdict] = {word.encode(): word for word in get_args(Verdict)}


class Claim(Struct, frozen=True, kw_only=True):
    """The process that runs the attempt; the four together name it for ever."""

    boot: str
    started_at: float
    """Unix seconds, taken by the server just before it started the process."""
    pid: int
    """Also the process group and the session."""
    ticks: int
    """Start of the process in clock ticks since boot, so that a later owner of the pid is told apart."""


class Record(Struct, frozen=True, kw_only=True):
    """What the file says."""

    claim: Claim | None = None
    """None when a server took the attempt, or when the line cannot be read."""
    ending: Ending | None = None
    is_torn: bool = False
    """The claim is being written, or its writer died in that instant."""


def parse(content: bytes) -> Record:
    """Read the content of the file; it never fails, an unreadable line is one that says nothing."""
    owner, newline, rest = content.partition(b"\n")
    if not newline:
        return Record(is_torn=True)
    ending, newline, _ = rest.partition(b"\n")
    return Record(claim=_claim(owner), ending=_ending(ending) if newline else None)


def _claim(line: bytes) -> Claim | None:
    head, _, tail = line.rpartition(b")")
    words, state = head.split(), tail.split()
    try:
        # proc(5): the fields after the name in brackets begin with the third; the start time is the 22nd.
        return Claim(
            boot=words[0].decode(), started_at=float(words[1]), pid=int(words[2]), ticks=int(state[22 - 3])
        )
    except (ValueError, IndexError):
        return None


def _ending(line: bytes) -> Ending | None:
    if line.isdigit():
        return int(line)
    return _VERDICTS.get(line)


def read(place: str) -> Record | None:
    """Return what is known of the attempt, or None when nobody has claimed it."""
    try:
        descriptor = os.open(f"{place}.claim", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return parse(os.read(descriptor, 4096))
    finally:
        os.close(descriptor)


def take(place: str, verdict: Verdict) -> bool:
    """Claim the attempt so that it can never run; False when somebody else has it already."""
    Path(place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(f"{place}.claim", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, _TAKEN + verdict.encode() + b"\n")
    finally:
        os.close(descriptor)
    return True


def add(place: str, ending: Ending) -> None:
    """Write the ending of a claimed attempt; an ending that stands there already goes on to count."""
    descriptor = os.open(f"{place}.claim", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, f"{ending}\n".encode())
    finally:
        os.close(descriptor)


def written_at(place: str) -> float:
    """Return when the record last changed, in Unix seconds."""
    return os.stat(f"{place}.claim").st_mtime  # noqa: PTH116
