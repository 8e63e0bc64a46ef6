"""Shows a step directories of this machine at other places than their own, by bubblewrap.

A step gets a view of the file system of its own, in which everything lies where it lies and the directories
of the option `binds` at their other places as well.
Where the place does not exist it is made; where the user may not make it, the nearest directory that is there
is shown as a copy that cannot be written to, of the same entries and the place besides: nothing is lost by
that, because the user could not write there anyway.
Nothing else is shut off: processes, network, devices and users stay those of the machine, and the program is
not told to die with its parent, because steps outlive the server.
This file must never know an attempt, or what is done when a view cannot be had.
Source: bwrap(1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

BINDS = "binds"
"""Option of a command: places at which its process wants to see directories → those directories."""

DIRECTORY_VARIABLE = "directory_variable"
"""Option that comes with `binds`: the variable that holds the working directory as the process sees it."""

_PATIENCE = 5.0
"""Seconds for the one trial; a program that hangs is one that does not work."""

_MOST_ENTRIES = 500
"""Of a directory that is shown as a copy; each is a mount, and takes 0.05 ms."""


def bubblewrap() -> str | None:
    """Return the path of bubblewrap, or None where it is absent or may not do its work.

    Trying is the only way to know: user namespaces are forbidden in many ways. It takes some 5 ms.
    """
    program = shutil.which("bwrap")
    if program is None:
        return None
    trial = [program, "--dev-bind", "/", "/", "--bind", "/", "/tmp", "true"]  # noqa: S108 - nothing is written
    try:
        done = subprocess.run(  # noqa: S603 - constant words
            trial, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if done.returncode == 0 else None


def words(program: str, binds: Mapping[str, str]) -> list[str]:
    """Return the words that begin a command which is to see these directories; makes places that it can.

    Raises OSError where a place cannot be had; what is found only by trying is left to the program.
    """
    places = {os.path.realpath(place): os.path.realpath(here) for place, here in binds.items()}
    shown = [place for place in sorted(places, key=len) if not _is_shown(place, places)]
    copied = sorted({parent for place in shown if (parent := _to_copy(place, shown)) is not None}, key=len)
    found = [program]
    if "/" not in copied:
        found += ["--dev-bind", "/", "/"]
    for directory in copied:
        found += _copy(directory)
    for place in shown:
        found += ["--bind-try", places[place], place]
    for directory in copied:
        found += ["--remount-ro", directory]
    return [*found, "--"]


def seen(directory: str, binds: Mapping[str, str]) -> str:
    """Return where a process sees a directory: at the first place that shows it, else at its own."""
    for place, here in binds.items():
        if f"{directory}/".startswith(f"{here}/"):
            return place + directory[len(here) :]
    return directory


def _is_shown(place: str, places: Mapping[str, str]) -> bool:
    """Tell whether another place shows the same directory there anyway."""
    return any(
        place.startswith(f"{other}/") and places[place] == here + place[len(other) :]
        for other, here in places.items()
    )


def _to_copy(place: str, shown: list[str]) -> str | None:
    """Make a place where that can be done; return the directory that must be copied where it cannot."""
    if any(place.startswith(f"{other}/") for other in shown):
        return None  # it is made in the other's directory, which is a working directory or a volume
    there = next(each for each in (Path(place), *Path(place).parents) if os.path.lexists(each))
    if there == Path(place):
        return None
    if os.access(there, os.W_OK):
        Path(place).mkdir(parents=True, exist_ok=True)
        return None
    return str(there)


def _copy(directory: str) -> Iterator[str]:
    """Yield the words that show a directory as a copy of the same entries."""
    if directory != "/":
        yield from ("--tmpfs", directory)
    with os.scandir(directory) as entries:
        for count, entry in enumerate(entries):
            if count == _MOST_ENTRIES:
                raise OSError(f"'{directory}' has more than {_MOST_ENTRIES} entries")
            if entry.is_symlink():
                yield from ("--symlink", str(Path(entry.path).readlink()), entry.path)
            else:
                yield from ("--dev-bind-try", entry.path, entry.path)
