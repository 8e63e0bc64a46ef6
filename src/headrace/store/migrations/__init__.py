"""The history of the schema, for Alembic; it is read only when a database is not at its end."""
