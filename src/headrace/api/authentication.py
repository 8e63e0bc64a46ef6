"""Who may do what: puts the question of the caller into each request, and mostly answers from memory.

The scope that a route needs stands beside the route, in its `Operation`; a test walks all of them.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable

from headrace.clock import Clock
from headrace.dialects.protocol import Application, Receive, Scope, Send
from headrace.http.rates import RATES, Rates
from headrace.security import tokens
from headrace.security.callers import CALLER, IDENTIFY
from headrace.security.tokens import TokenRecord, TokenStore
from headrace.settings.quantities import Rate

FRESH = 5.0
"""Seconds for which a token's record is believed: so long does a revocation on another server take here."""

MOST_KEPT = 1024
"""Records in memory; whoever sends more different tokens pays with a read of the store."""

ANYONE = TokenRecord(number=0, name="anyone", hash="", scopes=frozenset({"admin"}), created_at=0.0)
"""Who asks where the operator has switched tokens off, which is for loopback only."""


class CachedTokens:
    """A `TokenStore` that remembers for some seconds what it found; revoking through it counts at once."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, tuple[float, TokenRecord]] = OrderedDict()

    async def add(self, record: TokenRecord) -> None:
        """Remember a token."""
        await self._store.add(record)
        self._kept.pop(record.hash, None)

    async def find(self, hash: str) -> TokenRecord | None:
        """Find the record of a hash, valid or not."""
        now = time.monotonic()
        kept = self._kept.get(hash)
        if kept is not None and now < kept[0]:
            return kept[1]
        record = await self._store.find(hash)
        if record is not None:
            self._kept[hash] = (now + FRESH, record)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return record

    async def list(self) -> list[TokenRecord]:
        """List all records, oldest first."""
        return await self._store.list()

    async def revoke(self, number: int) -> bool:
        """Revoke a token for ever; False when there is no such token."""
        try:
            return await self._store.revoke(number)
        finally:
            self._kept.clear()


class WithCaller:
    """Puts the question of who asks into the scope of each request, and how often each may."""

    def __init__(
        self,
        application: Application,
        store: TokenStore,
        clock: Clock,
        *,
        auth: str,
        rate_limit: Rate | None = None,
    ) -> None:
        """Take what answers; `auth` is `token` or `off`, `rate_limit` counts for each token at all doors."""
        self._rates = Rates(rate_limit)
        self._application = application
        self._store = store
        self._clock = clock
        self._is_open = auth == "off"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def identify() -> TokenRecord:
            known: TokenRecord | None = scope.get(CALLER)
            if known is None:
                known = ANYONE if self._is_open else await self._identify(scope["headers"])
                scope[CALLER] = known
            return known

        scope[IDENTIFY] = identify
        scope[RATES] = self._rates
        try:
            await self._application(scope, receive, send)
        finally:
            # The question holds the scope: a cycle, which only the seldom garbage collection would free.
            del scope[IDENTIFY]

    async def _identify(self, headers: Iterable[tuple[bytes, bytes]]) -> TokenRecord:
        given = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
        token = tokens.presented({"authorization": given[0]}) if len(given) == 1 else None
        return await tokens.identify(token, self._store, self._clock.now())
