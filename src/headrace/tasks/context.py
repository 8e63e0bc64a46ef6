"""What a task function may ask of the world around it, by having a parameter `context`.

Artifacts and the HTTP client are seams: whoever composes the server puts the real ones in.
This file must never know an execution, a runtime or a store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from headrace.security.redaction import Redactor
from headrace.tasks.failures import TaskFailure

if TYPE_CHECKING:
    import httpx2


class Stored(Protocol):
    """Bytes that are kept."""

    @property
    def sha256(self) -> str:
        """Lower-case hex digest."""

    @property
    def size(self) -> int:
        """Length in bytes."""


class Writer(Protocol):
    """Bytes that are still arriving."""

    async def write(self, chunk: bytes) -> None:
        """Append."""

    @property
    def stored(self) -> Stored:
        """What is kept; only after the `async with` block ended without an error."""


class Artifacts(Protocol):
    """Keeps bytes by their hash: the part of the artifact store that task types need."""

    def writer(self) -> AbstractAsyncContextManager[Writer]:
        """Keep what is written inside the block; leaving it by an error keeps nothing."""

    async def put_file(self, path: Path) -> Stored:
        """Keep a copy of a file."""

    async def path(self, sha256: str) -> Path:
        """Return a file of this machine with these bytes, to be read only."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much a task may take in or give out."""

    inline: int = 64 * 1024
    """Bytes of a text above which it goes to the artifacts."""
    file: int = 512 * 1024 * 1024
    """Bytes of one file (setting `dataflow.max_file`)."""
    fetch_seconds: float = 1800.0
    """For fetching a file that is given by its URL; the timeout of the attempt is usually shorter."""


class Context(Struct, frozen=True, kw_only=True):
    """What the world offers one call."""

    artifacts: Artifacts
    http: Callable[[], httpx2.AsyncClient]
    """Makes a client that passes the egress guard; each call has its own, so that no cookie is shared."""
    openai_http: Callable[[], httpx2.AsyncClient]
    """The same for the operator's `base_url`, whose host the guard lets pass."""
    limits: Limits = Limits()
    openai_base_url: str = "https://api.openai.com/v1"
    openai_key_required: bool = True
    label: str = "task"
    """Name of the task, for the names of files that it makes."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    """Masks the secrets that the call was given, in texts that it keeps."""
    write_log: Callable[[str], None] = lambda _line: None

    def log(self, line: str) -> None:
        """Write a line to the log of the attempt."""
        self.write_log(line)

    def credential(self, name: str) -> str:
        """Return a secret value; fails the task with `credential_lost` when it is not there any more."""
        try:
            return self.credentials[name]
        except KeyError:
            raise TaskFailure(
                "credential_lost",
                f"The credential '{name}' is gone: it was given for one run only, before a restart.",
            ) from None
