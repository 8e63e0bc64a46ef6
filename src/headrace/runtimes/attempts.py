"""Where the files of an attempt lie: beside `<data>/attempts/<number // 1000>/<number>`, its *place*.

The place is the fresh working directory; beside it, under the same name with an ending, lie `.claim` (who
runs it and how it ended, see `record`), `.stdout` and `.stderr`; of a long text `.script` (see `prologue`);
of an attempt that runs longer than half a second `.samples` (see `samples`); of a log that was cut `.cut`
(see `long_logs`).
They stay, as the executions do whose logs they are; `docs/how-to/configure-a-server.md` tells operators so.
One directory per attempt and no more: making directories is the dearest thing that a step asks of a file
system.
This file knows names only; it starts nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal as OneOf

from headrace.runtimes import samples

Stream = OneOf["stdout", "stderr"]


class AttemptDirectories:
    """The places of all attempts of one server."""

    def __init__(self, root: Path) -> None:
        """`root` is `<data>/attempts`; nothing is made before it is needed."""
        self.root = root.absolute()
        self._prefix = str(self.root)

    def prepare(self) -> None:
        """Make the root, which only the server's own user may enter: scripts and logs are private."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, attempt: int) -> str:
        """Return the place of an attempt, as text because it is taken for every step."""
        return f"{self._prefix}/{attempt // 1000}/{attempt}"

    def log_file(self, attempt: int, stream: Stream) -> Path | None:
        """Return the file that a stream is written to, or None when it does not exist (yet)."""
        path = Path(f"{self.path(attempt)}.{stream}")
        return path if path.exists() else None

    def samples(self, attempt: int) -> samples.Samples | None:
        """Return what an attempt used over time, or None when there is nothing (yet)."""
        return samples.read(f"{self.path(attempt)}.samples")
