"""Repeated requests of the native API: one that lost the race for its key is answered like the first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from headrace.clock import Clock
from headrace.http.repeating import Location, Once
from headrace.store.protocol import Idempotency, KeyTaken


class Repeated(Exception):
    """Another request with the key was faster; `answer` is what it was answered."""

    def __init__(self, answer: Response) -> None:
        super().__init__("The request is a repetition.")
        self.answer = answer


class Repeats:
    """Lets requests be done once."""

    def __init__(self, store: Idempotency, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def of(self, request: Request, body: bytes, location: Location) -> AsyncIterator[Once]:
        """Give what keeps the answer of a request; raises `Repeated` when there was an earlier one."""
        once = Once(request, self._store, self._clock, body, location)
        if (earlier := await once.earlier()) is not None:
            raise Repeated(earlier)
        try:
            yield once
        except KeyTaken as taken:
            raise Repeated(await once.faster(taken)) from None
