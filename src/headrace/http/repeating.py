"""Requests with an `Idempotency-Key`: done once, and answered by the same bytes for a day.

The answer is kept in the transaction of the effect, so it is there exactly when the effect is; a second
request that arrives meanwhile loses the race for the key, and reads what the first was answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from headrace.clock import Clock
from headrace.errors import Conflict, RequestError
from headrace.security.callers import CALLER
from headrace.store.protocol import Idempotency, KeyTaken
from headrace.store.rows import IdempotencyRecord

KEPT = timedelta(hours=24)
MOST_CHARACTERS = 255

Location = Callable[[bytes], str]
"""From the body of an answer to the path of what was made."""


class KeyReused(Conflict):
    """The idempotency key was used for another request."""

    code = "idempotency_conflict"


class InvalidHeader(RequestError):
    """A header cannot be what it says."""

    code = "invalid_header"


class Once:
    """One request that may carry an `Idempotency-Key`."""

    def __init__(
        self,
        request: Request,
        store: Idempotency,
        clock: Clock,
        body: bytes,
        location: Location | None = None,
        path: str | None = None,
    ) -> None:
        """Take a request of a known caller; raises `InvalidHeader`.

        `location` finds in its answer where the thing that it made is.
        `path` stands for the operation where several paths lead to it; otherwise that of the request does.
        """
        self._store = store
        self._clock = clock
        self._location = location
        self._key = request.headers.get("idempotency-key")
        if self._key is None:
            return
        if not 0 < len(self._key) <= MOST_CHARACTERS:
            raise InvalidHeader(f"An Idempotency-Key has 1 to {MOST_CHARACTERS} characters.")
        self._scope = f"{request.scope[CALLER].number} {request.method} {path or request.scope['path']}"
        self._hash = hashlib.sha256(body).hexdigest()

    async def earlier(self) -> Response | None:
        """Return the answer of an earlier request with the key; raises `KeyReused` for another body."""
        if self._key is None:
            return None
        found = await self._store.find(self._scope, self._key)
        if found is None:
            return None
        if found.body_hash != self._hash:
            raise KeyReused("The Idempotency-Key was used with another body.")
        headers = {"idempotency-replayed": "true"}
        if self._location is not None:
            headers["location"] = self._location(found.answer)
        return Response(found.answer, found.status, headers, found.content_type)

    async def faster(self, taken: KeyTaken) -> Response:
        """Return the answer of the request that won the race for the key; raises `taken` for another key."""
        found = await self.earlier() if taken.key == "idempotency_key" else None
        if found is None:
            raise taken
        return found

    def record(self, status: int, answer: bytes) -> IdempotencyRecord | None:
        """Return what is kept with the effect; None without a key."""
        if self._key is None:
            return None
        now = self._clock.now()
        return IdempotencyRecord(
            scope=self._scope,
            key=self._key,
            body_hash=self._hash,
            status=status,
            answer=answer,
            created_at=now,
            expires_at=now + KEPT.total_seconds(),
        )
