"""A database that fails is told in one sentence, and the driver's words are for the log."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from headrace.store import failures
from headrace.store.sqlite import NAME


def full(path: Path) -> DBAPIError:
    """The error of a full disk, as SQLAlchemy tells it."""
    engine = create_engine(f"sqlite:///{path / NAME}")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        connection.execute(text("PRAGMA max_page_count = 2"))
        with pytest.raises(DBAPIError) as caught:
            connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": "private" * 10_000})
    engine.dispose()
    return caught.value


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logged:
        told = failures.unavailable(full(tmp_path))

    assert told.message == "The disk of the data directory is full; make room there."
    assert [each["error"] for each in logged] == ["OperationalError: database or disk is full"]
    assert "private" not in str(logged)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_READONLY, "may not be written"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_ERROR, "the server's log says why"),
        (None, "the server's log says why"),
    ],
)
def test_each_failure_has_one_sentence(code: int | None, word: str) -> None:
    error: Any = sqlite3.OperationalError("words of the driver")
    if code is not None:
        error.sqlite_errorcode = code

    told = failures.why(error)

    assert word in told
    assert "driver" not in told
    assert told.count(".") == 1


def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    error: Any = sqlite3.DatabaseError("file is not a database")
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB

    told = failures.unusable(tmp_path, error).message

    assert told == f"{tmp_path} cannot be opened. {failures.why(error)}"
    assert "no database of Headrace" in told
