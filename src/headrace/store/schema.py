"""The tables, once, for every database that SQLAlchemy speaks.

A change here needs a migration beside it; a test compares what both make.
The hot tables carry as few indexes as their questions allow, because each one is paid for at every commit;
live rows are found by partial indexes, so that history costs nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from headrace.store.outbox_bodies import Body

metadata = MetaData()

_WITHOUT_ROWID: dict[str, Any] = {"sqlite_with_rowid": False}
"""Rows lie in the order of their primary key, without a second tree that leads to them."""


def _only(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


sequences = Table(
    "sequences",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", Integer, nullable=False),
)

executions = Table(
    "executions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("workflow", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("alias", Text),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("start_key", Text),
    Column("concurrency_key", Text),
    Column("parent", Integer),
    Column("labels", LargeBinary, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Index("executions_id", "id", unique=True),
    Index("executions_alias", "alias", unique=True, **_only("alias IS NOT NULL")),
    Index("executions_start_key", "start_key", unique=True, **_only("start_key IS NOT NULL")),
    Index(
        "executions_concurrency_key",
        "concurrency_key",
        unique=True,
        **_only("concurrency_key IS NOT NULL AND ended_at IS NULL"),
    ),
    Index("executions_live", "number", **_only("ended_at IS NULL")),
    Index("executions_parent", "parent", "number", **_only("parent IS NOT NULL")),
    Index("executions_by_state", "state", "number"),
    Index("executions_by_dialect", "dialect", "state", "number"),
    Index("executions_by_workflow", "workflow", "state", "number"),
)

journal = Table(
    "journal",
    metadata,
    Column("execution", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("first_seq", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("events", LargeBinary, nullable=False),
    **_WITHOUT_ROWID,
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("execution", Integer, nullable=False),
    Column("scope", Integer, nullable=False),
    Column("task", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("item", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index("task_runs_by_execution", "execution", "number"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("execution", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("body", Body, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("secret_ref", Text),
    Column("is_last", Boolean, nullable=False),
    Column("catches_up", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("next_try_at", Float),
    Column("waits_for", Text),
    Column("turn", Float),
    Index("deliveries_by_execution", "execution", "sequence"),
    Index(
        "deliveries_due", "next_try_at", "number", **_only("next_try_at IS NOT NULL AND waits_for IS NULL")
    ),
    Index("deliveries_pending", "execution", "url", "sequence", **_only("state = 'pending'")),
    Index("deliveries_over", "created_at", "number", **_only("next_try_at IS NULL")),
    Index("deliveries_waiting", "waits_for", "turn", "number", **_only("waits_for IS NOT NULL")),
    Index("deliveries_signed", "secret_ref", **_only("secret_ref IS NOT NULL")),
    Index("deliveries_in_line", "endpoint", "waits_for", **_only("waits_for IS NOT NULL")),
)

abandoned_urls = Table(
    "abandoned_urls",
    metadata,
    Column("execution", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, primary_key=True),
    **_WITHOUT_ROWID,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index("idempotency_expiry", "expires_at"),
)

workflows = Table(
    "workflows",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("alias", Text),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("deleted_at", Float),
    Index("workflows_id", "id", unique=True),
    Index("workflows_alias", "alias", unique=True, **_only("alias IS NOT NULL AND deleted_at IS NULL")),
    Index("workflows_present", "number", **_only("deleted_at IS NULL")),
    Index("workflows_by_dialect", "dialect", "number", **_only("deleted_at IS NULL")),
)

versions = Table(
    "versions",
    metadata,
    Column("workflow", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Float, nullable=False),
    Column("definition", LargeBinary, nullable=False),
    Column("source", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("execution", Integer),
    Column("deleted_at", Float),
    Column("deleted_because", Text),
    Column("settled_at", Float),
    Index("files_id", "id", unique=True),
    Index("files_present", "number", **_only("deleted_at IS NULL")),
    Index("files_by_content", "sha256", **_only("deleted_at IS NULL")),
    Index("files_uploaded", "number", **_only("execution IS NULL AND deleted_at IS NULL")),
    Index("files_unsettled", "number", **_only("deleted_at IS NOT NULL AND settled_at IS NULL")),
    Index(
        "files_by_execution", "execution", "number", **_only("execution IS NOT NULL AND deleted_at IS NULL")
    ),
)

kept_contents = Table(
    "kept_contents",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("execution", Integer, primary_key=True, autoincrement=False),
    **_WITHOUT_ROWID,
)
"""Artifacts that executions made: they stay as long as the journals, which name them."""

CURRENT = "is_current"
TO_READ = "is_current AND is_wanted AND link IS NULL AND NOT is_superseded"
"""Conditions of partial indexes; a question that wants one says it in the same words, or it is not found."""

directories = Table(
    "directories",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("path", LargeBinary, nullable=False),
    Column("listed_at", Float, nullable=False),
    Column("is_complete", Boolean, nullable=False),
    Column("bytes", BigInteger),
    Index("directories_path", "path", unique=True),
)
"""The key is of this table alone: it stands in every version, where the path would be half of the row."""

file_versions = Table(
    "file_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("directory", Integer, nullable=False),
    Column("path", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("link", LargeBinary),
    Column("sha256", LargeBinary),
    Column("is_superseded", Boolean, nullable=False),
    Column("is_stored", Boolean, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("is_wanted", Boolean, nullable=False),
    Column("seen_at", Float, nullable=False),
    Index("file_versions_current", "directory", "number", **_only(CURRENT)),
    Index("file_versions_to_read", "number", **_only(TO_READ)),
    Index("file_versions_by_content", "sha256", **_only("sha256 IS NOT NULL")),
)
"""`is_wanted` says that some use wants to know the content, and that it was not read yet.

What lay in a directory before is not read for itself, and hundred thousands of files that nobody asks for
must not be walked past again and again."""

file_uses = Table(
    "file_uses",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("execution", Integer, nullable=False),
    Column("task", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("before", Integer),
    Column("after", Integer),
    Column("is_certain", Boolean, nullable=False),
    Column("at", Float, nullable=False),
    Index("file_uses_by_execution", "execution", "number"),
    Index("file_uses_by_task", "execution", "task", "number"),
    Index("file_uses_before", "before", "number", **_only("before IS NOT NULL")),
    Index("file_uses_after", "after", "number", **_only("after IS NOT NULL")),
)

placements = Table(
    "placements",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("weights", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("placements_name", "name", unique=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("scopes", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked", Boolean, nullable=False),
    Index("tokens_hash", "hash", unique=True),
)

OF_RUNS = "scope >= 'webhook-' AND scope < 'webhook.'"
NOT_OF_RUNS = "(scope < 'webhook-' OR scope >= 'webhook.')"
"""What tells the signing secrets of single runs from all others: `is_of_run`, as SQL."""

secrets = Table(
    "secrets",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("secrets_of_runs", "created_at", "scope", **_only(OF_RUNS)),
)
