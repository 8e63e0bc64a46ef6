"""Archives that are sent while they are made: zip, and tar with gzip, without a copy on disk or in memory.

A name in an archive is safe to unpack anywhere: relative, without `..`, control characters or backslashes,
never twice, and never both a file and a directory.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import tarfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterable
from typing import IO, Protocol

from msgspec import Struct

_LEVEL = 1
"""Effort of the compression: results are often dense already, and the processors belong to the work."""
_FOREIGN = re.compile(r"[\x00-\x1f\x7f\\]")
_EARLIEST = 315_532_800
_LATEST = 4_354_819_198
"""Moments that a zip can name, Unix seconds: 1980 to the end of 2107."""
_BLOCK = 512


class Entry(Struct, frozen=True):
    """A file that goes into an archive."""

    name: str
    size: int
    """Bytes; the content must have as many."""
    modified_at: float
    """Unix seconds."""


class ArchiveWriter(Protocol):
    """An archive that grows; whatever a call returns is sent on."""

    media_type: str
    suffix: str
    """Of its file's name."""

    def begin(self, entry: Entry) -> None:
        """Begin an entry."""

    def write(self, chunk: bytes) -> bytes:
        """Add to the entry."""

    def end(self) -> None:
        """End the entry."""

    def close(self) -> bytes:
        """End the archive."""


class _Sink:
    """What an archive writes into: it only ever goes forward."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, content: bytes, /) -> int:
        self._pieces.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Do nothing: whoever takes decides when."""

    def close(self) -> None:
        """Do nothing: what was written may still be taken."""

    def take(self) -> bytes:
        content = b"".join(self._pieces)
        self._pieces.clear()
        return content


class ZipArchive:
    """A zip, with the sizes of each entry behind its content."""

    media_type = "application/zip"
    suffix = ".zip"

    def __init__(self) -> None:
        self._sink = _Sink()
        self._file = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._entry: IO[bytes] | None = None

    def begin(self, entry: Entry) -> None:
        """See `ArchiveWriter.begin`."""
        moment = min(max(entry.modified_at, _EARLIEST), _LATEST)
        made = zipfile.ZipInfo(entry.name, time.gmtime(moment)[:6])
        made.compress_type = zipfile.ZIP_DEFLATED
        made.external_attr = 0o644 << 16
        made.file_size = entry.size
        self._entry = self._file.open(made, "w")

    def write(self, chunk: bytes) -> bytes:
        """See `ArchiveWriter.write`."""
        assert self._entry is not None
        self._entry.write(chunk)
        return self._sink.take()

    def end(self) -> None:
        """See `ArchiveWriter.end`."""
        assert self._entry is not None
        self._entry.close()

    def close(self) -> bytes:
        """See `ArchiveWriter.close`."""
        self._file.close()
        return self._sink.take()


class TarArchive:
    """A tar in the POSIX form, compressed by gzip."""

    media_type = "application/gzip"
    suffix = ".tar.gz"

    def __init__(self) -> None:
        self._sink = _Sink()
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._sink)
        self._size = 0

    def begin(self, entry: Entry) -> None:
        """See `ArchiveWriter.begin`."""
        made = tarfile.TarInfo(entry.name)
        made.size = entry.size
        made.mtime = int(entry.modified_at)
        self._size = entry.size
        self._file.write(made.tobuf(tarfile.PAX_FORMAT, "utf-8", "replace"))

    def write(self, chunk: bytes) -> bytes:
        """See `ArchiveWriter.write`."""
        self._file.write(chunk)
        return self._sink.take()

    def end(self) -> None:
        """See `ArchiveWriter.end`."""
        self._file.write(bytes(-self._size % _BLOCK))

    def close(self) -> bytes:
        """See `ArchiveWriter.close`."""
        self._file.write(bytes(2 * _BLOCK))
        self._file.close()
        return self._sink.take()


FORMATS: dict[str, type[ZipArchive | TarArchive]] = {"zip": ZipArchive, "tar.gz": TarArchive}


class ArchiveNames:
    """The names in one archive."""

    def __init__(self, expected: Iterable[str] = ()) -> None:
        """Keep their own names for the paths that will come, as far as those can be names."""
        self._files: set[str] = set()
        self._directories: set[str] = set()
        self._kept: set[str] = set()
        for path in expected:
            if "/".join(_parts(path)) == path and self._is_free(path):
                self._add(path)
                self._kept.add(path)

    def take(self, path: str) -> str:
        """Return a name for a path; where it would meet another one, a number follows."""
        if path in self._kept:
            self._kept.remove(path)
            return path
        parts = _parts(path)
        name, count = "/".join(parts), 1
        while not self._is_free(name):
            count += 1
            name = "/".join([f"{parts[0]}-{count}", *parts[1:]])
        self._add(name)
        return name

    def _add(self, name: str) -> None:
        self._files.add(name)
        self._directories.update(_above(name))

    def _is_free(self, name: str) -> bool:
        is_taken = name in self._files or name in self._directories
        return not is_taken and self._files.isdisjoint(_above(name))


def _parts(path: str) -> list[str]:
    """Return the parts of the name that a path would have if it were the only one."""
    plain = _FOREIGN.sub("_", path.encode("utf-8", "replace").decode())
    return [part for part in plain.split("/") if part not in ("", ".", "..")] or ["file"]


def _above(name: str) -> list[str]:
    """Return the directories that a file lies in."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


async def sent(writer: ArchiveWriter, entry: Entry, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Add an entry and yield what can be sent; compressing runs beside the event loop."""
    writer.begin(entry)
    async for piece in pieces:
        if ready := await asyncio.to_thread(writer.write, piece):
            yield ready
    writer.end()


async def only(content: bytes) -> AsyncIterator[bytes]:
    """Yield a content that is at hand."""
    yield content
