"""Routes of logs: as JSON, as bytes in ranges, or followed while they are written (section 4.5).

Secrets in use are masked by as many stars as they have bytes, so that an offset stays an offset.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.dialects.akoflow.routes import log_files, requests
from headrace.dialects.akoflow.routes.log_files import STREAMS, Stream
from headrace.dialects.akoflow.routes.lookup import run_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.dialects.akoflow.routes.refusals import Refusal, invalid_query
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.views import Activity
from headrace.engine.states import EXECUTION_ENDS, TASK_ENDS
from headrace.http import log_text
from headrace.http.downloads import TEXT
from headrace.http.ranges import asked_span
from headrace.http.streaming import HEARTBEAT, event_stream, sse
from headrace.orchestrator.services import Services

_LARGEST = 2**53
_PIECE, _MOST = 64 * 1024, 4 * 1024 * 1024
_LOOK = 0.25
"""Seconds between two looks at files that are followed: files tell nobody that they grow."""
_PULSE = 60
"""Looks without news after which a comment is sent, so that proxies keep the stream open."""
_PLACES = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


class LogRoutes:
    """Standard output and standard error of activities."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secrets = log_text.LogSecrets(services.vault, services.secrets_in_use)

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [Operation("GET", f"{PATH}/{{id}}/activities/{{aid}}/logs", "read", self.get_logs)]

    async def get_logs(self, request: Request) -> Response:
        """Return what an activity wrote, or follow it as server-sent events."""
        stream = _stream(request)
        attempt = requests.whole_number(request, "attempt", 0, 1, 1000)
        if requests.choice(request, "follow", ("true", "false")) == "true":
            _check_followed(request)
            await self._found(request, attempt)
            return event_stream(request, self._follow(request, stream, attempt))
        if requests.choice(request, "format", ("raw", "json")) == "raw":
            return await self._raw(request, stream, attempt)
        offset = requests.whole_number(request, "offset", 0, 0, _LARGEST)
        limit = requests.whole_number(request, "limit", _PIECE, 1, _MOST)
        tail = requests.whole_number(request, "tail", 0, 1, 1_000_000)
        found, position, is_over = await self._found(request, attempt)
        answer: dict[str, Any] = {"activityId": found.id, "attempt": position}
        redactors = await self._secrets.redactors()
        chosen = STREAMS if stream is None else (stream,)
        for each in chosen:
            log = self._log(found, position, each)
            answer[each] = await asyncio.to_thread(
                log_files.part, log, offset, limit, tail, redactors, is_over
            )
        return data_answer(answer, self._services)

    async def _found(self, request: Request, attempt: int) -> tuple[Activity, int, bool]:
        """Return the activity, which of its attempts is meant (0 for none yet), and whether that is over."""
        run = await run_of(request, self._services)
        found = run.activity(request)
        tries = found.run.tries if found.run is not None else []
        if attempt > len(tries):
            raise Refusal(404, "not_found", f"Activity {found.id} has no attempt {attempt}.")
        position = attempt or len(tries)
        is_over = run.execution.state in EXECUTION_ENDS or (
            found.run is not None and found.run.state in TASK_ENDS
        )
        return found, position, is_over or (position > 0 and tries[position - 1].outcome is not None)

    def _log(self, found: Activity, position: int, stream: Stream) -> log_files.Log:
        number = found.run.tries[position - 1].number if found.run is not None and position else None
        return log_files.Log(None if number is None else self._services.log_file(number, stream))

    async def _raw(self, request: Request, stream: Stream | None, attempt: int) -> Response:
        if stream is None:
            raise invalid_query("'format=raw' needs 'stream', which is stdout or stderr.")
        found, position, _ = await self._found(request, attempt)
        log = self._log(found, position, stream)
        size = log.size
        span = asked_span(request, size)
        headers = span.headers(size) | {
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-type": TEXT,
        }
        if log.file is None:
            return Response(b"", span.status, headers)
        pieces = log_text.read(log.file, span.start, span.end, await self._secrets.redactors())
        return StreamingResponse(pieces, span.status, headers)

    async def _follow(self, request: Request, only: Stream | None, attempt: int) -> AsyncIterator[bytes]:
        """Yield what is written, to both streams or one, until the attempt is over.

        The places in both are the event's id.
        """
        last = _PLACES.fullmatch(request.headers.get("last-event-id", ""))
        places = [int(last[1]), int(last[2])] if last else [0, 0]
        quiet = 0
        while True:
            found, position, is_over = await self._found(request, attempt)
            for index, stream in enumerate(STREAMS):
                if only not in (None, stream):
                    continue
                log = self._log(found, position, stream)
                async for text, following in self._news(log, places[index], is_over=is_over):
                    data = {"offset": places[index], "text": text}
                    places[index], quiet = following, 0
                    yield _sse(stream, data, places)
            if is_over:
                yield _sse("end", {"activityId": found.id, "attempt": position}, places)
                return
            attempt = attempt or position
            await asyncio.sleep(_LOOK)
            quiet += 1
            if quiet % _PULSE == 0:
                yield HEARTBEAT

    async def _news(self, log: log_files.Log, place: int, *, is_over: bool) -> AsyncIterator[tuple[str, int]]:
        redactors = await self._secrets.redactors()
        while True:
            part = await asyncio.to_thread(log_files.part, log, place, _PIECE, 0, redactors, is_over)
            if part["nextOffset"] == place:
                return
            place = part["nextOffset"]
            yield part["text"], place


def _check_followed(request: Request) -> None:
    """Refuse what only parts of a log have; what is followed is taken up again by `Last-Event-ID`."""
    for name in ("offset", "limit", "tail", "format"):
        if name in request.query_params:
            message = (
                f"'{name}' does not go with 'follow=true'; the header Last-Event-ID takes up a log again."
            )
            raise invalid_query(message)


def _stream(request: Request) -> Stream | None:
    match requests.choice(request, "stream", STREAMS):
        case "stdout":
            return "stdout"
        case "stderr":
            return "stderr"
        case _:
            return None


def _sse(event: str, data: dict[str, Any], places: list[int]) -> bytes:
    return sse(msgspec.json.encode(data), event=event, id=f"{places[0]}-{places[1]}")
