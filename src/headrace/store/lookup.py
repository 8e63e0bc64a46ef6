"""How a row is found by what people call it: its number, its UUID or its alias."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, false, or_

from headrace.store.cursors import LARGEST


def named(table: Table, key: int | str) -> ColumnElement[bool]:
    """Return the condition for the row with this number, UUID or alias."""
    if isinstance(key, int):
        return table.c.number == key if abs(key) <= LARGEST else false()
    if any("\ud800" <= character <= "\udfff" for character in key):
        return false()
    return or_(table.c.id == key, table.c.alias == key)
