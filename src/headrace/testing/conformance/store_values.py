"""Rows and commits for the suite of stores: small, valid, and told apart by their numbers."""

from __future__ import annotations

import uuid
from typing import Any

from headrace.store import rows
from headrace.store.protocol import Store


class TurnedClock:
    """A clock whose hands the test turns."""

    def __init__(self, moment: float = 1_800_000_000.0) -> None:
        self.moment = moment

    def now(self) -> float:
        """Return the moment that the test has set."""
        return self.moment


def execution(number: int, **fields: Any) -> rows.ExecutionRow:
    """Return a running execution."""
    usual: dict[str, Any] = {
        "id": str(uuid.UUID(int=number)),
        "workflow": 1,
        "version": 1,
        "dialect": "dataflow",
        "name": "Weather",
        "state": "running",
        "created_at": 100.0,
        "started_at": 101.0,
    }
    return rows.ExecutionRow(number=number, **(usual | fields))


def ended(row: rows.ExecutionRow, state: str = "succeeded") -> rows.ExecutionRow:
    """Return the execution when it is over."""
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    return rows.ExecutionRow(**(values | {"state": state, "ended_at": 200.0}))


def commit(row: rows.ExecutionRow, expected_seq: int = 0, count: int = 2, **fields: Any) -> rows.Commit:
    """Return a commit of `count` events."""
    seq = expected_seq + count
    usual: dict[str, Any] = {"at": 100.0 + seq, "events": f"events to {seq}".encode()}
    return rows.Commit(execution=row.number, expected_seq=expected_seq, seq=seq, row=row, **(usual | fields))


async def started(store: Store, **fields: Any) -> rows.ExecutionRow:
    """Commit the start of a new execution and return its row."""
    row = execution(store.numbers.take(), **fields)
    await store.commit(commit(row))
    return row


def task_run(number: int, execution: int, state: str = "running", **fields: Any) -> rows.TaskRunRow:
    """Return a task run that has begun."""
    usual: dict[str, Any] = {"scope": 0, "task": f"task-{number}", "visit": 1, "item": -1, "type": "echo"}
    return rows.TaskRunRow(number=number, execution=execution, state=state, **(usual | fields))


def delivery(number: int, execution: int, sequence: int = 1, **fields: Any) -> rows.Delivery:
    """Return a delivery that is due at 100."""
    usual: dict[str, Any] = {
        "event": "execution.running",
        "url": "https://example.com/hook",
        "body": b"{}",
        "queue": "run",
        "created_at": 100.0,
        "next_try_at": 100.0,
    }
    return rows.Delivery(number=number, execution=execution, sequence=sequence, **(usual | fields))


def answer(key: str = "k", **fields: Any) -> rows.IdempotencyRecord:
    """Return an answer that holds until 1,000 seconds after the clock's first moment."""
    usual: dict[str, Any] = {
        "scope": "1001 POST /v1/executions",
        "body_hash": "aa",
        "status": 201,
        "answer": b"{}",
        "created_at": 1_800_000_000.0,
        "expires_at": 1_800_001_000.0,
    }
    return rows.IdempotencyRecord(key=key, **(usual | fields))


def draft(text: str = "one") -> rows.DefinitionDraft:
    """Return a draft; drafts of one text are the same document."""
    return rows.DefinitionDraft(
        name=f"Workflow {text}",
        definition=b"model " + text.encode(),
        source=text.encode(),
        media_type="application/json",
        hash=text,
    )


async def defined(store: Store, text: str = "one", **fields: Any) -> rows.WorkflowRow:
    """Create a workflow."""
    number = store.numbers.take()
    usual: dict[str, Any] = {"id": str(uuid.UUID(int=number)), "dialect": "dataflow"}
    return await store.definitions.create(draft(text), number=number, **(usual | fields))


def file(number: int, **fields: Any) -> rows.FileRow:
    """Return a file."""
    usual: dict[str, Any] = {
        "id": f"file-{number}",
        "name": "talk.mp3",
        "content_type": "audio/mpeg",
        "size": 5,
        "sha256": "ab" * 32,
        "created_at": 100.0,
    }
    return rows.FileRow(number=number, **(usual | fields))
