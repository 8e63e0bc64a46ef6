"""Deliveries that are due and must wait say for what, and the endpoint of one is its URL without the query.

What an earlier server had in flight is due again, as at every start.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the columns and the indexes, and name the endpoints of what is pending."""
    op.drop_index("deliveries_due", "deliveries")
    op.drop_index("deliveries_in_flight", "deliveries")
    op.drop_column("deliveries", "claimed_by")
    op.add_column("deliveries", sa.Column("waits_for", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("turn", sa.Float(), nullable=True))
    _index("deliveries_due", ["next_try_at", "number"], "next_try_at IS NOT NULL AND waits_for IS NULL")
    _index("deliveries_waiting", ["waits_for", "turn", "number"], "waits_for IS NOT NULL")
    _index("deliveries_in_line", ["endpoint", "waits_for"], "waits_for IS NOT NULL")
    _name_endpoints(op.get_bind())


def _index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "deliveries", columns, unique=False, sqlite_where=where, postgresql_where=where)


def _name_endpoints(connection: sa.Connection) -> None:
    deliveries = sa.table("deliveries", sa.column("number"), sa.column("url"), sa.column("endpoint"))
    pending = sa.select(deliveries.c.number, deliveries.c.url).where(sa.text("next_try_at IS NOT NULL"))
    for number, url in connection.execute(pending).all():
        change = sa.update(deliveries).where(deliveries.c.number == number).values(endpoint=_endpoint(url))
        connection.execute(change)


def _endpoint(url: str) -> str:
    """Return what an endpoint was when this revision was made."""
    scheme, _, rest = url.partition("://")
    authority, _, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}".lower() + f"/{path}"
