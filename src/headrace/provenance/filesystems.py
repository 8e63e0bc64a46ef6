"""On which file systems the kernel tells of every change.

Where other machines can change files, or a program answers for them, nobody tells us; see inotify(7).
"""

from __future__ import annotations

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")

_SHARED = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "smb3",
        "smbfs",
        "virtiofs",
    }
)


def tells_of_changes(path: str) -> bool:
    """Tell whether a watch on a directory misses nothing; False where that is not known."""
    try:
        kind = _kind(os.path.realpath(path), _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return False
    return kind is not None and kind not in _SHARED and not kind.startswith("fuse")


def _kind(path: str, mounts: str) -> str | None:
    """Return the type of the file system that is mounted nearest above a path (proc_pid_mountinfo(5))."""
    nearest, kind = "", None
    for line in mounts.splitlines():
        fields = line.split(" ")
        place = fields[4].encode().decode("unicode_escape") if "\\" in fields[4] else fields[4]
        is_above = path == place or path.startswith(place.rstrip("/") + "/")
        if is_above and len(place) >= len(nearest):  # of two on one place the later one is seen
            nearest, kind = place, fields[fields.index("-") + 1]
    return kind
