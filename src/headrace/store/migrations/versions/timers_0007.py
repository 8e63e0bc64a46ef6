"""Timers are no rows: a server that takes an execution up finds them in its journal."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Drop the table."""
    op.drop_table("timers")
