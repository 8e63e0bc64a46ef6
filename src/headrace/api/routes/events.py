"""The events of an execution, as a list or as a stream that can be taken up again."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow

After = Annotated[
    int, Query(ge=0, le=2**53, description="Sequence number of the last event that is known already.")
]


class EventRoutes:
    """What happened, in order."""

    def __init__(self, services: Services, values: ShownValues) -> None:
        self._executions = services.executions
        self._values = values

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
            yield b"".join(
                sse(
                    msgspec.json.encode(self._values.masked(event_shown(numbered))),
                    event=name_of(type(numbered.event)),
                    id=numbered.seq,
                )
                for numbered in batch
            )
