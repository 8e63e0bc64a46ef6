"""What the store in memory has in memory, and the rules that several of its parts keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from headrace.store import provenance_rows, rows
from headrace.store.cursors import page, position
from headrace.store.numbering import FIRST
from headrace.store.protocol import KeyTaken
from headrace.testing.credentials import SecretsInMemory, TokensInMemory

Row = TypeVar("Row", rows.ExecutionRow, rows.WorkflowRow, rows.FileRow)


class Contents:
    """What a store has in memory; a second store may be opened on it, as a restarted server would."""

    def __init__(self) -> None:
        self.next_number = FIRST
        self.epoch = 0
        self.executions: dict[int, rows.ExecutionRow] = {}
        self.journal: dict[int, list[rows.JournalEntry]] = defaultdict(list)
        self.task_runs: dict[int, rows.TaskRunRow] = {}
        self.deliveries: dict[int, rows.Delivery] = {}
        self.abandoned_urls: set[tuple[int, str]] = set()
        self.answers: dict[tuple[str, str], rows.IdempotencyRecord] = {}
        self.workflows: dict[int, rows.WorkflowRow] = {}
        self.versions: dict[tuple[int, int], rows.VersionRow] = {}
        self.files: dict[int, rows.FileRow] = {}
        self.directories: dict[str, provenance_rows.DirectoryRow] = {}
        self.file_versions: dict[int, provenance_rows.FileVersion] = {}
        self.wanted_versions: set[int] = set()
        self.file_uses: dict[int, provenance_rows.FileUse] = {}
        self.kept: set[str] = set()
        """Hashes of what executions made."""
        self.placements: dict[int, rows.PlacementRule] = {}
        self.tokens = TokensInMemory()
        self.secrets = SecretsInMemory()

    def remember(self, record: rows.IdempotencyRecord | None) -> None:
        """Keep an answer; call `refuse_answer` first."""
        if record is not None:
            self.answers[record.scope, record.key] = record

    def refuse_answer(self, record: rows.IdempotencyRecord | None) -> None:
        """Raise `KeyTaken` when the key has an answer that holds."""
        if record is None:
            return
        former = self.answers.get((record.scope, record.key))
        if former is not None and former.expires_at > record.created_at:
            raise KeyTaken("idempotency_key", "This idempotency key has been used.")


def newest(found: Iterable[Row], limit: int, cursor: str | None, name: str) -> rows.Page[Row]:
    """Return a page of what was found, newest first."""
    before = position(cursor, name)
    wanted = [row for row in found if before is None or row.number < before]
    wanted.sort(key=lambda row: row.number, reverse=True)
    return page(wanted[: limit + 1], limit, name, lambda row: row.number)
