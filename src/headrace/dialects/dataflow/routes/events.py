"""Routes of the changes of a run: as a list, or as a stream that can be taken up again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow import changes
from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.lookup import Run, row_of, run_of
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.engine.states import EXECUTION_ENDS
from headrace.http.streaming import HEARTBEAT, event_stream, sse
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow

_LARGEST = 2**31 - 1


class EventRoutes:
    """What happened in a run."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        path = "/workflows/{id}/executions/{eid}/events"
        return [Operation("GET", path, "read", self.list_events)]

    async def list_events(self, request: Request) -> Response:
        """Return the changes after a sequence number, or follow them as server-sent events."""
        after = requests.whole_number(request, "after", 0, 0, _LARGEST)
        if "text/event-stream" in request.headers.get("accept", ""):
            if last := requests.last_event(request):
                if not (last.isascii() and last.isdecimal() and len(last) < 10):
                    raise requests.unknown_event()
                after = int(last)
            row = await row_of(request, self._services)
            return event_stream(request, self._stream(row, after))
        run = await run_of(request, self._services)
        # what was committed after the view was taken is left to the next request
        committed = await self._services.executions.events(run.row)
        numbered = changes.Changes(run.execution)
        found = [
            changes.told(change)
            for event in committed
            if event.seq <= run.execution.seq
            for change in numbered.of(event.event)
        ]
        answer = {
            "events": [each for each in found if each["sequence"] > after],
            "complete": _is_over(run),
        }
        return json_answer(answer, self._services)

    async def _stream(self, row: ExecutionRow, after: int) -> AsyncIterator[bytes]:
        count = 0
        async for batch in self._services.executions.follow(row):
            if not batch:
                yield HEARTBEAT
                continue
            numbered = changes.Changes(await self._services.executions.view(row), count)
            for event in batch:
                for change in numbered.of(event.event):
                    count = change.sequence
                    if count > after:
                        data = msgspec.json.encode(changes.told(change))
                        yield sse(
                            self._services.secrets_in_use.redactor.octets(data), event=change.event, id=count
                        )


def _is_over(run: Run) -> bool:
    return run.execution.state in EXECUTION_ENDS
