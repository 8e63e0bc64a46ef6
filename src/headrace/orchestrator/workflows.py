"""Use cases of definitions: create, change, look up, delete."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from msgspec import Struct

from headrace.clock import Clock
from headrace.definition import codec
from headrace.definition.differences import Differences, Version, compare
from headrace.definition.model import WorkflowDefinition
from headrace.errors import Conflict, InvalidDefinition, StoreError
from headrace.ids import alias as new_alias, uuid7
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.recent_rows import RecentRows
from headrace.security.documents import read
from headrace.store.protocol import Store
from headrace.store.rows import (
    DefinitionDraft,
    IdempotencyRecord,
    Page,
    VersionRow,
    VersionSummary,
    WorkflowRow,
)

log = structlog.get_logger(__name__)


class WorkflowNames(Struct, frozen=True):
    """What a workflow that is about to be created is called, so that the answer can be made before."""

    number: int
    id: str
    alias: str | None


class Workflows:
    """The definitions of this server."""

    def __init__(self, store: Store, shelf: Shelf, clock: Clock) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._rows: RecentRows[WorkflowRow] = RecentRows()
        """Cleared by each write here; a store of several servers will have to tell of theirs."""
        self._changes = 0

    def name(self, prefix: str | None = None) -> WorkflowNames:
        """Return fresh names; `prefix` asks for an alias in a dialect's own form, as in `wf`."""
        number = self._store.numbers.take()
        made = new_alias(prefix) if prefix is not None else None
        return WorkflowNames(number, uuid7(self._clock.now()), made)

    async def create(
        self,
        definition: WorkflowDefinition,
        source: bytes,
        media_type: str,
        *,
        names: WorkflowNames | None = None,
        idempotency: IdempotencyRecord | None = None,
    ) -> WorkflowRow:
        """Remember a new workflow as version 1; raises `KeyTaken` for an alias or idempotency key in use."""
        names = names or self.name()
        draft = draft_of(definition, source, media_type)
        row = await self._store.definitions.create(
            draft,
            number=names.number,
            id=names.id,
            dialect=definition.dialect,
            alias=names.alias,
            idempotency=idempotency,
        )
        self._shelf.put(row.number, row.version, definition, len(draft.definition))
        return self._rows.keep(row)

    @asynccontextmanager
    async def to_start(
        self,
        definition: WorkflowDefinition,
        source: bytes,
        media_type: str,
        *,
        names: WorkflowNames | None = None,
    ) -> AsyncIterator[WorkflowRow]:
        """Remember a new workflow for the start that is made inside, as `create` does.

        Where that raises and nothing was started, the workflow is withdrawn: nobody asked for one that never
        runs, and whoever tries again would leave one each time.
        Whether something was started the store says, because the answer to a commit can be lost; a start that
        is cancelled may still be on its way there, so its workflow stays, as while the store cannot answer.
        """
        row = await self.create(definition, source, media_type, names=names)
        try:
            yield row
        except Exception:
            await self._withdraw(row.number)
            raise

    async def _withdraw(self, number: int) -> None:
        try:
            await self._store.definitions.withdraw(number)
        except Conflict:
            log.warning("workflow_kept", workflow=number, because="an execution of it was started")
        except StoreError as error:
            log.warning("workflow_not_withdrawn", workflow=number, error=error.message)
        finally:
            self._forget(number)

    async def update(
        self,
        number: int,
        definition: WorkflowDefinition,
        source: bytes,
        media_type: str,
        *,
        expected: int | None = None,
    ) -> WorkflowRow:
        """Make this the current version; an unchanged document makes none.

        Raises `NotFound`, `StaleVersion`.
        """
        draft = draft_of(definition, source, media_type)
        try:
            return await self._store.definitions.update(number, draft, expected=expected)
        finally:
            self._forget(number)

    async def get(self, key: int | str) -> WorkflowRow:
        """Return the workflow with this number, UUID or alias; raises `NotFound`."""
        known = self._rows.get(key)
        if known is not None:
            return known
        changes = self._changes
        row = await self._store.definitions.get(key)
        # What was read beside a write may be older than what the write left.
        return self._rows.keep(row) if changes == self._changes else row

    async def remembered(self, number: int) -> WorkflowRow:
        """Return a workflow also when it is deleted; raises `NotFound`."""
        return await self._store.definitions.remembered(number)

    async def newest(
        self, *, dialect: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[WorkflowRow]:
        """Return a page of workflows, newest first."""
        return await self._store.definitions.newest(dialect=dialect, limit=limit, cursor=cursor)

    async def definition(self, workflow: int, version: int) -> WorkflowDefinition:
        """Return a version as the model has it; raises `NotFound`."""
        definition, _ = await self._shelf.get(workflow, version)
        return definition

    async def version(self, workflow: int, version: int) -> VersionRow:
        """Return a version with the document as it was sent; raises `NotFound`."""
        return await self._store.definitions.version(workflow, version)

    async def versions(
        self, workflow: int, *, limit: int = 100, cursor: str | None = None
    ) -> Page[VersionSummary]:
        """Return a page of versions, newest first."""
        return await self._store.definitions.versions(workflow, limit=limit, cursor=cursor)

    async def differences(self, workflow: int, old: int, new: int) -> Differences:
        """Return what is different in version `new`; raises `NotFound` for either."""
        sides = [await self._side(workflow, number) for number in (old, new)]
        return await asyncio.to_thread(compare, *sides)

    async def _side(self, workflow: int, number: int) -> Version:
        row = await self.version(workflow, number)
        return Version(
            number=number,
            document=await asyncio.to_thread(_document_of, row.source),
            source=row.source,
            media_type=row.media_type,
            definition=await self.definition(workflow, number),
        )

    async def delete(self, number: int, *, expected: int | None = None) -> None:
        """Forget a workflow; raises `NotFound`, `StaleVersion`, `Conflict` while an execution lives."""
        try:
            await self._store.definitions.delete(number, expected=expected)
        finally:
            self._forget(number)

    def _forget(self, number: int) -> None:
        self._changes += 1
        self._rows.forget(number)


def _document_of(source: bytes) -> Any:
    """Return a document as a JSON value; what its dialect reads by other rules is one text."""
    try:
        return read(source).value
    except InvalidDefinition:
        return source.decode("utf-8", "replace")


def draft_of(definition: WorkflowDefinition, source: bytes, media_type: str) -> DefinitionDraft:
    """Return what the store keeps of a definition; the same document has the same hash."""
    encoded = codec.encode(definition)
    return DefinitionDraft(
        name=definition.name,
        description=definition.description,
        definition=encoded,
        source=source,
        media_type=media_type,
        hash=hashlib.sha256(source).hexdigest(),
    )
