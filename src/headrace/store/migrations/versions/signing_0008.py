"""Signing secrets of runs are found by their age, and the deliveries that need one by its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the indexes."""
    _index("deliveries_signed", "deliveries", ["secret_ref"], "secret_ref IS NOT NULL")
    _index(
        "secrets_of_runs", "secrets", ["created_at", "scope"], "scope >= 'webhook-' AND scope < 'webhook.'"
    )


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
