"""Workflows and their versions, as SQL; what the methods promise stands in `Definitions`."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Select, exists, insert, select, update

from headrace.clock import Clock
from headrace.errors import Conflict, NotFound, StaleVersion
from headrace.store import schema
from headrace.store.cursors import page, position
from headrace.store.idempotency import remember
from headrace.store.lookup import named
from headrace.store.reading import Readers
from headrace.store.rows import (
    DefinitionDraft,
    IdempotencyRecord,
    Page,
    VersionRow,
    VersionSummary,
    WorkflowRow,
)
from headrace.store.writer import Writer

_workflows = schema.workflows.c
_versions = schema.versions.c


class SqlDefinitions:
    """Keeps workflows and versions."""

    def __init__(self, readers: Readers, writer: Writer, clock: Clock) -> None:
        self._readers = readers
        self._writer = writer
        self._clock = clock

    async def create(
        self,
        draft: DefinitionDraft,
        *,
        number: int,
        id: str,
        dialect: str,
        alias: str | None = None,
        idempotency: IdempotencyRecord | None = None,
    ) -> WorkflowRow:
        """Remember a new workflow as version 1."""
        now = self._clock.now()
        row = WorkflowRow(
            number=number,
            id=id,
            dialect=dialect,
            alias=alias,
            name=draft.name,
            description=draft.description,
            version=1,
            created_at=now,
            updated_at=now,
        )

        def work(connection: Connection) -> WorkflowRow:
            remember(connection, idempotency)
            connection.execute(insert(schema.workflows).values(asdict(row)))
            _insert_version(connection, row, draft)
            return row

        return await self._writer.write(work)

    async def update(
        self,
        number: int,
        draft: DefinitionDraft,
        *,
        expected: int | None = None,
        idempotency: IdempotencyRecord | None = None,
    ) -> WorkflowRow:
        """Make the draft the current version and return the workflow."""
        now = self._clock.now()

        def work(connection: Connection) -> WorkflowRow:
            remember(connection, idempotency)
            former = _present(connection, number, expected)
            current = connection.execute(
                select(_versions.hash).where(
                    _versions.workflow == number, _versions.version == former.version
                )
            ).scalar_one()
            if current == draft.hash:
                return former
            fields = asdict(former) | {
                "name": draft.name,
                "description": draft.description,
                "version": former.version + 1,
                "updated_at": now,
            }
            row = WorkflowRow(**fields)
            connection.execute(update(schema.workflows).where(_workflows.number == number).values(fields))
            _insert_version(connection, row, draft)
            return row

        return await self._writer.write(work)

    async def get(self, key: int | str) -> WorkflowRow:
        """Return the workflow with this number, UUID or alias."""
        query = select(schema.workflows).where(named(schema.workflows, key), _workflows.deleted_at.is_(None))
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        if found is None:
            raise NotFound(f"There is no workflow {key!r}.")
        return WorkflowRow(**found)

    async def remembered(self, number: int) -> WorkflowRow:
        """Return the workflow with this number, also when it is deleted."""
        query = select(schema.workflows).where(named(schema.workflows, number))
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        if found is None:
            raise NotFound(f"There was no workflow {number}.")
        return WorkflowRow(**found)

    async def newest(
        self, *, dialect: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[WorkflowRow]:
        """Return a page of the workflows that are not deleted."""
        before = position(cursor, "workflows")
        query = select(schema.workflows).where(_workflows.deleted_at.is_(None))
        if dialect is not None:
            query = query.where(_workflows.dialect == dialect)
        if before is not None:
            query = query.where(_workflows.number < before)
        query = query.order_by(_workflows.number.desc()).limit(limit + 1)
        rows = await self._readers.read(lambda c: [WorkflowRow(**row) for row in c.execute(query).mappings()])
        return page(rows, limit, "workflows", lambda row: row.number)

    async def version(self, workflow: int, version: int) -> VersionRow:
        """Return a version, also of a deleted workflow."""
        query = select(schema.versions).where(_versions.workflow == workflow, _versions.version == version)
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        if found is None:
            raise NotFound(f"There is no version {version} of workflow {workflow}.")
        return VersionRow(**found)

    async def versions(
        self, workflow: int, *, limit: int = 100, cursor: str | None = None
    ) -> Page[VersionSummary]:
        """Return a page of the versions of a workflow."""
        name = f"versions-{workflow}"
        before = position(cursor, name)
        columns = (schema.versions.c[field] for field in VersionSummary.__struct_fields__)
        query = select(*columns).where(_versions.workflow == workflow)
        if before is not None:
            query = query.where(_versions.version < before)
        query = query.order_by(_versions.version.desc()).limit(limit + 1)
        rows = await self._readers.read(
            lambda c: [VersionSummary(**row) for row in c.execute(query).mappings()]
        )
        return page(rows, limit, name, lambda row: row.version)

    async def delete(self, number: int, *, expected: int | None = None) -> None:
        """Forget the workflow for lookups and starts."""
        is_live = live_of(number)

        def work(connection: Connection) -> None:
            _present(connection, number, expected)
            if connection.execute(is_live).scalar_one():
                raise Conflict(f"Workflow {number} has an execution that is not over; cancel it or wait.")
            self._forget(connection, number)

        await self._writer.write(work)

    async def withdraw(self, number: int) -> None:
        """Forget a workflow that never ran."""
        has_run = any_of(number)

        def work(connection: Connection) -> None:
            _present(connection, number, None)
            if connection.execute(has_run).scalar_one():
                raise Conflict(f"Workflow {number} has an execution, so it is not withdrawn.")
            self._forget(connection, number)

        await self._writer.write(work)

    def _forget(self, connection: Connection, number: int) -> None:
        change = update(schema.workflows).where(_workflows.number == number)
        connection.execute(change.values(deleted_at=self._clock.now()))


def live_of(number: int) -> Select[Any]:
    """Return the query for whether a workflow has an execution that is not over."""
    executions = schema.executions.c
    return select(exists().where(executions.workflow == number, executions.ended_at.is_(None)))


def any_of(number: int) -> Select[Any]:
    """Return the query for whether a workflow has an execution."""
    return select(exists().where(schema.executions.c.workflow == number))


def _insert_version(connection: Connection, row: WorkflowRow, draft: DefinitionDraft) -> None:
    connection.execute(
        insert(schema.versions).values(
            workflow=row.number,
            version=row.version,
            created_at=row.updated_at,
            definition=draft.definition,
            source=draft.source,
            media_type=draft.media_type,
            hash=draft.hash,
        )
    )


def _present(connection: Connection, number: int, expected: int | None) -> WorkflowRow:
    """Return the workflow inside the transaction that will change it."""
    query = select(schema.workflows).where(named(schema.workflows, number), _workflows.deleted_at.is_(None))
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no workflow {number}.")
    row = WorkflowRow(**found)
    if expected is not None and expected != row.version:
        raise StaleVersion(f"Workflow {number} is at version {row.version}, not {expected}: read it again.")
    return row
