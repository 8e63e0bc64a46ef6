"""Artifacts in a directory of this machine, by blocking calls: what a worker process uses as it is.

`ab/cdef…` holds the content whose SHA-256 is `abcdef…`.
Content arrives in `incoming/`, is made durable there and then gets its name by one rename, so a name never
stands for less than its content.
Several processes may use one directory; a lock file keeps a removal from what is just being stored again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from headrace.artifacts.protocol import Stored, TooLarge
from headrace.errors import NotFound, StoreError

CHUNK = 1 << 18
"""Bytes read or written at once: large enough that the calls vanish beside the disk, small enough to hold
some for every reader."""

_INCOMING = "incoming"
_LOCK = "sweep.lock"
_NAME = re.compile(r"[0-9a-f]{64}")
_FICLONE = 0x40049409
"""Linux's request to share the blocks of another file until one of them changes; see ioctl_ficlone(2)."""


class ArtifactDirectory:
    """Stores and finds content; every method blocks and may be called from any thread.

    `StoreError` says that the disk failed.
    """

    def __init__(self, root: Path) -> None:
        """Use `root`, which is made when it is missing."""
        self.root = root
        self._incoming = root / _INCOMING
        for directory in (root, self._incoming):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = root / _LOCK

    def put_bytes(self, content: bytes) -> Stored:
        """Store these bytes."""
        stored = Stored(hashlib.sha256(content).hexdigest(), len(content))
        if self._renew(stored):
            return stored
        with self.incoming(max_size=None) as incoming:
            incoming.write(content)
        return stored

    def put_file(self, path: Path, *, max_size: int | None = None) -> Stored:
        """Store a copy of the file as it is now; raises `TooLarge`, `FileNotFoundError` and its kin."""
        with _opened(path) as source, self.incoming(max_size=max_size) as incoming:
            if max_size is not None and os.fstat(source.fileno()).st_size > max_size:
                raise TooLarge(max_size)
            incoming.copy(source)
        return incoming.stored

    @contextmanager
    def incoming(self, *, max_size: int | None) -> Iterator[IncomingArtifact]:
        """Store what is written inside the block; leaving it by an error stores nothing."""
        incoming = self.begin(max_size=max_size)
        try:
            yield incoming
        except BaseException:
            incoming.discard()
            raise
        incoming.finish()

    def begin(self, *, max_size: int | None) -> IncomingArtifact:
        """Return a place for content that is still arriving; `finish` or `discard` it."""
        with _disk_errors():
            return IncomingArtifact(self, self._incoming, max_size)

    def size(self, sha256: str) -> int:
        """Return the length in bytes, or raise `NotFound`."""
        return self.path(sha256).stat().st_size

    def path(self, sha256: str) -> Path:
        """Return the file with the content, or raise `NotFound`."""
        path = self._place(sha256)
        if not path.is_file():
            raise NotFound(f"There is no artifact {sha256}.")
        return path

    def read_bytes(self, sha256: str, *, max_size: int) -> bytes:
        """Return the whole content; raises `NotFound`, or `TooLarge` before reading."""
        with self.open(sha256) as file:
            if os.fstat(file.fileno()).st_size > max_size:
                raise TooLarge(max_size)
            with _disk_errors():
                return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """Return the content as an open file, or raise `NotFound`."""
        try:
            with _disk_errors():
                return self._place(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound(f"There is no artifact {sha256}.") from None

    def remove(self, sha256: str, *, older_than: float) -> bool:
        """Remove one artifact that was last stored before `older_than`; tell whether it is gone."""
        path = self._place(sha256)
        with _disk_errors():
            return self._remove(path, older_than) is not None or not path.exists()

    def clear_incoming(self, *, older_than: float) -> None:
        """Remove what began to arrive and was last written before `older_than` (Unix seconds)."""
        with _disk_errors():
            for path in self._incoming.iterdir():
                self._remove(path, older_than)

    def _remove(self, path: Path, older_than: float) -> int | None:
        """Return the size of what was removed; None when it is too young or gone."""
        with self._locked(fcntl.LOCK_EX), suppress(FileNotFoundError):
            found = path.stat()
            if found.st_mtime < older_than:
                path.unlink()
                return found.st_size
        return None

    def _renew(self, stored: Stored) -> bool:
        """Make existing content count as just stored; False when there is none."""
        with _disk_errors(), self._locked(fcntl.LOCK_SH):
            try:
                os.utime(self._place(stored.sha256))
            except FileNotFoundError:
                return False
        return True

    def name(self, incoming: Path, stored: Stored) -> None:
        """Give durable content its name; content that has it already stays."""
        if self._renew(stored):
            incoming.unlink(missing_ok=True)
            return
        with _disk_errors():
            place = self._place(stored.sha256)
            if not place.parent.is_dir():
                place.parent.mkdir(exist_ok=True)
                _sync(self.root)
            with self._locked(fcntl.LOCK_SH):
                incoming.rename(place)
            _sync(place.parent)

    def _place(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise NotFound(f"{sha256[:80]!r} is not the name of an artifact.")
        return self.root / sha256[:2] / sha256[2:]

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, kind)
            yield
        finally:
            os.close(lock)


class IncomingArtifact:
    """Content that is still arriving."""

    def __init__(self, directory: ArtifactDirectory, place: Path, max_size: int | None) -> None:
        self._directory = directory
        self._max_size = max_size
        self._hash = hashlib.sha256()
        self._size = 0
        handle, name = tempfile.mkstemp(dir=place)
        self._path = Path(name)
        self._file = os.fdopen(handle, "w+b", buffering=0)
        # Whoever is cancelled may discard while its last write still runs on another thread.
        self._turn = threading.Lock()

    @property
    def stored(self) -> Stored:
        """What the content is called that arrived until now."""
        return Stored(self._hash.hexdigest(), self._size)

    def write(self, chunk: bytes) -> None:
        """Append; raises `TooLarge` as soon as the limit is passed."""
        self._count(chunk)
        with self._turn, _disk_errors():
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]

    def copy(self, source: BinaryIO) -> None:
        """Take over a whole open file, by sharing its blocks where the file system can."""
        with _disk_errors():
            try:
                fcntl.ioctl(self._file, _FICLONE, source.fileno())
            except OSError:
                while chunk := source.read(CHUNK):
                    self.write(chunk)
            else:
                # The clone no longer changes, so what is hashed is what is kept.
                while chunk := self._file.read(CHUNK):
                    self._count(chunk)

    def finish(self) -> Stored:
        """Make it durable, give it its name, and return what it is called."""
        stored = self.stored
        try:
            with self._turn, _disk_errors(), self._file:
                os.fchmod(self._file.fileno(), stat.S_IRUSR)
                os.fsync(self._file.fileno())
            self._directory.name(self._path, stored)
        except BaseException:
            self.discard()
            raise
        return stored

    def discard(self) -> None:
        """Forget what arrived."""
        with self._turn, suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink()

    def _count(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._max_size is not None and self._size > self._max_size:
            raise TooLarge(self._max_size)
        self._hash.update(chunk)


def _opened(path: Path) -> BinaryIO:
    """Open a regular file; anything else (a pipe that nobody writes to) could keep us waiting for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return os.fdopen(handle, "rb")


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn what the disk says into our words; a file that is not there stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error)
        raise StoreError(f"The artifacts cannot be reached: {reason}.") from error
