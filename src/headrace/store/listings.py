"""How listings and hashes become rows of SQLite: on the path of every activity, below SQLAlchemy.

Names of files are kept as the bytes that the file system has, hashes as bytes, inodes as signed integers.
This file opens and ends no transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from msgspec.structs import astuple

from headrace.store import statements
from headrace.store.provenance_rows import FileVersion, Hashed, Listing

_INODES = 2**64
_SIGNED = 2**63
"""An inode is unsigned, and some file systems use its highest bit; the databases have signed integers."""


def record(cursor: sqlite3.Cursor, listing: Listing) -> None:
    """Write a listing."""
    directory = listing.directory
    cursor.execute(
        statements.PUT_DIRECTORY,
        (os.fsencode(directory.path), directory.listed_at, directory.is_complete, directory.bytes),
    )
    [(key,)] = cursor.fetchall()
    for part in listing.parts:
        cursor.execute(
            statements.PUT_DIRECTORY, (os.fsencode(part.path), part.listed_at, part.is_complete, part.bytes)
        )
        cursor.fetchall()
    wanted = listing.wanted()
    if listing.appeared:
        cursor.executemany(
            statements.INSERT_VERSION,
            [_version(version, key, is_wanted=version.number in wanted) for version in listing.appeared],
        )
        wanted.difference_update(version.number for version in listing.appeared)
    if listing.gone:
        cursor.executemany(statements.PUT_AWAY_VERSION, [(number,) for number in listing.gone])
    if wanted:
        cursor.executemany(statements.MARK_WANTED, [(number,) for number in wanted])
    if listing.uses:
        cursor.executemany(statements.INSERT_USE, map(astuple, listing.uses))


def note_hashes(cursor: sqlite3.Cursor, found: Sequence[Hashed]) -> None:
    """Write what reading contents gave."""
    cursor.executemany(
        statements.NOTE_HASH,
        [(bytes.fromhex(one.sha256), one.is_stored, one.version) for one in found if one.sha256 is not None],
    )
    cursor.executemany(statements.NOTE_SUPERSEDED, [(one.version,) for one in found if one.sha256 is None])


def inode(kept: int) -> int:
    """Return the inode that was kept as a signed integer."""
    return kept % _INODES


def _version(version: FileVersion, directory: int, *, is_wanted: bool) -> tuple[object, ...]:
    return (
        version.number,
        directory,
        os.fsencode(version.path),
        version.size,
        version.mtime_ns,
        version.inode if version.inode < _SIGNED else version.inode - _INODES,
        None if version.link is None else os.fsencode(version.link),
        None if version.sha256 is None else bytes.fromhex(version.sha256),
        version.is_superseded,
        version.is_stored,
        version.is_current,
        is_wanted,
        version.seen_at,
    )
