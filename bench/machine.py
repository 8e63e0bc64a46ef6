"""What the figures were taken on, in one sentence per line."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path

import psutil

GIB = 1024**3


def description(directory: Path) -> list[str]:
    """Return the machine, and the file system that holds `directory`."""
    memory = psutil.virtual_memory().total / GIB
    return [
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory.",
        f"{platform.system()} {platform.release()}, file system {file_system(directory)}.",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}.",
    ]


def file_system(directory: Path) -> str:
    """Return the type of the file system that holds a directory."""
    place = str(directory.resolve())
    holding = [
        part
        for part in psutil.disk_partitions(all=True)
        if place == part.mountpoint or place.startswith(part.mountpoint.rstrip("/") + "/")
    ]
    if not holding:
        return "unknown"
    part = max(holding, key=lambda part: len(part.mountpoint))
    return f"{part.fstype} {_journal(Path(part.device).name)}" if part.fstype == "ext4" else part.fstype


def _journal(device: str) -> str:
    """Say whether an ext4 keeps a journal, because that decides what a flush and a new file cost."""
    try:
        task = Path(f"/sys/fs/ext4/{device}/journal_task").read_text(encoding="ascii").strip()
    except OSError:
        return "(unknown whether with a journal)"
    return "without a journal" if task == "<none>" else "with a journal"


def load() -> float:
    """Return how many processes wanted to run in the last minute, on average."""
    return os.getloadavg()[0]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
