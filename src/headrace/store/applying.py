"""How commits become rows of SQLite: the hot path, below SQLAlchemy.

Commits that share a flush are written statement by statement, not commit by commit.
This file opens and ends no transaction; whoever calls it does, and rolls back when it raises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain

import msgspec
from msgspec.structs import astuple

from headrace.errors import StaleVersion
from headrace.store import statements
from headrace.store.collisions import collision
from headrace.store.outbox_bodies import packed
from headrace.store.rows import Commit, Delivery, FileRow, TaskRunRow

ROWS_PER_STATEMENT = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""Rows are cut into statements of these sizes, which SQLite prepares once and keeps.

Up to eight rows, as nearly all lone commits have, are one statement; 64 make its own cost vanish, and stay
far below SQLite's 32,766 values.
"""

_UPSERTS = tuple((size, statements.upsert_task_runs(size)) for size in ROWS_PER_STATEMENT)

Shown = tuple[str, str | None, float | None, float | None]
"""What of an execution the lists show: state, reason, started_at, ended_at."""


class Applier:
    """Writes commits through one cursor and remembers what the lists show of the live executions.

    An execution's row has many indexes, and most commits change nothing that they know of; then only its
    sequence number is written. What is remembered is one small tuple per live execution.
    """

    def __init__(self, cursor: sqlite3.Cursor, epoch: int) -> None:
        self._cursor = cursor
        self._epoch = epoch
        self._shown: dict[int, Shown] = {}

    def forget(self) -> None:
        """Trust nothing that was written: the transaction was rolled back."""
        self._shown.clear()

    def apply(self, commits: Sequence[Commit]) -> None:
        """Write commits of different executions.

        Raises `StaleVersion`, `KeyTaken` (somewhere in the batch) or what the driver raises.
        """
        try:
            for commit in commits:
                if commit.expected_seq == 0:
                    self._insert_execution(commit)
                else:
                    self._advance_execution(commit)
            self._cursor.executemany(
                statements.APPEND_JOURNAL,
                [(c.execution, c.seq, c.expected_seq + 1, c.at, c.events) for c in commits],
            )
            self._upsert_task_runs(list(chain.from_iterable(c.task_runs for c in commits)))
            for commit in commits:
                self._write_the_rest(commit)
        except sqlite3.IntegrityError as error:
            raise collision(error) from error

    def _insert_execution(self, commit: Commit) -> None:
        row = commit.row
        values = list(astuple(row))
        values[-3:] = (msgspec.msgpack.encode(row.labels), commit.seq, self._epoch)
        self._cursor.execute(statements.INSERT_EXECUTION, values)
        self._remember(commit)

    def _advance_execution(self, commit: Commit) -> None:
        row = commit.row
        place = (commit.seq, commit.execution, commit.expected_seq, self._epoch)
        shown = (row.state, row.reason, row.started_at, row.ended_at)
        if self._shown.get(commit.execution) == shown:
            self._cursor.execute(statements.ADVANCE_EXECUTION, place)
        else:
            self._cursor.execute(statements.CHANGE_EXECUTION, (*shown, *place))
            self._remember(commit)
        if self._cursor.rowcount != 1:
            raise StaleVersion(
                f"Execution {commit.execution} is no longer at {commit.expected_seq}, or is another server's."
            )

    def _remember(self, commit: Commit) -> None:
        row = commit.row
        if row.ended_at is None:
            self._shown[commit.execution] = (row.state, row.reason, row.started_at, row.ended_at)
        else:
            self._shown.pop(commit.execution, None)

    def _upsert_task_runs(self, rows: Sequence[TaskRunRow]) -> None:
        start, left = 0, len(rows)
        for size, statement in _UPSERTS:
            while left >= size:
                part = rows[start : start + size]
                self._cursor.execute(statement, tuple(chain.from_iterable(map(astuple, part))))
                start, left = start + size, left - size

    def _write_the_rest(self, commit: Commit) -> None:
        cursor, execution = self._cursor, commit.execution
        if commit.deliveries:
            cursor.executemany(statements.INSERT_DELIVERY, map(_delivery, commit.deliveries))
        if commit.files:
            cursor.executemany(statements.REMEMBER_FILE, map(_file, commit.files))
        if commit.keeps:
            cursor.executemany(statements.KEEP_CONTENT, [(sha256, execution) for sha256 in commit.keeps])
        if (record := commit.idempotency) is not None:
            cursor.execute(statements.FORGET_EXPIRED_ANSWER, (record.scope, record.key, record.created_at))
            cursor.execute(statements.INSERT_ANSWER, astuple(record))


def _delivery(row: Delivery) -> tuple[object, ...]:
    return (
        row.number,
        row.execution,
        row.sequence,
        row.event,
        row.url,
        row.endpoint,
        packed(row.body),
        row.content_type,
        row.queue,
        row.secret_ref,
        row.is_last,
        row.catches_up,
        row.state,
        msgspec.msgpack.encode(row.attempts),
        row.created_at,
        row.next_try_at,
    )


def _file(row: FileRow) -> tuple[object, ...]:
    return (
        row.number,
        row.id,
        row.name,
        row.content_type,
        row.size,
        row.sha256,
        row.created_at,
        row.execution,
    )
