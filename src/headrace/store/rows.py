"""The values that go into the store and come out of it.

Moments are Unix seconds; numbers are the server-wide integers of DESIGN §8.
Nothing here knows a database, and nothing here reads the bytes of an event or a definition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Generic, Literal as OneOf, TypeVar

from msgspec import Struct, field

Row = TypeVar("Row")


class Page(Struct, Generic[Row], frozen=True):
    """One page of a list."""

    rows: list[Row]
    cursor: str | None
    """Opaque text that asks for the next page; None when there is none."""


class ExecutionRow(Struct, frozen=True, kw_only=True):
    """One execution, as lists and lookups show it.

    After the first commit only `state`, `reason`, `started_at`, `ended_at` and `seq` change.
    """

    number: int
    id: str
    """UUIDv7."""
    workflow: int
    """Number of the workflow."""
    version: int
    dialect: str
    alias: str | None = None
    """Name in the dialect's own form, unique for ever."""
    name: str
    state: str
    reason: str | None = None
    """Machine-readable code of why it stands where it stands."""
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    """Present exactly when the execution is over; live rows are found by its absence."""
    start_key: str | None = None
    """Unique for ever: a second start with it is refused with `KeyTaken`."""
    concurrency_key: str | None = None
    """Unique among live executions."""
    parent: int | None = None
    """Number of the attempt that this execution is the job of."""
    labels: dict[str, str] = field(default_factory=dict)
    seq: int = 0
    """Sequence number of the last committed event."""
    epoch: int = 0
    """Lease epoch of the server that owns it; the store fills it in."""


class TaskRunRow(Struct, frozen=True):
    """One task run; all fields after `type` may change from commit to commit."""

    number: int
    execution: int
    scope: int
    """Number of the enclosing group's attempt; 0 at the top."""
    task: str
    visit: int
    item: int
    """Index of the foreach element; -1 for none."""
    type: str
    state: str
    reason: str | None = None
    attempts: int = 0
    started_at: float | None = None
    ended_at: float | None = None


DeliveryState = OneOf["pending", "delivered", "failed", "refused", "not_configured"]


class DeliveryAttempt(Struct, frozen=True, array_like=True):
    """One try to deliver."""

    at: float
    status_code: int | None
    error: str | None
    duration_ms: int
    response: str | None = None
    """The beginning of what was answered, at most 1 KiB."""


class DeliveryEntry(Struct, frozen=True, kw_only=True):
    """Something that somebody outside is told, as the log has it: without the body, which may be large."""

    number: int
    execution: int
    sequence: int
    """Position among the announcements of the execution, from 1; the receiver's order."""
    event: str
    url: str
    """Where it goes: `https://…`, `mailto:…`."""
    queue: str
    """Of one queue one is in flight at a time; whoever may send eight at once spreads them over eight."""
    secret_ref: str | None = None
    """The signing secret as `name`, or `scope#name`; None signs with the operator's."""
    is_last: bool = False
    """Whether all earlier ones of its execution to this URL must be over before it is sent."""
    catches_up: bool = False
    """Whether its retry is due at once when another one of its execution has arrived at this URL."""
    state: DeliveryState = "pending"
    attempts: tuple[DeliveryAttempt, ...] = ()
    created_at: float
    next_try_at: float | None
    """When it is due; None when it is over."""

    @property
    def endpoint(self) -> str:
        """Who receives it, and is dead when a receiver is dead: the URL without its query and its user."""
        return _endpoint_of(self.url)

    @property
    def host(self) -> str:
        """Scheme, host and port of the endpoint."""
        return host_of(self.endpoint)


class Delivery(DeliveryEntry, frozen=True, kw_only=True):
    """An entry of the transactional outbox, with what is sent."""

    body: bytes
    """UTF-8."""
    content_type: str = "application/json"


class DeliveryHead(Struct, frozen=True, kw_only=True):
    """What must be known of a delivery that is due before it may be sent."""

    number: int
    execution: int
    url: str
    queue: str
    endpoint: str
    waits_for: str | None
    """The key that it waits for; None when it was only looked at now."""
    has_earlier: bool
    """Whether it is the last of its execution to this URL while earlier ones are pending."""
    is_behind: bool
    """Whether another one of its endpoint waits for a place (`PLACE`)."""
    is_abandoned: bool
    """Whether its execution has given up its URL."""

    @property
    def host(self) -> str:
        """Scheme, host and port of the endpoint."""
        return host_of(self.endpoint)


PLACE = "place "
"""How the keys begin that are waited for by at most one delivery of each endpoint."""


@lru_cache(maxsize=1024)
def _endpoint_of(url: str) -> str:
    scheme, _, rest = url.partition("://")
    address = re.split("[?#]", rest, maxsplit=1)[0]
    authority, _, path = address.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}".lower() + f"/{path}"


def host_of(endpoint: str) -> str:
    """Return the scheme, the host and the port of an endpoint."""
    scheme, _, rest = endpoint.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


class IdempotencyRecord(Struct, frozen=True, kw_only=True):
    """What a request with an `Idempotency-Key` was answered, kept in the transaction of its effect."""

    scope: str
    """Token, method and path, as one text."""
    key: str
    body_hash: str
    """Hash of the request's body: another body with the same key is a conflict."""
    status: int
    answer: bytes
    content_type: str = "application/json"
    created_at: float
    expires_at: float


class Commit(Struct, frozen=True, kw_only=True):
    """One execution's part of a transaction: either all of it is remembered or nothing."""

    execution: int
    expected_seq: int
    """Sequence number that the decision stood on; 0 inserts the execution."""
    seq: int
    """Sequence number of the last event in `events`."""
    at: float
    events: bytes
    """The batch of events, opaque to the store."""
    row: ExecutionRow
    """The execution as it is after the events."""
    task_runs: Sequence[TaskRunRow] = ()
    """Those that changed, as they are after the events."""
    deliveries: Sequence[Delivery] = ()
    files: Sequence[FileRow] = ()
    """Files that the deliveries name; one whose id is there already stays as it is."""
    idempotency: IdempotencyRecord | None = None
    keeps: Sequence[str] = ()
    """Hashes of the artifacts that the events made, which stay for as long as the journal does."""


class JournalEntry(Struct, frozen=True):
    """What one commit added to the journal of its execution."""

    first_seq: int
    seq: int
    at: float
    events: bytes


class DefinitionDraft(Struct, frozen=True, kw_only=True):
    """A definition that is about to become a version."""

    name: str
    description: str = ""
    definition: bytes
    """The model, encoded."""
    source: bytes
    """The document as it was sent."""
    media_type: str
    """Of the source."""
    hash: str
    """Equal hashes mean the same document: saving it again makes no new version."""


class WorkflowRow(Struct, frozen=True, kw_only=True):
    """One workflow and which of its versions is current."""

    number: int
    id: str
    """UUIDv7."""
    dialect: str
    alias: str | None = None
    """Name in the dialect's own form, unique among the workflows that are not deleted."""
    name: str
    description: str = ""
    version: int
    """The current version."""
    created_at: float
    updated_at: float
    deleted_at: float | None = None


class VersionRow(Struct, frozen=True, kw_only=True):
    """One immutable version of a workflow."""

    workflow: int
    version: int
    created_at: float
    definition: bytes
    source: bytes
    media_type: str
    hash: str


class VersionSummary(Struct, frozen=True, kw_only=True):
    """A version without its documents, for lists."""

    workflow: int
    version: int
    created_at: float
    media_type: str
    hash: str


class ExecutionFilter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which executions a list shows; None means any."""

    workflow: int | None = None
    states: tuple[str, ...] | None = None
    dialect: str | None = None
    parent: int | None = None


EVERY = ExecutionFilter()
"""Leaves nothing out."""


class PlacementRule(Struct, frozen=True, kw_only=True):
    """Which node gets a ready task, where there is a choice: the one with the highest weighted sum."""

    number: int
    name: str
    """Unique."""
    weights: dict[str, float]
    """Feature of a node to its weight."""
    created_at: float


DeletedBecause = OneOf["asked", "retention"]


class FileRow(Struct, frozen=True, kw_only=True):
    """A file that somebody uploaded or that an execution keeps; its content is an artifact."""

    number: int
    id: str
    """Name in the form `file-…`, unique for ever."""
    name: str
    content_type: str
    size: int
    sha256: str
    created_at: float
    execution: int | None = None
    """The execution that made it; None for a file that somebody uploaded."""
    deleted_at: float | None = None
    deleted_because: DeletedBecause | None = None
    settled_at: float | None = None
    """When it was settled what becomes of the content of a file that is deleted."""
