"""In-memory twins of the stores of tokens and secrets: real implementations that forget at exit."""

from __future__ import annotations

import builtins
from collections.abc import Collection

from msgspec.structs import replace

from headrace.security.secrets import SecretRecord, is_of_run
from headrace.security.tokens import TokenRecord


class TokensInMemory:
    """A `TokenStore` in a dict."""

    def __init__(self) -> None:
        self._records: dict[str, TokenRecord] = {}

    async def add(self, record: TokenRecord) -> None:
        """Remember a token."""
        self._records[record.hash] = record

    async def find(self, hash: str) -> TokenRecord | None:
        """Find the record of a hash, valid or not."""
        return self._records.get(hash)

    async def list(self) -> list[TokenRecord]:
        """List all records, oldest first."""
        return sorted(self._records.values(), key=lambda record: (record.created_at, record.number))

    async def revoke(self, number: int) -> bool:
        """Revoke a token for ever; False when there is no such token."""
        for record in self._records.values():
            if record.number == number:
                self._records[record.hash] = replace(record, revoked=True)
                return True
        return False


class SecretsInMemory:
    """A `SecretStore` in a dict."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], SecretRecord] = {}
        """By scope and name, for tests that look at what is stored."""

    async def put(self, record: SecretRecord) -> None:
        """Remember a secret, in place of one of the same scope and name."""
        self.records[record.scope, record.name] = record

    async def find(self, scope: str, name: str) -> SecretRecord | None:
        """Find a secret by scope and name."""
        return self.records.get((scope, name))

    async def list(self, scope: str | None = None) -> list[SecretRecord]:
        """List the secrets of a scope, or all but those of runs, by scope and name."""
        found = [record for _, record in sorted(self.records.items())]
        return [
            each for each in found if (not is_of_run(each.scope) if scope is None else each.scope == scope)
        ]

    async def delete(self, scope: str, name: str) -> bool:
        """Forget a secret; False when there is no such secret."""
        return self.records.pop((scope, name), None) is not None

    async def of_runs(
        self, before: float, *, after: SecretRecord | None = None, limit: int = 1000
    ) -> builtins.list[SecretRecord]:
        """List secrets of runs that were made before a moment, oldest first, those behind `after`."""
        old = [each for each in self.records.values() if is_of_run(each.scope) and each.created_at < before]
        if after is not None:
            old = [each for each in old if _age(each) > _age(after)]
        return sorted(old, key=_age)[:limit]

    async def delete_of_runs(self, scopes: Collection[str]) -> None:
        """Forget the secrets of these scopes of runs."""
        gone = [key for key in self.records if is_of_run(key[0]) and key[0] in scopes]
        for key in gone:
            del self.records[key]


def _age(record: SecretRecord) -> tuple[float, str]:
    return record.created_at, record.scope
