"""Tokens (hashes only) and secrets (sealed only), as SQL; the protocols are `security`'s."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import RowMapping, Select, and_, delete, insert, select, text, tuple_, update

from headrace.security.secrets import SecretRecord
from headrace.security.tokens import Scope, TokenRecord
from headrace.store import schema
from headrace.store.reading import Readers
from headrace.store.writer import Writer

_tokens = schema.tokens.c
_secrets = schema.secrets.c


class SqlTokens:
    """Remembers tokens; a `TokenStore`.

    Every request asks for one, so they are read once and then kept: no other process writes to the database
    of a server that lives.
    """

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer
        self._known: dict[str, TokenRecord] | None = None
        self._reading = asyncio.Lock()

    async def add(self, record: TokenRecord) -> None:
        """Remember a token, in place of what was known of the same one; or raise `KeyTaken`."""
        known = await self._all()
        former = delete(schema.tokens).where(_tokens.hash == record.hash)
        values = asdict(record) | {"scopes": msgspec.msgpack.encode(sorted(record.scopes))}
        added = insert(schema.tokens).values(values)
        await self._writer.write(lambda c: (c.execute(former), c.execute(added)))
        known[record.hash] = record

    async def find(self, hash: str) -> TokenRecord | None:
        """Find the record of a hash, valid or not."""
        return (await self._all()).get(hash)

    async def list(self) -> builtins.list[TokenRecord]:
        """List all records, oldest first."""
        known = (await self._all()).values()
        return sorted(known, key=lambda record: (record.created_at, record.number))

    async def revoke(self, number: int) -> bool:
        """Revoke a token for ever; False when there is no such token."""
        known = await self._all()
        change = update(schema.tokens).where(_tokens.number == number).values(revoked=True)
        if await self._writer.write(lambda c: c.execute(change).rowcount) == 0:
            return False
        known.update((hash, replace(r, revoked=True)) for hash, r in known.items() if r.number == number)
        return True

    async def _all(self) -> dict[str, TokenRecord]:
        async with self._reading:
            if self._known is None:
                query = select(schema.tokens)
                found = await self._readers.read(lambda c: list(map(_token, c.execute(query).mappings())))
                self._known = {record.hash: record for record in found}
        return self._known


class SqlSecrets:
    """Remembers sealed secrets; a `SecretStore`."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def put(self, record: SecretRecord) -> None:
        """Remember a secret, in place of one of the same scope and name."""
        former = delete(schema.secrets).where(_secrets.scope == record.scope, _secrets.name == record.name)
        added = insert(schema.secrets).values(asdict(record))
        await self._writer.write(lambda c: (c.execute(former), c.execute(added)))

    async def find(self, scope: str, name: str) -> SecretRecord | None:
        """Find a secret by scope and name."""
        query = select(schema.secrets).where(_secrets.scope == scope, _secrets.name == name)
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        return None if found is None else SecretRecord(**found)

    async def list(self, scope: str | None = None) -> builtins.list[SecretRecord]:
        """List the secrets of a scope, or all but those of runs, by scope and name."""
        query = secrets_of(scope)
        return await self._readers.read(
            lambda c: [SecretRecord(**row) for row in c.execute(query).mappings()]
        )

    async def delete(self, scope: str, name: str) -> bool:
        """Forget a secret; False when there is no such secret."""
        change = delete(schema.secrets).where(_secrets.scope == scope, _secrets.name == name)
        return await self._writer.write(lambda c: c.execute(change).rowcount) > 0

    async def of_runs(
        self, before: float, *, after: SecretRecord | None = None, limit: int = 1000
    ) -> builtins.list[SecretRecord]:
        """List secrets of runs that were made before a moment, oldest first, those behind `after`."""
        query = secrets_of_runs(before, after, limit)
        return await self._readers.read(
            lambda c: [SecretRecord(**row) for row in c.execute(query).mappings()]
        )

    async def delete_of_runs(self, scopes: Collection[str]) -> None:
        """Forget the secrets of these scopes of runs."""
        change = delete(schema.secrets).where(_secrets.scope.in_(scopes), text(schema.OF_RUNS))
        await self._writer.write(lambda c: c.execute(change))


def secrets_of(scope: str | None) -> Select[Any]:
    """Return the query for the secrets of a scope, or all but those of runs, of which there may be many."""
    query = select(schema.secrets).order_by(_secrets.scope, _secrets.name)
    return query.where(text(schema.NOT_OF_RUNS) if scope is None else _secrets.scope == scope)


def secrets_of_runs(before: float, after: SecretRecord | None, limit: int) -> Select[Any]:
    """Return the query for secrets of runs that were made before a moment, oldest first."""
    place = and_(text(schema.OF_RUNS), _secrets.created_at < before)
    if after is not None:
        place = and_(place, tuple_(_secrets.created_at, _secrets.scope) > (after.created_at, after.scope))
    order = (_secrets.created_at, _secrets.scope)
    return select(schema.secrets).where(place).order_by(*order).limit(limit)


def _token(row: RowMapping) -> TokenRecord:
    return TokenRecord(**{**row, "scopes": msgspec.msgpack.decode(row["scopes"], type=frozenset[Scope])})
