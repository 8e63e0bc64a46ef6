"""Requests with an `Idempotency-Key`: done once, and answered by the same bytes for a day.

The answer is kept in the transaction of the effect, so it is there exactly when the effect is; a second
request that arrives meanwhile loses the race for the key, and reads what the first was answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from headrace.api.problems import KeyReused
from headrace.api.requests import refuse
from headrace.clock import Clock
from headrace.security.callers import CALLER
from headrace.store.protocol import Idempotency, KeyTaken
from headrace.store.rows import IdempotencyRecord

KEPT = timedelta(hours=24)
MOST_CHARACTERS = 255

Location = Callable[[bytes], str]
"""From the body of an answer to the path of what was made."""


class Repeated(Exception):
    """Another request with the key was faster; `answer` is what it was answered."""

    def __init__(self, answer: Response) -> None:
        super().__init__("The request is a repetition.")
        self.answer = answer


class Repeat:
    """One request that may be a repetition."""

    def __init__(self, scope: str, key: str | None, body_hash: str, now: float, location: Location) -> None:
        self.answer: Response | None = None
        """What the first request with the key was answered."""
        self._location = location
        self._scope = scope
        self._key = key
        self._body_hash = body_hash
        self._now = now

    def record(self, status: int, answer: bytes) -> IdempotencyRecord | None:
        """Return what to keep in the effect's transaction, None when there is no key."""
        if self._key is None:
            return None
        return IdempotencyRecord(
            scope=self._scope,
            key=self._key,
            body_hash=self._body_hash,
            status=status,
            answer=answer,
            created_at=self._now,
            expires_at=self._now + KEPT.total_seconds(),
        )

    def again(self, former: IdempotencyRecord) -> Response:
        """Return the answer of the first request again; raises `KeyReused` when it was for another body."""
        if former.body_hash != self._body_hash:
            raise KeyReused(f"The Idempotency-Key '{former.key}' was used with another body.")
        headers = {"idempotency-replayed": "true", "location": self._location(former.answer)}
        return Response(former.answer, former.status, headers, former.content_type)


class Repeats:
    """Finds what repeated requests were answered."""

    def __init__(self, store: Idempotency, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def of(self, request: Request, body: bytes, location: Location) -> AsyncIterator[Repeat]:
        """Give the request's repeat; `location` finds in an answer where the thing that it made is.

        A lost race inside the block is raised as `Repeated`.
        """
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= MOST_CHARACTERS:
            raise refuse("invalid_value", "", f"An Idempotency-Key has 1 to {MOST_CHARACTERS} characters.")
        repeat = self._repeat(request, key, body, location)
        if key is None:
            yield repeat
            return
        scope = _scope(request)
        former = await self._store.find(scope, key)
        repeat.answer = None if former is None else repeat.again(former)
        try:
            yield repeat
        except KeyTaken as taken:
            former = await self._store.find(scope, key) if taken.key == "idempotency_key" else None
            if former is None:
                raise
            raise Repeated(repeat.again(former)) from None

    def _repeat(self, request: Request, key: str | None, body: bytes, location: Location) -> Repeat:
        if key is None:
            return Repeat("", None, "", 0.0, location)
        return Repeat(_scope(request), key, hashlib.sha256(body).hexdigest(), self._clock.now(), location)


def _scope(request: Request) -> str:
    return f"{request.scope[CALLER].number} {request.method} {request.scope['path']}"
