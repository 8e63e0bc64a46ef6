"""What became of one try, in words that runtimes, task types and the engine share."""

from __future__ import annotations

from msgspec import Struct


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an attempt or a task ended badly."""

    code: str
    """Stable name, as in `exit_code`, `timeout`, `http_status`."""
    message: str
    """One sentence for people."""
    final: bool = False
    """Another try cannot help."""
    status: int | None = None
    """Status of the remote side."""
    exit_code: int | None = None
    """Of the process; 128 + n for signal n."""
    retry_after: float | None = None
    """Seconds that the remote side asked to wait."""
    trace: str | None = None
    """Only for unexpected errors of a task type."""


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an attempt used."""

    cpu_seconds: float = 0.0
    """Of the process and of all children that were waited for."""
    max_rss_bytes: int = 0
    """Most resident memory: of one process, as the machine tells at the end, or of all together where more
    was seen; 0 when it is not known."""
    read_bytes: int = 0
    """Read from storage; what came out of the page cache does not count."""
    written_bytes: int = 0
    """Written towards storage; counted when pages become dirty, whether or not they ever reach it."""
