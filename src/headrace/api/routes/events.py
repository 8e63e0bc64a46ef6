"""The events of an execution, as a list or as a stream that can be taken up again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers
from headrace.api.event_views import event_shown, name_of
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of
from headrace.api.values import ShownValues
from headrace.engine import events
from headrace.http.streaming import HEARTBEAT, PULSE, event_stream, sse
from headrace.orchestrator.feed import NumberedEvent
from headrace.orchestrator.services import Services
from headrace.security.redaction import Redactor
from headrace.store.rows import ExecutionRow

After = Annotated[
    int, Query(ge=0, le=2**53, description="Sequence number of the last event that is known already.")
]

_LARGEST_KEPT = 1024 * 1024


class EventRoutes:
    """What happened, in order."""

    def __init__(self, services: Services, values: ShownValues) -> None:
        self._executions = services.executions
        self._values = values
        self._written: tuple[Sequence[NumberedEvent], Redactor, bytes] = ((), values.redactor, b"")
        """What was streamed last, because all who follow an execution are told the same at the same time."""

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        return [
            Operation(
                method="GET",
                path="/v1/executions/{key}/events",
                endpoint=self.events,
                scope="read",
                answer=answers.EventsShown,
                stream=True,
                headers=("Last-Event-ID",),
            )
        ]

    async def events(self, key: str, request: Request, after: After = 0) -> Response:
        """List the events of an execution, or follow them as server-sent events."""
        row = await self._executions.get(key_of(key, "execution"))
        if "text/event-stream" in request.headers.get("accept", ""):
            last = request.headers.get("last-event-id", "")
            after = int(last) if last.isdecimal() and len(last) < 16 else after
            return event_stream(request, self._follow(row, after))
        found = await self._executions.events(row, after)
        shown = [event_shown(numbered) for numbered in found]
        complete = isinstance(found[-1].event, events.ExecutionEnded) if found else row.ended_at is not None
        return json_answer(answers.EventsShown(events=self._values.masked(shown), complete=complete))

    async def _follow(self, row: ExecutionRow, after: int) -> AsyncIterator[bytes]:
        async for batch in self._executions.follow(row, after, PULSE):
            if not batch:
                yield HEARTBEAT
                continue
            yield self._streamed(batch)

    def _streamed(self, batch: Sequence[NumberedEvent]) -> bytes:
        """Return events as server-sent events."""
        redactor = self._values.redactor
        former, by, written = self._written
        if former is not batch or by is not redactor:
            written = b"".join(
                sse(
                    msgspec.json.encode(redactor.json(event_shown(numbered))),
                    event=name_of(type(numbered.event)),
                    id=numbered.seq,
                )
                for numbered in batch
            )
            if len(written) <= _LARGEST_KEPT:
                self._written = (batch, redactor, written)
        return written
