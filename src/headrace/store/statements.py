"""What a commit or a listing says to SQLite, written once: composing it anew costs more than running it.

Each statement takes its values by position, in the order of the row's fields.
PostgreSQL will have a file like this one; everything outside it is said through SQLAlchemy.
"""

from __future__ import annotations

from headrace.store.rows import TaskRunRow

_TASK_RUN = TaskRunRow.__struct_fields__
_TASK_RUN_CHANGES = _TASK_RUN[_TASK_RUN.index("state") :]


def upsert_task_runs(count: int) -> str:
    """Return the statement that writes `count` task runs in one step.

    One statement of many rows instead of many of one: the driver gives the interpreter lock away at every
    statement, and beside a busy event loop getting it back costs more than the row.
    """
    row = f"({', '.join('?' * len(_TASK_RUN))})"
    changes = ", ".join(f"{name} = excluded.{name}" for name in _TASK_RUN_CHANGES)
    return (
        f"INSERT INTO task_runs ({', '.join(_TASK_RUN)}) VALUES {', '.join([row] * count)} "  # noqa: S608 - our own names
        f"ON CONFLICT (number) DO UPDATE SET {changes}"
    )


INSERT_EXECUTION = (
    "INSERT INTO executions (number, id, workflow, version, dialect, alias, name, state, reason, created_at, "
    "started_at, ended_at, start_key, concurrency_key, parent, labels, seq, epoch) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

ADVANCE_EXECUTION = "UPDATE executions SET seq = ? WHERE number = ? AND seq = ? AND epoch = ?"
"""The optimistic lock and the fence in one: nobody else committed since, and the lease is still ours."""

CHANGE_EXECUTION = (
    "UPDATE executions SET state = ?, reason = ?, started_at = ?, ended_at = ?, seq = ? "
    "WHERE number = ? AND seq = ? AND epoch = ?"
)

APPEND_JOURNAL = "INSERT INTO journal (execution, seq, first_seq, at, events) VALUES (?, ?, ?, ?, ?)"

INSERT_DELIVERY = (
    "INSERT INTO deliveries (number, execution, sequence, event, url, endpoint, body, content_type, queue, "
    "secret_ref, is_last, catches_up, state, attempts, created_at, next_try_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

FORGET_EXPIRED_ANSWER = "DELETE FROM idempotency WHERE scope = ? AND key = ? AND expires_at <= ?"

INSERT_ANSWER = (
    "INSERT INTO idempotency (scope, key, body_hash, status, answer, content_type, created_at, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

KEEP_CONTENT = "INSERT OR IGNORE INTO kept_contents (sha256, execution) VALUES (?, ?)"

REMEMBER_FILE = (
    "INSERT INTO files (number, id, name, content_type, size, sha256, created_at, execution) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)

PUT_DIRECTORY = (
    "INSERT INTO directories (path, listed_at, is_complete, bytes) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (path) DO UPDATE SET listed_at = excluded.listed_at, is_complete = excluded.is_complete, "
    "bytes = excluded.bytes "
    "RETURNING key"
)

PUT_AWAY_VERSION = (
    "UPDATE file_versions SET is_current = 0, is_superseded = (sha256 IS NULL AND link IS NULL) "
    "WHERE number = ?"
)

INSERT_VERSION = (
    "INSERT INTO file_versions (number, directory, path, size, mtime_ns, inode, link, sha256, is_superseded, "
    "is_stored, is_current, is_wanted, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

INSERT_USE = (
    "INSERT INTO file_uses (number, execution, task, attempt, kind, before, after, is_certain, at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

MARK_WANTED = "UPDATE file_versions SET is_wanted = 1 WHERE number = ? AND sha256 IS NULL AND NOT is_wanted"

NOTE_HASH = (
    "UPDATE file_versions SET sha256 = ?, is_stored = ?, is_superseded = 0, is_wanted = 0 WHERE number = ?"
)

NOTE_SUPERSEDED = "UPDATE file_versions SET is_superseded = sha256 IS NULL, is_wanted = 0 WHERE number = ?"
