"""The values that say which task made which file from which, as they go into the store and come out of it.

A directory is an absolute path of the machine that its activities work in; a path is relative to it, with `/`
between its parts, in the form of `os.fsdecode`.
Moments are Unix seconds, except `mtime_ns`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal as OneOf

from msgspec import Struct

UseKind = OneOf["created", "modified", "deleted", "read"]


class FileVersion(Struct, frozen=True, kw_only=True):
    """What one path of a directory was from one listing to a later one; it is never two contents."""

    number: int
    directory: str
    path: str
    size: int
    """Bytes."""
    mtime_ns: int
    """Nanoseconds since 1970, from -2**63 to 2**63 - 1: file systems know later moments than a database."""
    inode: int
    link: str | None = None
    """Target of a symbolic link, which has no content of its own; None for a regular file."""
    sha256: str | None = None
    """None until it was hashed, for a link, and for what is superseded."""
    is_superseded: bool = False
    """The file changed again, or went away, before it was hashed."""
    is_stored: bool = False
    """The content is an artifact."""
    is_current: bool = True
    """It is what the directory has, by the last listing."""
    seen_at: float


class FileUse(Struct, frozen=True, kw_only=True):
    """What one attempt of a task did with one path."""

    number: int
    execution: int
    task: str
    """Name of the task."""
    attempt: int
    kind: UseKind
    before: int | None = None
    """Number of the version that it found: what it read, changed or deleted."""
    after: int | None = None
    """Number of the version that it left: what it created or changed it to."""
    is_certain: bool = True
    """False when several tasks could have done it; each of them then has such a use."""
    at: float


class RecordedUse(Struct, frozen=True, kw_only=True):
    """A use with the versions that it names."""

    use: FileUse
    before: FileVersion | None
    after: FileVersion | None

    @property
    def version(self) -> FileVersion:
        """The version that the use left, or else the one that it found."""
        found = self.after or self.before
        assert found is not None
        return found


class DirectoryRow(Struct, frozen=True, kw_only=True):
    """A directory that was listed."""

    path: str
    listed_at: float
    is_complete: bool = True
    """False when it has more files than are recorded; nothing is recorded from then on."""
    bytes: int | None = None
    """What its files have together, those in its directories included; None where nothing is recorded now."""


class Listing(Struct, frozen=True, kw_only=True):
    """What a listing of a directory found to be different from the one before; remembered as a whole."""

    directory: DirectoryRow
    parts: Sequence[DirectoryRow] = ()
    """Directories inside of it that attempts work in, which were listed with it."""
    appeared: Sequence[FileVersion] = ()
    """New versions of paths; each takes the place of the current version of its path."""
    gone: Sequence[int] = ()
    """Numbers of versions that are not current any more, also those that a new one takes the place of.

    A regular file among them that was not hashed becomes superseded.
    """
    uses: Sequence[FileUse] = ()
    unread: Collection[int] = ()
    """Numbers of versions that the uses name although nobody wants to know their contents."""

    def wanted(self) -> set[int]:
        """Return the numbers of the versions whose contents somebody wants to know."""
        named = {number for use in self.uses for number in (use.before, use.after) if number is not None}
        return named.difference(self.unread)


class Hashed(Struct, frozen=True, kw_only=True):
    """What reading the content of a version gave."""

    version: int
    sha256: str | None = None
    """None: the file changed before it was read, so the version is superseded, unless its hash is known.

    A hash that comes after a listing has found the version gone is its hash all the same.
    """
    is_stored: bool = False
