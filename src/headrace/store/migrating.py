"""Brings the schema of a database to the one that this code expects, whatever it finds.

Alembic is imported only when there is something to migrate: it costs more time and memory than the rest of
a start.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from headrace.errors import StoreError
from headrace.store import schema

HEAD = "0008"
"""The last revision in `migrations/versions`; a test compares it."""

_STAMP = "alembic_version"


def bring_up(connection: Connection) -> None:
    """Create, migrate or leave the schema, in the transaction that is open; raises `StoreError`."""
    tables = set(inspect(connection).get_table_names())
    if _STAMP not in tables:
        if tables:
            raise StoreError("The database holds tables of something else; name another data directory.")
        _create(connection)
    elif (found := connection.execute(text("SELECT version_num FROM alembic_version")).scalar()) != HEAD:
        migrate(connection, str(found))


def _create(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    # As Alembic makes it.
    connection.execute(
        text(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def migrate(connection: Connection, found: str) -> None:
    """Bring the schema from the revision that was found to the last one, by Alembic."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "headrace.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"The database is at revision {found}, which this version of Headrace ({HEAD}) cannot bring up; "
            "it was probably written by a newer one."
        ) from error
