"""Tokens (hashes only) and secrets (sealed only), as SQL; the protocols are `security`'s."""

from __future__ import annotations

import builtins

import msgspec
from msgspec.structs import asdict
from sqlalchemy import RowMapping, delete, insert, select, update

from headrace.security.secrets import SecretRecord
from headrace.security.tokens import Scope, TokenRecord
from headrace.store import schema
from headrace.store.reading import Readers
from headrace.store.writer import Writer

_tokens = schema.tokens.c
_secrets = schema.secrets.c


class SqlTokens:
    """Remembers tokens; a `TokenStore`."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def add(self, record: TokenRecord) -> None:
        """Remember a token, in place of what was known of the same one; or raise `KeyTaken`."""
        former = delete(schema.tokens).where(_tokens.hash == record.hash)
        values = asdict(record) | {"scopes": msgspec.msgpack.encode(sorted(record.scopes))}
        added = insert(schema.tokens).values(values)
        await self._writer.write(lambda c: (c.execute(former), c.execute(added)))

    async def find(self, hash: str) -> TokenRecord | None:
        """Find the record of a hash, valid or not."""
        query = select(schema.tokens).where(_tokens.hash == hash)
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        return None if found is None else _token(found)

    async def list(self) -> builtins.list[TokenRecord]:
        """List all records, oldest first."""
        query = select(schema.tokens).order_by(_tokens.created_at, _tokens.number)
        return await self._readers.read(lambda c: [_token(row) for row in c.execute(query).mappings()])

    async def revoke(self, number: int) -> bool:
        """Revoke a token for ever; False when there is no such token."""
        change = update(schema.tokens).where(_tokens.number == number).values(revoked=True)
        return await self._writer.write(lambda c: c.execute(change).rowcount) > 0


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
        """List the secrets of a scope, or all, by scope and name."""
        query = select(schema.secrets).order_by(_secrets.scope, _secrets.name)
        if scope is not None:
            query = query.where(_secrets.scope == scope)
        return await self._readers.read(
            lambda c: [SecretRecord(**row) for row in c.execute(query).mappings()]
        )

    async def delete(self, scope: str, name: str) -> bool:
        """Forget a secret; False when there is no such secret."""
        change = delete(schema.secrets).where(_secrets.scope == scope, _secrets.name == name)
        return await self._writer.write(lambda c: c.execute(change).rowcount) > 0


def _token(row: RowMapping) -> TokenRecord:
    return TokenRecord(**{**row, "scopes": msgspec.msgpack.decode(row["scopes"], type=frozenset[Scope])})
