"""What every store does, whatever database stands behind it.

All methods are asynchronous and belong to the event loop that the store was first used in, except
`numbers.take`; all raise `StoreError` when the database cannot answer.
Lists are newest first; `limit` is 1 or more; a cursor that this list did not give is `InvalidInput`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal as OneOf, Protocol

from headrace.errors import Conflict
from headrace.security.secrets import SecretStore
from headrace.security.tokens import TokenStore
from headrace.store.provenance_rows import (
    DirectoryRow,
    FileVersion,
    Hashed,
    Listing,
    RecordedUse,
    UseKind,
)
from headrace.store.rows import (
    EVERY,
    Commit,
    DefinitionDraft,
    DeletedBecause,
    Delivery,
    DeliveryAttempt,
    DeliveryEntry,
    DeliveryHead,
    DeliveryState,
    ExecutionFilter,
    ExecutionRow,
    FileRow,
    IdempotencyRecord,
    JournalEntry,
    Page,
    PlacementRule,
    TaskRunRow,
    VersionRow,
    VersionSummary,
    WorkflowRow,
)

Key = OneOf["number", "id", "alias", "name", "start_key", "concurrency_key", "idempotency_key"]


class KeyTaken(Conflict):
    """Something else has this key."""

    code = "key_taken"

    def __init__(self, key: Key, message: str) -> None:
        super().__init__(message)
        self.key = key
        """Which of the keys it was."""


class Numbers(Protocol):
    """The one sequence of integers for everything that has a number; none is given twice."""

    def take(self, count: int = 1) -> int:
        """Return the first of `count` consecutive numbers.

        Answers from memory; only when so many are not at hand does it wait for the database, so whoever
        needs thousands at once awaits `prepare` first.
        """

    async def prepare(self, count: int) -> None:
        """Have at least `count` numbers at hand."""


class Journal(Protocol):
    """The append-only list of committed events of each execution."""

    async def read(self, execution: int, after: int = 0) -> list[JournalEntry]:
        """Return the entries with events later than sequence number `after`, in order; none is no error.

        An entry whose `first_seq` is not above `after` is returned whole.
        """


class Executions(Protocol):
    """Executions and task runs, as projections of the journal."""

    async def get(self, key: int | str) -> ExecutionRow:
        """Return the execution with this number, UUID or alias, or raise `NotFound`."""

    async def by_start_key(self, start_key: str) -> ExecutionRow | None:
        """Return the execution that was started with this key."""

    async def newest(
        self, which: ExecutionFilter = EVERY, *, limit: int = 100, cursor: str | None = None
    ) -> Page[ExecutionRow]:
        """Return a page of executions; its cost does not grow with history."""

    async def live(self) -> list[ExecutionRow]:
        """Return all that are not over, oldest first."""

    async def counts(self, *, workflow: int | None = None, dialect: str | None = None) -> dict[str, int]:
        """Return how many executions are in each state; states without any are left out."""

    async def task_run(self, number: int) -> TaskRunRow:
        """Return the task run with this number, or raise `NotFound`."""

    async def task_runs(
        self, execution: int, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[TaskRunRow]:
        """Return task runs of an execution in the order of their numbers (oldest first)."""


class Definitions(Protocol):
    """Workflows and their immutable versions."""

    async def create(
        self,
        draft: DefinitionDraft,
        *,
        number: int,
        id: str,
        dialect: str,
        alias: str | None = None,
        idempotency: IdempotencyRecord | None = None,
    ) -> WorkflowRow:
        """Remember a new workflow as version 1; raise `KeyTaken` when the alias or another key is in use."""

    async def update(
        self,
        number: int,
        draft: DefinitionDraft,
        *,
        expected: int | None = None,
        idempotency: IdempotencyRecord | None = None,
    ) -> WorkflowRow:
        """Make the draft the current version and return the workflow.

        The same document as the current version makes no new one.
        Raises `NotFound`, or `StaleVersion` when `expected` is not the current version.
        """

    async def get(self, key: int | str) -> WorkflowRow:
        """Return the workflow with this number, UUID or alias; one that is deleted is `NotFound`."""

    async def remembered(self, number: int) -> WorkflowRow:
        """Return the workflow with this number, also when it is deleted, or raise `NotFound`."""

    async def newest(
        self, *, dialect: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[WorkflowRow]:
        """Return a page of the workflows that are not deleted."""

    async def version(self, workflow: int, version: int) -> VersionRow:
        """Return a version, also of a deleted workflow, or raise `NotFound`."""

    async def versions(
        self, workflow: int, *, limit: int = 100, cursor: str | None = None
    ) -> Page[VersionSummary]:
        """Return a page of the versions of a workflow."""

    async def delete(self, number: int, *, expected: int | None = None) -> None:
        """Forget the workflow for lookups and starts; its executions and versions stay readable.

        Raises `NotFound`, `StaleVersion`, or `Conflict` while one of its executions is live.
        """

    async def withdraw(self, number: int) -> None:
        """Do the same with one that never ran; raises `NotFound`, or `Conflict` where it has an execution."""


class Deliveries(Protocol):
    """The transactional outbox: filled by commits, emptied by the notifications."""

    async def due(self, now: float, limit: int = 100) -> list[DeliveryHead]:
        """Return deliveries that are due and wait for nothing else, the longest due first."""

    async def awaited(self, keys: Collection[str]) -> set[str]:
        """Return those of the keys that a delivery waits for."""

    async def waiting(self, keys: Collection[str], limit: int = 100) -> list[DeliveryHead]:
        """Return deliveries that wait for one of the keys, in their turn.

        For a place (`PLACE`) that is the longest waiting first, so that the endpoints come in turn; for all
        else the longest due first, so that a run is told in order.  The keys are of one kind.
        """

    async def take(self, numbers: Collection[int], waits: Mapping[int, str] | None = None) -> list[Delivery]:
        """Have some in flight, and let others wait, in this order, each for a key; what is over is left out.

        Returns those in flight, the longest due first.  What is in flight or waits is not due, until `record`
        or `abandon` is called or the server is gone; one caller takes at a time.
        """

    async def next_due(self) -> float | None:
        """Return when the earliest delivery is due that waits for nothing else and is not in flight."""

    async def record(
        self,
        number: int,
        attempt: DeliveryAttempt | None,
        *,
        state: DeliveryState,
        next_try_at: float | None = None,
    ) -> Delivery:
        """Note an attempt and what became of the delivery, and release it.

        `pending` needs `next_try_at`; without an attempt only the state changes.
        """

    async def catch_up(self, execution: int, url: str, at: float) -> int:
        """Make the waiting ones of an execution to this URL that catch up due at `at`; return how many."""

    async def abandon(self, execution: int, url: str) -> list[int]:
        """Give up a URL for an execution: what is pending has failed, and what comes later fails unsent.

        Returns the numbers of those that were pending.
        """

    async def log(
        self, execution: int, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[DeliveryEntry]:
        """Return a page of the deliveries of an execution in their order (oldest first), without bodies."""

    async def bodies(self, numbers: Collection[int]) -> dict[int, bytes]:
        """Return the bodies of these deliveries by number; those that are not there are left out."""

    async def forget_ended(self, before: float, limit: int = 1000) -> int:
        """Delete some of the deliveries that are over, of executions that ended before a moment.

        Returns how many; fewer than `limit` are the last.
        """

    async def signed(self, secret_refs: Collection[str]) -> set[str]:
        """Return those of the signing secrets (`Delivery.secret_ref`) that a delivery names."""

    async def redeliver(self, number: int, at: float) -> Delivery:
        """Make a delivery pending again, due at `at`; its attempts are kept. Raises `NotFound`.

        A URL that was given up is taken up again; what is in flight stays so.
        """


class Idempotency(Protocol):
    """Answers that were given to requests with a key."""

    async def find(self, scope: str, key: str) -> IdempotencyRecord | None:
        """Return the record unless it has expired."""

    async def remember(self, record: IdempotencyRecord) -> None:
        """Keep the answer of an effect that has no commit of its own, or raise `KeyTaken`."""

    async def forget_expired(self, limit: int = 1000) -> int:
        """Delete some of the answers that have expired.

        Returns how many; fewer than `limit` are the last.
        """


class Files(Protocol):
    """Uploaded files by name; the contents are artifacts."""

    async def add(self, file: FileRow, idempotency: IdempotencyRecord | None = None) -> None:
        """Remember a file, or raise `KeyTaken`."""

    async def get(self, id: str) -> FileRow:
        """Return the file, or raise `NotFound` also when it is deleted; `Gone` when retention did that."""

    async def newest(
        self, *, execution: int | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[FileRow]:
        """Return a page of the files that are not deleted."""

    async def delete(self, id: str, because: DeletedBecause = "asked") -> None:
        """Forget a file, or raise `NotFound`; its content stays until that is settled, too."""

    async def uploaded(self, before: float, *, after: int = 0, limit: int = 1000) -> list[FileRow]:
        """Return files that were uploaded before a moment, with numbers above `after` and in their order."""

    async def unsettled(self, before: float, *, after: int = 0, limit: int = 1000) -> list[FileRow]:
        """Return files that were deleted before a moment and whose content may still be there, likewise."""

    async def settle(self, numbers: Collection[int]) -> None:
        """Remember that nothing is left to do for the contents of these deleted files."""

    async def named(self, hashes: Collection[str]) -> frozenset[str]:
        """Return those of the hashes that must stay: something that is remembered names them.

        That is a file that is not deleted, what an execution made, or what provenance has stored.
        """


class Placements(Protocol):
    """Rules of placement; there are few."""

    async def add(self, rule: PlacementRule) -> None:
        """Remember a rule; raises `KeyTaken` where another one has its name."""

    async def get(self, number: int) -> PlacementRule:
        """Return a rule; raises `NotFound`."""

    async def list(self) -> list[PlacementRule]:
        """Return all rules, oldest first."""

    async def delete(self, number: int) -> None:
        """Forget a rule; raises `NotFound`."""


class Provenance(Protocol):
    """Which task made which file from which."""

    async def directory(self, path: str) -> DirectoryRow | None:
        """Return what is known of a directory, or None when it was never listed."""

    async def current(self, directory: str) -> list[FileVersion]:
        """Return what a directory has by the last listings, oldest first.

        That is what was listed of it, of directories inside, and of those that it lies in; where two of them
        have the same file, both versions are returned.
        """

    async def bytes_of(self, directories: Collection[str]) -> dict[str, int]:
        """Return how many bytes directories have by their last listings, of those where that is known."""

    async def record(self, listing: Listing) -> None:
        """Remember a listing durably, as a whole."""

    async def note_hashes(self, found: Sequence[Hashed]) -> None:
        """Remember what reading contents gave; a version that is not there changes nothing."""

    async def to_read(self, *, limit: int = 1000) -> list[FileVersion]:
        """Return current regular files that some use names and whose contents are to be read, oldest first.

        Of some the hash is known already, since their listing; `note_hashes` ends the wait of each.
        """

    async def uses(
        self,
        execution: int,
        *,
        task: str | None = None,
        kinds: Collection[UseKind] | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[RecordedUse]:
        """Return what the tasks of an execution did, in the order of their numbers (oldest first)."""

    async def use(self, number: int) -> RecordedUse:
        """Return the use with this number, or raise `NotFound`."""

    async def uses_of(
        self, sha256: str, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[RecordedUse]:
        """Return every use of this content, by any execution, oldest first."""

    async def stored_bytes(self, execution: int) -> int:
        """Return how many bytes of contents that tasks of an execution made are artifacts, each once."""


class Store(Protocol):
    """Everything that is remembered."""

    epoch: int
    """This server's lease epoch; a commit to an execution that another epoch owns is stale."""
    numbers: Numbers
    journal: Journal
    executions: Executions
    definitions: Definitions
    deliveries: Deliveries
    idempotency: Idempotency
    files: Files
    provenance: Provenance
    placements: Placements
    tokens: TokenStore
    secrets: SecretStore

    async def commit(self, commit: Commit) -> None:
        """Remember all of it durably; returns after the flush that it shares with whatever else waits.

        Raises `StaleVersion` (somebody else committed first, or owns the execution: read again),
        `KeyTaken` (a start key, concurrency key, alias or idempotency key is in use) or `StoreError`
        (nothing was remembered).
        Only this commit fails, never those that shared its flush.
        """

    async def ping(self) -> None:
        """Return when the database answers, else raise `StoreError`."""

    async def close(self) -> None:
        """Flush what waits, and let go."""
