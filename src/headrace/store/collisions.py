"""Which promise a write would have broken, read from the constraint that refused it."""

from __future__ import annotations

from headrace.errors import StaleVersion, StoreError
from headrace.store.failures import unavailable
from headrace.store.protocol import Key, KeyTaken

_KEYS: dict[str, tuple[Key, str]] = {
    "executions.id": ("id", "An execution with this id exists."),
    "executions.alias": ("alias", "An execution with this alias exists."),
    "executions.start_key": ("start_key", "This start key has started an execution before."),
    "executions.concurrency_key": ("concurrency_key", "A live execution has this concurrency key."),
    "idempotency.scope, idempotency.key": ("idempotency_key", "This idempotency key has been used."),
    "workflows.number": ("number", "A workflow with this number exists."),
    "workflows.id": ("id", "A workflow with this id exists."),
    "workflows.alias": ("alias", "A workflow with this alias exists."),
    "tokens.number": ("number", "A token with this number exists."),
    "placements.name": ("name", "A rule of placement with this name exists."),
    "files.number": ("number", "A file with this number exists."),
    "files.id": ("id", "A file with this id exists."),
}

_STALE = ("executions.number", "journal.execution, journal.seq")
"""Somebody else made this execution, or this step of it, first."""


def collision(error: Exception) -> KeyTaken | StoreError:
    """Return our error for an integrity error of SQLite (`UNIQUE constraint failed: table.column, …`)."""
    columns = str(error).rpartition("constraint failed: ")[2]
    if columns in _STALE:
        return StaleVersion(f"Somebody else committed first ({columns}).")
    if (known := _KEYS.get(columns)) is not None:
        return KeyTaken(*known)
    return unavailable(error)
