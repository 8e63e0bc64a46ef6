"""How many bytes the files of a directory have together, so that nobody has to look at each of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the column, and fill it for the directories that are recorded as a whole."""
    op.add_column("directories", sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE directories SET bytes = (SELECT coalesce(sum(size), 0) FROM file_versions "
        "WHERE directory = directories.key AND is_current) WHERE is_complete"
    )
