"""Workflows and versions in memory."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.clock import Clock
from headrace.errors import Conflict, NotFound, StaleVersion
from headrace.store import rows
from headrace.store.cursors import page, position
from headrace.store.protocol import KeyTaken
from headrace.testing.memory_store.contents import Contents, newest


class MemoryDefinitions:
    """The `Definitions` of a store in memory."""

    def __init__(self, contents: Contents, clock: Clock) -> None:
        self._contents = contents
        self._clock = clock

    async def create(
        self,
        draft: rows.DefinitionDraft,
        *,
        number: int,
        id: str,
        dialect: str,
        alias: str | None = None,
        idempotency: rows.IdempotencyRecord | None = None,
    ) -> rows.WorkflowRow:
        """See `Definitions.create`."""
        self._contents.refuse_answer(idempotency)
        now = self._clock.now()
        row = rows.WorkflowRow(
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
        for other in self._contents.workflows.values():
            if other.number == number or other.id == id:
                raise KeyTaken("number" if other.number == number else "id", f"Workflow {number} exists.")
            if alias is not None and other.alias == alias and other.deleted_at is None:
                raise KeyTaken("alias", f"A workflow with the alias {alias!r} exists.")
        self._remember(row, draft, idempotency)
        return row

    async def update(
        self,
        number: int,
        draft: rows.DefinitionDraft,
        *,
        expected: int | None = None,
        idempotency: rows.IdempotencyRecord | None = None,
    ) -> rows.WorkflowRow:
        """See `Definitions.update`."""
        self._contents.refuse_answer(idempotency)
        former = await self._expected(number, expected)
        if self._contents.versions[number, former.version].hash == draft.hash:
            self._contents.remember(idempotency)
            return former
        row = replace(
            former,
            name=draft.name,
            description=draft.description,
            version=former.version + 1,
            updated_at=self._clock.now(),
        )
        self._remember(row, draft, idempotency)
        return row

    async def get(self, key: int | str) -> rows.WorkflowRow:
        """See `Definitions.get`."""
        for row in self._contents.workflows.values():
            if row.deleted_at is None and key in (row.number, row.id, row.alias):
                return row
        raise NotFound(f"There is no workflow {key!r}.")

    async def remembered(self, number: int) -> rows.WorkflowRow:
        """See `Definitions.remembered`."""
        if (found := self._contents.workflows.get(number)) is None:
            raise NotFound(f"There was no workflow {number}.")
        return found

    async def newest(
        self, *, dialect: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> rows.Page[rows.WorkflowRow]:
        """See `Definitions.newest`."""
        found = (
            row
            for row in self._contents.workflows.values()
            if row.deleted_at is None and dialect in (None, row.dialect)
        )
        return newest(found, limit, cursor, "workflows")

    async def version(self, workflow: int, version: int) -> rows.VersionRow:
        """See `Definitions.version`."""
        if (found := self._contents.versions.get((workflow, version))) is None:
            raise NotFound(f"There is no version {version} of workflow {workflow}.")
        return found

    async def versions(
        self, workflow: int, *, limit: int = 100, cursor: str | None = None
    ) -> rows.Page[rows.VersionSummary]:
        """See `Definitions.versions`."""
        name = f"versions-{workflow}"
        before = position(cursor, name)
        found = [
            rows.VersionSummary(
                workflow=workflow,
                version=row.version,
                created_at=row.created_at,
                media_type=row.media_type,
                hash=row.hash,
            )
            for (number, version), row in sorted(self._contents.versions.items(), reverse=True)
            if number == workflow and (before is None or version < before)
        ]
        return page(found[: limit + 1], limit, name, lambda row: row.version)

    async def delete(self, number: int, *, expected: int | None = None) -> None:
        """See `Definitions.delete`."""
        former = await self._expected(number, expected)
        executions = self._contents.executions.values()
        if any(row.workflow == number and row.ended_at is None for row in executions):
            raise Conflict(f"Workflow {number} has an execution that is not over; cancel it or wait.")
        self._contents.workflows[number] = replace(former, deleted_at=self._clock.now())

    async def withdraw(self, number: int) -> None:
        """See `Definitions.withdraw`."""
        former = await self.get(number)
        if any(row.workflow == number for row in self._contents.executions.values()):
            raise Conflict(f"Workflow {number} has an execution, so it is not withdrawn.")
        self._contents.workflows[number] = replace(former, deleted_at=self._clock.now())

    async def _expected(self, number: int, expected: int | None) -> rows.WorkflowRow:
        row = await self.get(number)
        if expected not in (None, row.version):
            raise StaleVersion(
                f"Workflow {number} is at version {row.version}, not {expected}: read it again."
            )
        return row

    def _remember(
        self, row: rows.WorkflowRow, draft: rows.DefinitionDraft, idempotency: rows.IdempotencyRecord | None
    ) -> None:
        self._contents.remember(idempotency)
        self._contents.workflows[row.number] = row
        self._contents.versions[row.number, row.version] = rows.VersionRow(
            workflow=row.number,
            version=row.version,
            created_at=row.updated_at,
            definition=draft.definition,
            source=draft.source,
            media_type=draft.media_type,
            hash=draft.hash,
        )
