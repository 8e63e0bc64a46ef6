"""Remembers in which boot of the machine this data directory last started a process.

Files that were written shortly before a power cut may be gone after it, so a missing claim proves only on
the same boot that an attempt never ran.
The mark is set, durably, before the first process of a boot is started: what is recovered before that
belongs to the marked boot.
"""

from __future__ import annotations

import os
from pathlib import Path


class Boots:
    """The mark of one data directory."""

    def __init__(self, root: Path, boot: str) -> None:
        self._path = root / "boot"
        self._boot = boot
        try:
            marked = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            marked = boot
            self._is_marked = False
        else:
            self._is_marked = marked == boot
        self.are_equal = marked == boot
        """Whether earlier attempts were started in this boot, or none was ever started."""

    def mark(self) -> None:
        """Note that processes are started in this boot from now on; only the first call costs anything."""
        if self._is_marked:
            return
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(self._boot)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._is_marked = True
