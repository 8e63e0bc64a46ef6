"""What becomes of deleted files, which artifacts executions keep, and which deliveries are over.

Which artifacts the executions of earlier versions keep is read from their journals, once: all that they name.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NAMED = re.compile(rb"[\x93\x94]\xd9\x40([0-9a-f]{64})")
"""A reference to an artifact as the journal wrote it when this revision was made."""


def upgrade() -> None:
    """Make the table, the columns and the indexes, and fill the table."""
    op.create_table(
        "kept_contents",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("execution", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("sha256", "execution"),
        sqlite_with_rowid=False,
    )
    op.add_column("files", sa.Column("deleted_because", sa.Text(), nullable=True))
    op.add_column("files", sa.Column("settled_at", sa.Float(), nullable=True))
    _partial_index("files_by_content", "files", ["sha256"], "deleted_at IS NULL")
    _partial_index("files_uploaded", "files", ["number"], "execution IS NULL AND deleted_at IS NULL")
    _partial_index("files_unsettled", "files", ["number"], "deleted_at IS NOT NULL AND settled_at IS NULL")
    _partial_index("deliveries_over", "deliveries", ["created_at", "number"], "next_try_at IS NULL")
    _keep_what_journals_name(op.get_bind())


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)


def _keep_what_journals_name(connection: sa.Connection) -> None:
    journal = sa.table("journal", sa.column("execution"), sa.column("events"))
    kept = sa.table("kept_contents", sa.column("sha256"), sa.column("execution"))
    found = {
        (sha256.decode(), row.execution)
        for row in connection.execute(sa.select(journal.c.execution, journal.c.events))
        for sha256 in _NAMED.findall(row.events)
    }
    if found:
        rows = [{"sha256": sha256, "execution": execution} for sha256, execution in sorted(found)]
        connection.execute(sa.insert(kept), rows)
