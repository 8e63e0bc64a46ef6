"""The lock on a data directory: one server at a time, and it ends with its process, however that ends.

It stands where a lease would stand on a shared database: a server that was killed has let go already, so the
next one takes over at once.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from headrace.errors import StoreError

NAME = "headrace.lock"


class DirectoryLock:
    """Holds a data directory until it is released or the process ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock, or raise `StoreError` naming who has it."""
        self._file = (directory / NAME).open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read(200).strip() or "another process"
            self._file.close()
            raise StoreError(
                f"{directory} is in use by {holder}; stop it or name another data directory."
            ) from error
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let go; the file stays, because removing it would let two servers hold different ones."""
        self._file.close()
