"""Cuts the log of an attempt that writes more than a log may have.

The process writes to the file by itself and cannot be told to stop, so the file is taken away from under it:
a copy of what may be kept, with a last line that says so, takes the log's name, and the file that the process
goes on writing to is named `.cut` and emptied at each look.
The log is final from then on, and the disk holds the limit and what is written between two looks.
`.cut` stays, empty: it is the lasting sign that the log was cut.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from headrace.security.shortening import CUT

STREAMS = ("stdout", "stderr")

_PIECE = 16 * 1024 * 1024


def is_cut(log: str | Path) -> bool:
    """Tell whether a log was cut, so that its last line is the server's."""
    return os.path.exists(f"{log}.cut")  # noqa: PTH110 - as text: this is asked for every output


def trim(place: str, limit: int) -> None:
    """Cut both logs of an attempt where they have more bytes than they may, and empty what came after.

    To be called again while the attempt runs and once when it is over; a disk that refuses leaves the log
    whole until the next call.
    """
    for stream in STREAMS:
        with contextlib.suppress(OSError):
            _trim(f"{place}.{stream}", limit)


def _trim(log: str, limit: int) -> None:
    if os.stat(log).st_size <= limit:  # noqa: PTH116 - as text: once a second for each attempt
        return
    rest = f"{log}.cut"
    # One file under both names is what a server that died while it cut left behind.
    if not is_cut(log) or Path(rest).samefile(log):
        _cut(log, rest, limit)
    os.truncate(rest, 0)


def _cut(log: str, rest: str, limit: int) -> None:
    fresh = Path(f"{log}.new")
    try:
        with open(log, "rb") as source, fresh.open("wb") as target:  # noqa: PTH123
            _copy(source.fileno(), target.fileno(), limit)
            ends_with_line = os.pread(source.fileno(), 1, limit - 1) == b"\n"
            os.write(target.fileno(), _last_line(limit, after_line=ends_with_line))
        with contextlib.suppress(FileExistsError):
            os.link(log, rest)
        fresh.replace(log)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _copy(source: int, target: int, count: int) -> None:
    """Copy so many bytes, sharing blocks where the file system can."""
    left = count
    while left:
        copied = os.copy_file_range(source, target, min(left, _PIECE))
        if not copied:
            return
        left -= copied


def _last_line(limit: int, *, after_line: bool) -> bytes:
    text = f"[headrace: this log was cut here, because a log may have {limit} bytes]\n"
    return (text if after_line else f"{CUT}\n{text}").encode()
