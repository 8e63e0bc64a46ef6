"""The in-memory twin of the store: the same promises, kept by dicts, for tests and rehearsals.

It passes the same conformance suite as the databases; it is forgotten with its process.
"""

from __future__ import annotations

from msgspec.structs import replace

from headrace.clock import Clock
from headrace.errors import StaleVersion
from headrace.security.secrets import SecretStore
from headrace.security.tokens import TokenStore
from headrace.store import rows
from headrace.store.protocol import (
    Definitions,
    Deliveries,
    Executions,
    Files,
    Idempotency,
    Journal,
    Key,
    KeyTaken,
    Numbers,
    Placements,
    Provenance,
)
from headrace.testing.memory_store.contents import Contents
from headrace.testing.memory_store.definitions import MemoryDefinitions
from headrace.testing.memory_store.outbox import MemoryDeliveries, MemoryFiles, MemoryIdempotency
from headrace.testing.memory_store.placements import MemoryPlacements
from headrace.testing.memory_store.projections import (
    MemoryExecutions,
    MemoryJournal,
    MemoryNumbers,
)
from headrace.testing.memory_store.provenance import MemoryProvenance

__all__ = ["Contents", "MemoryStore"]


class MemoryStore:
    """A `Store` in memory."""

    def __init__(self, clock: Clock, contents: Contents | None = None) -> None:
        """Open the contents, or begin with none; live executions become this store's."""
        self.contents = contents = contents or Contents()
        contents.epoch += 1
        for number, row in contents.executions.items():
            if row.ended_at is None:
                contents.executions[number] = replace(row, epoch=contents.epoch)
        self.epoch = contents.epoch
        self.numbers: Numbers = MemoryNumbers(contents)
        self.journal: Journal = MemoryJournal(contents)
        self.executions: Executions = MemoryExecutions(contents)
        self.definitions: Definitions = MemoryDefinitions(contents, clock)
        self.deliveries: Deliveries = MemoryDeliveries(contents)
        self.idempotency: Idempotency = MemoryIdempotency(contents, clock)
        self.files: Files = MemoryFiles(contents, clock)
        self.provenance: Provenance = MemoryProvenance(contents)
        self.placements: Placements = MemoryPlacements(contents)
        self.tokens: TokenStore = contents.tokens
        self.secrets: SecretStore = contents.secrets

    async def commit(self, commit: rows.Commit) -> None:
        """Remember all of it; see `Store.commit`."""
        contents, number = self.contents, commit.execution
        former = contents.executions.get(number)
        if (former.seq if former else 0) != commit.expected_seq or (former and former.epoch != self.epoch):
            raise StaleVersion(
                f"Execution {number} is no longer at {commit.expected_seq}, or is another server's."
            )
        if former is None:
            self._refuse_keys(commit.row)
            row = commit.row
        else:
            shown = commit.row
            row = replace(
                former,
                state=shown.state,
                reason=shown.reason,
                started_at=shown.started_at,
                ended_at=shown.ended_at,
            )
        contents.refuse_answer(commit.idempotency)
        contents.remember(commit.idempotency)
        contents.executions[number] = replace(row, seq=commit.seq, epoch=self.epoch)
        entry = rows.JournalEntry(commit.expected_seq + 1, commit.seq, commit.at, commit.events)
        contents.journal[number].append(entry)
        contents.task_runs.update((run.number, run) for run in commit.task_runs)
        known = {file.id for file in contents.files.values()}
        contents.files.update((file.number, file) for file in commit.files if file.id not in known)
        contents.kept.update(commit.keeps)
        contents.deliveries.update((delivery.number, delivery) for delivery in commit.deliveries)

    async def ping(self) -> None:
        """Return: memory answers."""

    async def close(self) -> None:
        """Let go; the contents stay."""

    def _refuse_keys(self, row: rows.ExecutionRow) -> None:
        keys: tuple[Key, ...] = ("id", "alias", "start_key", "concurrency_key")
        for key in keys:
            value = getattr(row, key)
            others = (r for r in self.contents.executions.values() if getattr(r, key) == value)
            if value is None:
                continue
            if any(key != "concurrency_key" or other.ended_at is None for other in others):
                raise KeyTaken(key, f"Another execution has the {key} {value!r}.")
