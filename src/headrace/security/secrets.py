"""Stored secrets: named values in a scope, sealed before they reach the store.

A definition carries only names; values are revealed at dispatch and told to the redactor before use.
What was replaced or deleted is kept as a former value, sealed as well: logs and steps that still run may hold
it, and it can only be masked by who knows it.
Secrets that sign the webhooks of one run are apart: steps are given those of `GLOBAL` alone, so none can show
one; they are not masked in logs, and nothing is left of them once they are forgotten.
This file knows no dialect: what the scopes are called is theirs.
"""

from __future__ import annotations

import asyncio
import builtins
import re
from collections.abc import Collection, Coroutine
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from headrace.errors import InvalidInput, NotFound, Problem
from headrace.ids import alias
from headrace.security.redaction import Redactor
from headrace.security.sealing import CannotOpen, Sealer

T = TypeVar("T")

GLOBAL = ""
"""The scope of secrets that every workflow may refer to."""

OF_RUNS = "webhook"
"""With a `-` the beginning of scopes that have the signing secret of one run each."""

MOST_CHARACTERS = 65_536
"""Of one secret."""

MOST_FORMER = 100
"""Former values that are kept of one secret; the oldest goes first."""

_FORMER = "~former"
"""The scope of former values, which no secret can have."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,252}")
_SCOPE = re.compile(r"[A-Za-z0-9_.:/-]{0,253}")


class SecretRecord(Struct, frozen=True, kw_only=True):
    """One secret as it is stored."""

    scope: str
    """Whose it is, such as `pack:harbour`; `GLOBAL` is everybody's."""
    name: str
    """Unique in its scope."""
    sealed: bytes
    """What only the sealer of this server can open."""
    created_at: float
    """Unix seconds of the first value."""
    updated_at: float
    """Unix seconds of this value."""


class SecretStore(Protocol):
    """Remembers sealed secrets."""

    async def put(self, record: SecretRecord) -> None:
        """Remember a secret, in place of one of the same scope and name."""
        ...

    async def find(self, scope: str, name: str) -> SecretRecord | None:
        """Find a secret by scope and name."""
        ...

    async def list(self, scope: str | None = None) -> list[SecretRecord]:
        """List the secrets of a scope, or all but those of runs, by scope and name."""
        ...

    async def delete(self, scope: str, name: str) -> bool:
        """Forget a secret; False when there is no such secret."""
        ...

    async def of_runs(
        self, before: float, *, after: SecretRecord | None = None, limit: int = 1000
    ) -> builtins.list[SecretRecord]:
        """List secrets of runs that were made before a moment, oldest first, those behind `after`."""
        ...

    async def delete_of_runs(self, scopes: Collection[str]) -> None:
        """Forget the secrets of these scopes of runs; one that is not there is no error."""
        ...


class Vault:
    """Keeps secrets in a store that never sees them."""

    def __init__(self, sealer: Sealer, store: SecretStore) -> None:
        self._sealer = sealer
        self._store = store
        self._changes = 0
        """Writes that may have changed what is masked; a store of several servers must tell of theirs."""
        self._masked_at: int | None = None
        self._masked: dict[bytes, str | None] = {}
        """What the redactor was made of, by what is sealed: that is never twice the same."""
        self._redactor = Redactor()
        self._masking = asyncio.Lock()
        self._keeping = asyncio.Lock()
        """Held from the look at a value that goes until the next one is there: none may go unseen."""

    async def keep(self, scope: str, name: str, value: str, now: float) -> SecretRecord:
        """Seal and store a value (`now` in Unix seconds); raises InvalidInput for a bad name or value."""
        check_name(scope, name)
        if is_of_run(scope):
            message = f"Scopes that begin with '{OF_RUNS}-' are kept by the server; choose another."
            raise InvalidInput([Problem(path="/scope", code="reserved_scope", message=message)], message)
        _check_value(value)
        async with self._keeping:
            former = await self._store.find(scope, name)
            if former is not None:
                await self._keep_former(former, value)
            record = SecretRecord(
                scope=scope,
                name=name,
                sealed=self._sealer.seal(value.encode(), _context(scope, name)),
                created_at=now if former is None else former.created_at,
                updated_at=now,
            )
            await self._written(self._store.put(record))
        return record

    async def keep_of_run(self, name: str, value: str, now: float) -> str:
        """Seal and store what signs the webhooks of a run that is about to start; return its scope."""
        _check_value(value)
        scope = alias(OF_RUNS, 16)
        sealed = self._sealer.seal(value.encode(), _context(scope, name))
        await self._store.put(
            SecretRecord(scope=scope, name=name, sealed=sealed, created_at=now, updated_at=now)
        )
        return scope

    async def reveal(self, scope: str, name: str) -> str:
        """Return the value; raises NotFound, or CannotOpen when the server key is another one."""
        record = await self._store.find(scope, name)
        if record is None:
            raise NotFound(f"There is no secret {name!r}" + (f" of {scope!r}." if scope else "."))
        return self._sealer.open(record.sealed, _context(scope, name)).decode()

    async def list(self, scope: str | None = None) -> list[SecretRecord]:
        """List the secrets of a scope, or all; nothing is opened."""
        return [record for record in await self._store.list(scope) if record.scope != _FORMER]

    async def redactor(self) -> Redactor:
        """Return what masks every value that a step can ever have been given.

        The store is asked only after a change, once, and only what is new is opened then.
        """
        async with self._masking:
            if self._masked_at != self._changes:
                changes = self._changes
                records = await self._store.list()
                self._masked, self._redactor = await asyncio.to_thread(self._made_of, records)
                self._masked_at = changes
            return self._redactor

    def _made_of(self, records: builtins.list[SecretRecord]) -> tuple[dict[bytes, str | None], Redactor]:
        known = self._masked
        values = {
            each.sealed: known[each.sealed] if each.sealed in known else self._opened(each)
            for each in records
        }
        return values, Redactor(value for value in values.values() if value is not None)

    async def _written(self, write: Coroutine[Any, Any, T]) -> T:
        """Return what a write returns; its end is noted also where nobody waits for it any more."""
        work = asyncio.ensure_future(write)
        work.add_done_callback(self._note_change)
        return await asyncio.shield(work)

    def _note_change(self, _: object) -> None:
        self._changes += 1

    async def former(self) -> tuple[str, ...]:
        """Return all former values."""
        found = [self._opened(record) for record in await self._store.list(_FORMER)]
        return tuple(value for value in found if value is not None)

    async def last(self, scope: str, name: str) -> str | None:
        """Return the value, or the last one that a secret had before it was deleted; None for no secret."""
        record = await self._store.find(scope, name)
        if record is not None:
            return self._sealer.open(record.sealed, _context(scope, name)).decode()
        former = await self._former_of(scope, name)
        return self._opened(former[-1]) if former else None

    async def forget(self, scope: str, name: str) -> None:
        """Delete a secret; raises NotFound."""
        async with self._keeping:
            former = await self._store.find(scope, name)
            if former is not None and not is_of_run(scope):
                await self._keep_former(former)
            is_gone = await self._written(self._store.delete(scope, name))
        if not is_gone:
            raise NotFound(f"There is no secret {name!r}" + (f" of {scope!r}." if scope else "."))

    async def _keep_former(self, record: SecretRecord, value: str | None = None) -> None:
        """Keep the value of a record that goes, unless this is the next one too."""
        former = self._opened(record)
        if former is None or former == value:
            return
        # What is sealed is never twice the same, and two values may be of one moment.
        name = f"{record.scope} {record.name} {record.updated_at:.6f} {record.sealed[-6:].hex()}"
        sealed = self._sealer.seal(former.encode(), _context(_FORMER, name))
        await self._store.put(
            SecretRecord(
                scope=_FORMER,
                name=name,
                sealed=sealed,
                created_at=record.updated_at,
                updated_at=record.updated_at,
            )
        )
        for old in (await self._former_of(record.scope, record.name))[:-MOST_FORMER]:
            await self._store.delete(_FORMER, old.name)

    async def _former_of(self, scope: str, name: str) -> builtins.list[SecretRecord]:
        """Return the former values of a secret, the oldest first."""
        start = f"{scope} {name} "
        found = [record for record in await self._store.list(_FORMER) if record.name.startswith(start)]
        return sorted(found, key=lambda record: record.updated_at)

    def _opened(self, record: SecretRecord) -> str | None:
        """Return a value; None when it was sealed with another key, so that nobody can have used it here."""
        try:
            return self._sealer.open(record.sealed, _context(record.scope, record.name)).decode()
        except CannotOpen:
            return None


class SharedSecrets:
    """The secrets that every workflow may refer to, as steps are given them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def read(self, name: str) -> str | None:
        """Return the value of a secret, or None when there is none of that name."""
        try:
            return await self._vault.reveal(GLOBAL, name)
        except NotFound:
            return None

    async def last(self, name: str) -> str | None:
        """Return the same, and of a secret that was deleted the last value."""
        return await self._vault.last(GLOBAL, name)

    async def former(self) -> tuple[str, ...]:
        """Return all values that were replaced or deleted."""
        return await self._vault.former()


def is_of_run(scope: str) -> bool:
    """Tell whether a scope is that of one run's signing secret, which no step can be given."""
    return scope.startswith(f"{OF_RUNS}-")


def check_name(scope: str, name: str) -> None:
    """Raise InvalidInput unless both can name a secret."""
    if _NAME.fullmatch(name) and _SCOPE.fullmatch(scope):
        return
    message = (
        "A secret's name has 1 to 253 letters, digits and _ . : / - and begins with a letter, digit or _."
    )
    raise InvalidInput([Problem(path="/name", code="invalid_name", message=message)], message)


def _check_value(value: str) -> None:
    """Raise InvalidInput unless this can be a secret."""
    if not 0 < len(value) <= MOST_CHARACTERS:
        message = f"A secret has 1 to {MOST_CHARACTERS} characters, not {len(value)}."
        raise InvalidInput([Problem(path="/value", code="invalid_value", message=message)], message)


def _context(scope: str, name: str) -> str:
    return f"secret {scope} {name}"
