"""Stored secrets: named values in a scope, sealed before they reach the store.

A definition carries only names; values are revealed at dispatch and told to the redactor before use.
This file knows no dialect: what the scopes are called is theirs.
"""

from __future__ import annotations

import re
from typing import Protocol

from msgspec import Struct

from headrace.errors import InvalidInput, NotFound, Problem
from headrace.security.sealing import Sealer

GLOBAL = ""
"""The scope of secrets that every workflow may refer to."""

MOST_CHARACTERS = 65_536
"""Of one secret."""

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
        return await self._store.list(scope)

    async def forget(self, scope: str, name: str) -> None:
        """Delete a secret; raises NotFound."""
        if not await self._store.delete(scope, name):
            raise NotFound(f"There is no secret {name!r}" + (f" of {scope!r}." if scope else "."))


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
