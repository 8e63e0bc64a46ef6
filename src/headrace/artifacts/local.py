"""The artifacts of this machine's directory, for the event loop: each call runs on a thread beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.artifacts.directory import CHUNK, ArtifactDirectory, IncomingArtifact
from headrace.artifacts.protocol import ArtifactWriter, Stored


def open_local(root: Path) -> LocalArtifacts:
    """Return the artifacts under `root`, which is made when it is missing."""
    return LocalArtifacts(ArtifactDirectory(root))


class LocalArtifacts:
    """Keeps artifacts in a directory; an `Artifacts`."""

    def __init__(self, directory: ArtifactDirectory) -> None:
        self.directory = directory
        """The same artifacts by blocking calls."""

    async def put_bytes(self, content: bytes) -> Stored:
        """Store these bytes."""
        return await asyncio.to_thread(self.directory.put_bytes, content)

    async def put_file(self, path: Path, *, max_size: int | None = None) -> Stored:
        """Store a copy of the file as it is now."""
        return await asyncio.to_thread(self.directory.put_file, path, max_size=max_size)

    @asynccontextmanager
    async def writer(self, *, max_size: int | None = None) -> AsyncIterator[ArtifactWriter]:
        """Store what is written inside the block; leaving it by an error stores nothing."""
        incoming = await asyncio.to_thread(self.directory.begin, max_size=max_size)
        writer = _LocalWriter(incoming)
        try:
            yield writer
        except BaseException:
            await asyncio.to_thread(incoming.discard)
            raise
        writer.finished = await asyncio.to_thread(incoming.finish)

    async def size(self, sha256: str) -> int:
        """Return the length in bytes."""
        return await asyncio.to_thread(self.directory.size, sha256)

    async def read_bytes(self, sha256: str, *, max_size: int) -> bytes:
        """Return the whole content."""
        return await asyncio.to_thread(self.directory.read_bytes, sha256, max_size=max_size)

    async def open_range(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`, in chunks."""
        file = await asyncio.to_thread(self.directory.open, sha256)
        try:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                chunk = await asyncio.to_thread(file.read, CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    break
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            file.close()

    async def path(self, sha256: str) -> Path:
        """Return the file with the content; whoever reads it must not write to it."""
        return await asyncio.to_thread(self.directory.path, sha256)

    async def remove(self, sha256: str, *, older_than: float) -> bool:
        """Remove one artifact that was last stored before `older_than`; tell whether it is gone."""
        return await asyncio.to_thread(self.directory.remove, sha256, older_than=older_than)

    async def clear_incoming(self, *, older_than: float) -> None:
        """Remove what a killed process left of content that was arriving."""
        await asyncio.to_thread(self.directory.clear_incoming, older_than=older_than)


class _LocalWriter:
    """Content that arrives from the event loop."""

    def __init__(self, incoming: IncomingArtifact) -> None:
        self._incoming = incoming
        self.finished: Stored | None = None

    async def write(self, chunk: bytes) -> None:
        """Append; raises `TooLarge` as soon as the limit is passed."""
        await asyncio.to_thread(self._incoming.write, chunk)

    @property
    def stored(self) -> Stored:
        """The artifact, once the block has ended."""
        if self.finished is None:
            raise RuntimeError("the artifact is stored when the block has ended")
        return self.finished
