"""Questions about executions, task runs and the journal, as SQL."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select, union_all

from headrace.engine import states
from headrace.errors import NotFound
from headrace.store import schema
from headrace.store.cursors import EXECUTIONS, page, position
from headrace.store.lookup import named
from headrace.store.reading import Readers
from headrace.store.rows import (
    EVERY,
    ExecutionFilter,
    ExecutionRow,
    JournalEntry,
    Page,
    TaskRunRow,
)

_STATES = tuple(states.EXECUTION)

_FIELDS = ExecutionRow.__struct_fields__
"""The columns of the table stand in this order."""

_labels = msgspec.msgpack.Decoder(dict[str, str])
_executions = schema.executions.c
_task_runs = schema.task_runs.c


class SqlJournal:
    """Reads the journal."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def read(self, execution: int, after: int = 0) -> list[JournalEntry]:
        """Return the entries later than `after`; see `Journal.read`."""
        columns = schema.journal.c
        query = (
            select(columns.first_seq, columns.seq, columns.at, columns.events)
            .where(columns.execution == execution, columns.seq > after)
            .order_by(columns.seq)
        )
        return await self._readers.read(lambda c: [JournalEntry(*row) for row in c.execute(query)])


class SqlExecutions:
    """Reads executions and task runs; what the methods promise stands in `Executions`."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def get(self, key: int | str) -> ExecutionRow:
        """Return the execution with this number, UUID or alias, or raise `NotFound`."""
        query = select(schema.executions).where(named(schema.executions, key))
        found = await self._readers.read(lambda c: _executions_of(c, query))
        if not found:
            raise NotFound(f"There is no execution {key!r}.")
        return found[0]

    async def by_start_key(self, start_key: str) -> ExecutionRow | None:
        """Return the execution that was started with this key."""
        query = select(schema.executions).where(_executions.start_key == start_key)
        found = await self._readers.read(lambda c: _executions_of(c, query))
        return found[0] if found else None

    async def newest(
        self, which: ExecutionFilter = EVERY, *, limit: int = 100, cursor: str | None = None
    ) -> Page[ExecutionRow]:
        """Return a page of executions."""
        query = newest_executions(which, limit + 1, position(cursor, EXECUTIONS))
        rows = await self._readers.read(lambda c: _executions_of(c, query))
        return page(rows, limit, EXECUTIONS, lambda row: row.number)

    async def live(self) -> list[ExecutionRow]:
        """Return all that are not over, oldest first."""
        query = live_executions()
        return await self._readers.read(lambda c: _executions_of(c, query))

    async def counts(self, *, workflow: int | None = None, dialect: str | None = None) -> dict[str, int]:
        """Return how many executions are in each state."""
        query = select(_executions.state, func.count()).group_by(_executions.state)
        if workflow is not None:
            query = query.where(_executions.workflow == workflow)
        if dialect is not None:
            query = query.where(_executions.dialect == dialect)
        return await self._readers.read(lambda c: dict(map(tuple, c.execute(query))))

    async def task_run(self, number: int) -> TaskRunRow:
        """Return the task run with this number, or raise `NotFound`."""
        query = select(schema.task_runs).where(_task_runs.number == number)
        found = await self._readers.read(lambda c: c.execute(query).first())
        if found is None:
            raise NotFound(f"There is no task run {number}.")
        return TaskRunRow(*found)

    async def task_runs(
        self, execution: int, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[TaskRunRow]:
        """Return task runs of an execution in the order of their numbers."""
        name = f"task-runs-{execution}"
        query = task_runs_of(execution, limit + 1, position(cursor, name))
        rows = await self._readers.read(lambda c: [TaskRunRow(*row) for row in c.execute(query)])
        return page(rows, limit, name, lambda row: row.number)


def newest_executions(which: ExecutionFilter, limit: int, before: int | None) -> Select[Any]:
    """Return the query for a page, newest first, whose cost does not grow with history.

    Of each state the newest are read from an index that has them in order, and then merged; a condition on
    the states of one long index would walk past all that it does not want.
    """
    if which.parent is not None or (which.states, which.workflow, which.dialect) == (None, None, None):
        return _limited(_matching(select(schema.executions), which), limit, before)
    wanted = _STATES if which.states is None else which.states or ("none",)
    newest = _limited(_matching(select(_executions.number), which), limit, before)
    each = (newest.where(_executions.state == state).subquery() for state in dict.fromkeys(wanted))
    numbers = union_all(*(select(part.c.number) for part in each))
    return (
        select(schema.executions)
        .where(_executions.number.in_(numbers))
        .order_by(_executions.number.desc())
        .limit(limit)
    )


def live_executions() -> Select[Any]:
    """Return the query for all executions that are not over."""
    return select(schema.executions).where(_executions.ended_at.is_(None)).order_by(_executions.number)


def task_runs_of(execution: int, limit: int, after: int | None) -> Select[Any]:
    """Return the query for a page of task runs, oldest first."""
    query = select(schema.task_runs).where(_task_runs.execution == execution)
    if after is not None:
        query = query.where(_task_runs.number > after)
    return query.order_by(_task_runs.number).limit(limit)


def _matching(query: Select[Any], which: ExecutionFilter) -> Select[Any]:
    if which.workflow is not None:
        query = query.where(_executions.workflow == which.workflow)
    if which.dialect is not None:
        query = query.where(_executions.dialect == which.dialect)
    if which.parent is not None:
        query = query.where(_executions.parent == which.parent)
        if which.states is not None:
            query = query.where(_executions.state.in_(which.states))
    return query


def _limited(query: Select[Any], limit: int, before: int | None) -> Select[Any]:
    if before is not None:
        query = query.where(_executions.number < before)
    return query.order_by(_executions.number.desc()).limit(limit)


def _executions_of(connection: Connection, query: Select[Any]) -> list[ExecutionRow]:
    rows = []
    for row in connection.execute(query):
        values = dict(zip(_FIELDS, row, strict=True))
        values["labels"] = _labels.decode(values["labels"])
        rows.append(ExecutionRow(**values))
    return rows
