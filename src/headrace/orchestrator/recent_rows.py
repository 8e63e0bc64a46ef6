"""Rows that are likely to be asked for again, so that following an execution does not cost a read each time.

Only what is committed is kept; for what this server owns it is the truth, because nobody else commits it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

KEPT = 1024
"""Rows that are kept, least recently used thrown out first."""


class Named(Protocol):
    """A row of something that has a number, a UUID and perhaps an alias."""

    @property
    def number(self) -> int:
        """The number."""

    @property
    def id(self) -> str:
        """The UUID."""

    @property
    def alias(self) -> str | None:
        """The name in a dialect's own form."""


Row = TypeVar("Row", bound=Named)


class RecentRows(Generic[Row]):
    """The rows that were used last, by each of their names."""

    def __init__(self) -> None:
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._numbers: dict[str, int] = {}

    def get(self, key: int | str) -> Row | None:
        """Return the row with this number, UUID or alias, if it is at hand."""
        number = self._numbers.get(key) if isinstance(key, str) else key
        if number is None:
            return None
        row = self._rows.get(number)
        if row is not None:
            self._rows.move_to_end(number)
        return row

    def keep(self, row: Row) -> Row:
        """Keep a row in place of an older one, and return it."""
        if row.number not in self._rows:
            self._numbers[row.id] = row.number
            if row.alias is not None:
                self._numbers[row.alias] = row.number
            if len(self._rows) >= KEPT:
                self.forget(next(iter(self._rows)))
        self._rows[row.number] = row
        return row

    def forget(self, number: int) -> None:
        """Drop a row that changed where this server does not see it, or is gone."""
        row = self._rows.pop(number, None)
        if row is not None:
            self._numbers.pop(row.id, None)
            if row.alias is not None:
                self._numbers.pop(row.alias, None)
