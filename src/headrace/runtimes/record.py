"""The file `.claim` of an attempt: who runs it, and how it ended.

It begins to exist exactly once (O_EXCL, or the shell's noclobber redirect), so whoever makes it owns the
attempt.
The first line is the owner: `<boot id> <unix seconds> <seconds since boot> <pid>` from a shell, or `taken`
from a server that wants the attempt never to run.
The second line is the ending: an exit code, or a server's verdict (`cancelled`, `timed_out`, `out_of_memory`,
`lost`) and when it fell, in Unix seconds; later lines say nothing.
A line without its newline is not there yet: its writer was cut off or is still writing.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Literal as OneOf, get_args

from msgspec import Struct

_TAKEN = b"taken\n"

Verdict = OneOf["cancelled", "timed_out", "out_of_memory", "lost"]
Ending = int | Verdict

_VERDICTS: dict[bytes, Verdict] = {word.encode(): word for word in get_args(Verdict)}


class Claim(Struct, frozen=True, kw_only=True):
    """The process that runs the attempt; all together name it for ever."""

    boot: str
    started_at: float
    """Unix seconds, taken by the server just before it started the process."""
    started_after_boot: float
    """The same moment in seconds since boot, by which a later owner of the pid is told apart."""
    pid: int
    """Also the process group and the session."""


class Asked(Struct, frozen=True):
    """That a server asked the processes of an attempt to end, and gave them time for it."""

    verdict: Verdict
    at: float
    """Unix seconds."""


class Record(Struct, frozen=True, kw_only=True):
    """What the file says."""

    claim: Claim | None = None
    """None when a server took the attempt, or when the line cannot be read."""
    ending: Ending | None = None
    is_torn: bool = False
    """The claim is being written, or its writer died in that instant."""
    asked_to_end: Asked | None = None
    """None also where nobody was there to be asked."""


def stamp(boot: str, started_at: float) -> str:
    """Return what a shell that is about to be started writes before its pid."""
    return f"{boot} {started_at:.6f} {time.clock_gettime(time.CLOCK_BOOTTIME):.3f}"


def parse(content: bytes) -> Record:
    """Read the content of the file; it never fails, an unreadable line is one that says nothing."""
    owner, newline, rest = content.partition(b"\n")
    if not newline:
        return Record(is_torn=True)
    line, newline, _ = rest.partition(b"\n")
    claim, ending = _claim(owner), _ending(line) if newline else None
    return Record(claim=claim, ending=ending, asked_to_end=_asked(ending, line) if claim else None)


def _claim(line: bytes) -> Claim | None:
    try:
        boot, started_at, started_after_boot, pid = line.decode().split(" ")
        return Claim(
            boot=boot,
            started_at=float(started_at),
            started_after_boot=float(started_after_boot),
            pid=int(pid),
        )
    except ValueError:
        return None


def _ending(line: bytes) -> Ending | None:
    if line.isdigit():
        return int(line)
    return _VERDICTS.get(line.partition(b" ")[0])


def _asked(ending: Ending | None, line: bytes) -> Asked | None:
    match ending:
        case "cancelled" | "timed_out":
            with contextlib.suppress(ValueError):
                return Asked(ending, float(line.partition(b" ")[2]))
    return None


def _line(ending: Ending) -> bytes:
    return f"{ending}\n".encode() if isinstance(ending, int) else f"{ending} {time.time():.3f}\n".encode()


def read(place: str) -> Record | None:
    """Return what is known of the attempt, or None when nobody has claimed it.

    A record that cannot be read now is one that is torn: it neither proves that the attempt ran nor that it
    did not.
    """
    try:
        descriptor = os.open(f"{place}.claim", os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError:
        return Record(is_torn=True)
    try:
        return parse(os.read(descriptor, 4096))
    except OSError:
        return Record(is_torn=True)
    finally:
        os.close(descriptor)


def take(place: str, verdict: Verdict) -> bool:
    """Claim the attempt so that it can never run; False when somebody has it already, or the disk refuses."""
    try:
        Path(place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(f"{place}.claim", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return False
    with contextlib.suppress(OSError), os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(_TAKEN + _line(verdict))
    return True


def add(place: str, ending: Ending) -> None:
    """Write the ending of a claimed attempt; an ending that stands there already goes on to count.

    It is for later servers; where the disk refuses it, this one goes by what it knows.
    """
    with contextlib.suppress(OSError), Path(f"{place}.claim").open("ab", buffering=0) as file:
        file.write(_line(ending))


def written_at(place: str) -> float | None:
    """Return when the record last changed, in Unix seconds, or None when there is none."""
    try:
        return Path(f"{place}.claim").stat().st_mtime
    except OSError:
        return None
