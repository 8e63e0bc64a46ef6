"""Stored secrets: named values in a scope, sealed before they reach the store.

A definition carries only names; values are revealed at dispatch and told to the redactor before use.
What was replaced or deleted is kept as a former value, sealed as well: logs and steps that still run may hold
it, and it can only be masked by who knows it.
This file knows no dialect: what the scopes are called is theirs.
"""

from __future__ import annotations

import builtins
import re
from typing import Protocol

from msgspec import Struct

from headrace.errors import InvalidInput, NotFound, Problem
from headrace.security.sealing import CannotOpen, Sealer

GLOBAL = ""
"""The scope of secrets that every workflow may refer to."""

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
        """List the secrets of a scope, or all, by scope and name."""
        ...

    async def delete(self, scope: str, name: str) -> bool:
        """Forget a secret; False when there is no such secret."""
        ...


class Vault:
    """Keeps secrets in a store that never sees them."""

    def __init__(self, sealer: Sealer, store: SecretStore) -> None:
        self._sealer = sealer
        self._store = store

    async def keep(self, scope: str, name: str, value: str, now: float) -> SecretRecord:
        """Seal and store a value (`now` in Unix seconds); raises InvalidInput for a bad name or value."""
        check_name(scope, name)
        if not 0 < len(value) <= MOST_CHARACTERS:
            message = f"A secret has 1 to {MOST_CHARACTERS} characters, not {len(value)}."
            raise InvalidInput([Problem(path="/value", code="invalid_value", message=message)], message)
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
        await self._store.put(record)
        return record

    async def reveal(self, scope: str, name: str) -> str:
        """Return the value; raises NotFound, or CannotOpen when the server key is another one."""
        record = await self._store.find(scope, name)
        if record is None:
            raise NotFound(f"There is no secret {name!r}" + (f" of {scope!r}." if scope else "."))
        return self._sealer.open(record.sealed, _context(scope, name)).decode()

    async def list(self, scope: str | None = None) -> list[SecretRecord]:
        """List the secrets of a scope, or all; nothing is opened."""
        return [record for record in await self._store.list(scope) if record.scope != _FORMER]

    async def ever(self) -> builtins.list[SecretRecord]:
        """List all secrets and all former values; each can be revealed."""
        return await self._store.list()

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
        former = await self._store.find(scope, name)
        if former is not None:
            await self._keep_former(former)
        if not await self._store.delete(scope, name):
            raise NotFound(f"There is no secret {name!r}" + (f" of {scope!r}." if scope else "."))

    async def _keep_former(self, record: SecretRecord, value: str | None = None) -> None:
        """Keep the value of a record that goes, unless this is the next one too."""
        former = self._opened(record)
        if former is None or former == value:
            return
        name = f"{record.scope} {record.name} {record.updated_at:.6f}"
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


def check_name(scope: str, name: str) -> None:
    """Raise InvalidInput unless both can name a secret."""
    if _NAME.fullmatch(name) and _SCOPE.fullmatch(scope):
        return
    message = (
        "A secret's name has 1 to 253 letters, digits and _ . : / - and begins with a letter, digit or _."
    )
    raise InvalidInput([Problem(path="/name", code="invalid_name", message=message)], message)


def _context(scope: str, name: str) -> str:
    return f"secret {scope} {name}"
