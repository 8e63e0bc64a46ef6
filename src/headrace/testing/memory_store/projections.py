"""Numbers, journal, executions and task runs in memory."""

from __future__ import annotations

import bisect
from collections import Counter

from headrace.errors import NotFound
from headrace.store import rows
from headrace.store.cursors import EXECUTIONS, page, position
from headrace.testing.memory_store.contents import Contents, newest


class MemoryNumbers:
    """The `Numbers` of a store in memory."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def take(self, count: int = 1) -> int:
        """See `Numbers.take`."""
        self._contents.next_number += count
        return self._contents.next_number - count

    async def prepare(self, count: int) -> None:
        """See `Numbers.prepare`."""


class MemoryJournal:
    """The `Journal` of a store in memory."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def read(self, execution: int, after: int = 0) -> list[rows.JournalEntry]:
        """See `Journal.read`."""
        entries = self._contents.journal.get(execution, [])
        return entries[bisect.bisect_right(entries, after, key=lambda entry: entry.seq) :]


class MemoryExecutions:
    """The `Executions` of a store in memory."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def get(self, key: int | str) -> rows.ExecutionRow:
        """See `Executions.get`."""
        if isinstance(key, int):
            found = self._contents.executions.get(key)
        else:
            everything = self._contents.executions.values()
            found = next((row for row in everything if key in (row.id, row.alias)), None)
        if found is not None:
            return found
        raise NotFound(f"There is no execution {key!r}.")

    async def by_start_key(self, start_key: str) -> rows.ExecutionRow | None:
        """See `Executions.by_start_key`."""
        found = (row for row in self._contents.executions.values() if row.start_key == start_key)
        return next(found, None)

    async def newest(
        self, which: rows.ExecutionFilter = rows.EVERY, *, limit: int = 100, cursor: str | None = None
    ) -> rows.Page[rows.ExecutionRow]:
        """See `Executions.newest`."""

        def fits(row: rows.ExecutionRow) -> bool:
            return (
                which.workflow in (None, row.workflow)
                and which.dialect in (None, row.dialect)
                and which.parent in (None, row.parent)
                and (which.states is None or row.state in which.states)
            )

        return newest(filter(fits, self._contents.executions.values()), limit, cursor, EXECUTIONS)

    async def live(self) -> list[rows.ExecutionRow]:
        """See `Executions.live`."""
        return [row for row in self._contents.executions.values() if row.ended_at is None]

    async def counts(self, *, workflow: int | None = None, dialect: str | None = None) -> dict[str, int]:
        """See `Executions.counts`."""
        return Counter(
            row.state
            for row in self._contents.executions.values()
            if workflow in (None, row.workflow) and dialect in (None, row.dialect)
        )

    async def task_run(self, number: int) -> rows.TaskRunRow:
        """See `Executions.task_run`."""
        if (found := self._contents.task_runs.get(number)) is None:
            raise NotFound(f"There is no task run {number}.")
        return found

    async def task_runs(
        self, execution: int, *, limit: int = 1000, cursor: str | None = None
    ) -> rows.Page[rows.TaskRunRow]:
        """See `Executions.task_runs`."""
        name = f"task-runs-{execution}"
        after = position(cursor, name) or 0
        found = (run for run in self._contents.task_runs.values() if run.execution == execution)
        wanted = sorted((run for run in found if run.number > after), key=lambda run: run.number)
        return page(wanted[: limit + 1], limit, name, lambda run: run.number)
