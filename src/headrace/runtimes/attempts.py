"""Where the files of an attempt lie: `<data>/attempts/<number // 1000>/<number>/`.

Inside: `script` (the user's text), `claim` (who runs it and how it ended, see `record`), `stdout`, `stderr`,
`work/` (the fresh working directory) and, by a task worker, `result.json`.
This file knows names only; it starts nothing and reads nothing of the contents.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal as OneOf

Stream = OneOf["stdout", "stderr"]


class AttemptDirectories:
    """The directories of all attempts of one server."""

    def __init__(self, root: Path) -> None:
        """`root` is `<data>/attempts`; nothing is made before it is needed."""
        self.root = root.absolute()
        self._prefix = str(self.root)

    def prepare(self) -> None:
        """Make the root, which only the server's own user may enter: scripts and logs are private."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, attempt: int) -> str:
        """Return the directory of an attempt, as text because it is taken for every step."""
        return f"{self._prefix}/{attempt // 1000}/{attempt}"

    def log_file(self, attempt: int, stream: Stream) -> Path | None:
        """Return the file that a stream is written to, or None when it does not exist (yet)."""
        path = Path(self.path(attempt), stream)
        return path if path.exists() else None

    def result_file(self, attempt: int) -> Path:
        """Return where a process task leaves its outputs as JSON; read it only after exit 0."""
        return Path(self.path(attempt), "result.json")

    def work_directory(self, attempt: int) -> Path:
        """Return the fresh working directory of an attempt that named none of its own."""
        return Path(self.path(attempt), "work")

    def discard(self, attempt: int) -> None:
        """Remove everything of an attempt that has ended and is no longer asked for."""
        shutil.rmtree(self.path(attempt), ignore_errors=True)
