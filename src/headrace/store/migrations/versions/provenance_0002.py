"""Which task made which file from which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of directories, of versions of files, and of what tasks did with them."""
    _directories()
    _file_versions()
    _file_uses()


def _directories() -> None:
    op.create_table(
        "directories",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("listed_at", sa.Float(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("directories_path", "directories", ["path"], unique=True)


def _file_versions() -> None:
    op.create_table(
        "file_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("directory", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("is_superseded", sa.Boolean(), nullable=False),
        sa.Column("is_stored", sa.Boolean(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    _partial_index("file_versions_current", "file_versions", ["directory", "number"], "is_current")
    _partial_index(
        "file_versions_to_read",
        "file_versions",
        ["number"],
        "is_current AND is_wanted AND link IS NULL AND NOT is_superseded",
    )
    _partial_index("file_versions_by_content", "file_versions", ["sha256"], "sha256 IS NOT NULL")


def _file_uses() -> None:
    op.create_table(
        "file_uses",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("execution", sa.Integer(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=True),
        sa.Column("after", sa.Integer(), nullable=True),
        sa.Column("is_certain", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("file_uses_by_execution", "file_uses", ["execution", "number"], unique=False)
    op.create_index("file_uses_by_task", "file_uses", ["execution", "task", "number"], unique=False)
    _partial_index("file_uses_before", "file_uses", ["before", "number"], "before IS NOT NULL")
    _partial_index("file_uses_after", "file_uses", ["after", "number"], "after IS NOT NULL")


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
