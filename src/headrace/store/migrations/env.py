"""Alembic runs this file: it carries the connection that `migrating.bring_up` opened to the migrations."""

from __future__ import annotations

from alembic import context

from headrace.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
