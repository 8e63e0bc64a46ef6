"""Cursors of lists: opaque to whoever carries them, and refused by any list that did not give them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from headrace.errors import InvalidInput, Problem
from headrace.store.rows import Page

Row = TypeVar("Row")

EXECUTIONS = "executions"
"""Name of the list of executions, which whoever filters it further must give as well."""

LARGEST = 2**63 - 1
"""What the databases can compare with."""


def page(rows: Sequence[Row], limit: int, name: str, place: Callable[[Row], int]) -> Page[Row]:
    """Return the first `limit` rows, and a cursor when there are more.

    `rows` were asked for with `limit + 1`; `name` is that of the list, `place` the number it is ordered by.
    """
    shown = list(rows[:limit])
    return Page(shown, _cursor(name, place(shown[-1])) if len(rows) > limit else None)


def position(cursor: str | None, name: str) -> int | None:
    """Return the number of the last row before the page, or raise `InvalidInput`."""
    if cursor is None:
        return None
    try:
        found, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        if found == name and 0 <= int(number) <= LARGEST:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    message = "This cursor was not given by this list; begin without one."
    raise InvalidInput([Problem(path="/cursor", code="invalid_value", message=message)], message)


def _cursor(name: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{name}:{number}".encode()).decode()
