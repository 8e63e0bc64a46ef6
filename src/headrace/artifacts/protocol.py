"""What every artifact store does, whatever keeps the bytes.

An artifact is named by the lower-case hex SHA-256 of its content, so it is never changed, storing it twice
is storing it once, and a name that was returned is durable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from headrace.errors import RequestError


class TooLarge(RequestError):
    """The content is larger than allowed."""

    code = "too_large"
    status = 413

    def __init__(self, max_size: int, message: str | None = None) -> None:
        super().__init__(message or f"The content is larger than the {max_size} bytes that are allowed.")
        self.max_size = max_size


class Stored(Struct, frozen=True):
    """What an artifact is called and how long it is."""

    sha256: str
    size: int
    """Bytes."""


class ArtifactWriter(Protocol):
    """Content that is still arriving."""

    async def write(self, chunk: bytes) -> None:
        """Append; raises `TooLarge` as soon as the limit is passed."""

    @property
    def stored(self) -> Stored:
        """The artifact; only after the `async with` block ended without an error."""


class Artifacts(Protocol):
    """The artifacts of one server, or of several that share them.

    Raises `NotFound` for a name that is not there and for text that is no name, and `StoreError` when the
    medium fails.
    """

    async def put_bytes(self, content: bytes) -> Stored:
        """Store these bytes."""

    async def put_file(self, path: Path, *, max_size: int | None = None) -> Stored:
        """Store a copy of the file as it is now; raises `TooLarge`, `FileNotFoundError` and its kin."""

    def writer(self, *, max_size: int | None = None) -> AbstractAsyncContextManager[ArtifactWriter]:
        """Store what is written inside the block; leaving it by an error stores nothing."""

    async def size(self, sha256: str) -> int:
        """Return the length in bytes."""

    async def read_bytes(self, sha256: str, *, max_size: int) -> bytes:
        """Return the whole content; raises `TooLarge` before reading when it is longer than `max_size`."""

    def open_range(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`, in chunks; None is the end.

        `NotFound` comes with the first chunk.
        """

    async def path(self, sha256: str) -> Path:
        """Return a file of this machine with the content; whoever reads it must not write to it."""

    async def remove(self, sha256: str, *, older_than: float) -> bool:
        """Remove one artifact unless it was stored at `older_than` (Unix seconds) or later; tell if gone.

        The caller has made sure that nothing names it; `older_than` protects what is being stored again.
        """

    async def clear_incoming(self, *, older_than: float) -> None:
        """Remove what a killed process left of content that was arriving.

        `older_than` (Unix seconds) protects what still arrives.
        """
