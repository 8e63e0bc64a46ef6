"""What a database that fails is told as: one sentence on what is wrong and what to do.

The driver's own words, with the statement and an address in the internet, are for the server's log.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import exc

from headrace.errors import StoreError

log = structlog.get_logger(__name__)

_SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk of the data directory is full; make room there.",
    sqlite3.SQLITE_BUSY: "The database is locked by another program; wait for it, or end it.",
    sqlite3.SQLITE_READONLY: "The database may not be written; look who owns the data directory.",
    sqlite3.SQLITE_PERM: "The database may not be used; look who owns the data directory.",
    sqlite3.SQLITE_CANTOPEN: "The database cannot be opened; look whether the data directory is there.",
    sqlite3.SQLITE_IOERR: "The disk of the data directory fails; the server's log has its words.",
    sqlite3.SQLITE_CORRUPT: "The database is damaged; restore the data directory from a copy.",
    sqlite3.SQLITE_NOTADB: "The file is no database of Headrace; name another data directory.",
}
"""By the primary result code: https://www.sqlite.org/rescode.html."""

_ANY = "The database cannot answer now; the server's log says why."


def unavailable(error: BaseException) -> StoreError:
    """Return what is told of an error of the driver, and log the error itself."""
    reason = why(error)
    # A log on the disk that is full fails with it, and whoever waits must be told all the same.
    with suppress(OSError, ValueError):
        log.warning("database_failed", told=reason, error=_words(error))
    return StoreError(reason)


def unusable(path: Path, error: Exception) -> StoreError:
    """Return what is told of a database that cannot be opened at all."""
    reason = f"{error.strerror}." if isinstance(error, OSError) else why(error)
    return StoreError(f"{path} cannot be opened. {reason}")


def why(error: BaseException) -> str:
    """Return the sentence for an error of the driver."""
    code = getattr(_original(error), "sqlite_errorcode", None)
    return _ANY if code is None else _SENTENCES.get(code & 0xFF, _ANY)


def _original(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error


def _words(error: BaseException) -> str:
    original = _original(error)
    return f"{type(original).__name__}: {original}"
