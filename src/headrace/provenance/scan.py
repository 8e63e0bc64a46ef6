"""What lies in a directory now: regular files and symbolic links, everything below included.

Links are not followed, directories are not files, and sockets, pipes and devices are nobody's result.
Every function blocks.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container
from typing import NamedTuple

from msgspec import Struct, field

MOST_FILES = 200_000
"""Files that are recorded of one directory (AkoFlow section 6)."""

_LATEST = 2**63 - 1
"""File systems know later moments than a database, in nanoseconds; none of them is ever told apart."""


class FileState(NamedTuple):
    """One file as the file system has it."""

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int
    """When its content, name or rights last changed; unlike the other time nobody can set it."""
    link: str | None
    """Target of a symbolic link."""
    names: int = 1
    """How many names it has, here and elsewhere (hard links)."""


class Scanned(Struct, kw_only=True):
    """What a look at a whole directory found."""

    files: dict[str, FileState] = field(default_factory=dict)
    """Path relative to the directory, to what is there."""
    is_too_large: bool = False
    """There are more files than was asked for; the rest was not looked at."""
    unreadable: list[str] = field(default_factory=list)
    """Directories that could not be read."""


def _stay_out(_directory: str) -> None:
    return


def look(path: str) -> FileState | None:
    """Return what is at a path; None when no file and no link is there."""
    try:
        found = os.lstat(path)
        return _state(path, found)
    except OSError:
        return None


def scan(
    root: str,
    beneath: str = "",
    *,
    most: int = MOST_FILES,
    skipped: Container[str] = (),
    enter: Callable[[str], None] = _stay_out,
) -> Scanned:
    """Return the files of `root`, or of its directory `beneath`, by their paths relative to `root`.

    `enter` is told of each directory before it is read; `skipped` are absolute paths of directories to leave
    out. A root that is not there is empty.
    """
    found = Scanned()
    todo = [beneath]
    while todo:
        directory = todo.pop()
        absolute = f"{root}/{directory}" if directory else root
        try:
            enter(absolute)
            _read(absolute, f"{directory}/" if directory else "", found, todo, skipped)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # closed to us, or deeper than a path can say
            found.unreadable.append(absolute)
        if len(found.files) > most:
            found.is_too_large = True
            return found
    return found


def _read(absolute: str, prefix: str, found: Scanned, todo: list[str], skipped: Container[str]) -> None:
    with os.scandir(absolute) as entries:
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.path not in skipped:
                    todo.append(path)
                continue
            try:
                state = _state(entry.path, entry.stat(follow_symlinks=False))
            except OSError:  # gone while we looked
                continue
            if state is not None:
                found.files[path] = state


def _state(path: str, found: os.stat_result) -> FileState | None:
    if stat.S_ISREG(found.st_mode):
        link = None
    elif stat.S_ISLNK(found.st_mode):
        link = os.readlink(path)  # noqa: PTH115 - names may be no UTF-8, and text is what is kept
    else:
        return None
    mtime_ns = max(-_LATEST - 1, min(found.st_mtime_ns, _LATEST))
    return FileState(found.st_size, mtime_ns, found.st_ino, found.st_ctime_ns, link, found.st_nlink)
