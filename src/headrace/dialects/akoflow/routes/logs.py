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
from headrace.orchestrator.services import Services

_LARGEST = 2**53
_PIECE, _MOST = 64 * 1024, 4 * 1024 * 1024
_LOOK = 0.25
"""Seconds between two looks at files that are followed: files tell nobody that they grow."""
_PULSE = 60
"""Looks without news after which a comment is sent, so that proxies keep the stream open."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_PLACES = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


class LogRoutes:
    """Standard output and standard error of activities."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [Operation("GET", f"{PATH}/{{id}}/activities/{{aid}}/logs", "read", self.get_logs)]

    async def get_logs(self, request: Request) -> Response:
        """Return what an activity wrote, or follow it as server-sent events."""
        stream = _stream(request)
        attempt = requests.whole_number(request, "attempt", 0, 1, 1000)
        if request.query_params.get("follow") == "true":
            await self._found(request, attempt)
            headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
            pieces = self._follow(request, attempt)
            return StreamingResponse(pieces, headers=headers, media_type="text/event-stream")
        if requests.choice(request, "format", ("raw", "json")) == "raw":
            return await self._raw(request, stream, attempt)
        offset = requests.whole_number(request, "offset", 0, 0, _LARGEST)
        limit = requests.whole_number(request, "limit", _PIECE, 1, _MOST)
        tail = requests.whole_number(request, "tail", 0, 1, 1_000_000)
        found, position, is_over = await self._found(request, attempt)
        answer: dict[str, Any] = {"activityId": found.id, "attempt": position}
        chosen = STREAMS if stream is None else (stream,)
        for each in chosen:
            log = self._log(found, position, each)
            answer[each] = await asyncio.to_thread(
                log_files.part, log, offset, limit, tail, self._services.secrets_in_use.redactor, is_over
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
        start, end, status = _span(request, size)
        headers = {
            "accept-ranges": "bytes",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-length": str(end - start),
            "content-type": "text/plain; charset=utf-8",
        }
        if status == 206:
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        pieces = log_files.pieces(log, start, end, self._services.secrets_in_use.redactor)
        return StreamingResponse(pieces, status, headers)

    async def _follow(self, request: Request, attempt: int) -> AsyncIterator[bytes]:
        """Yield what is written to both streams until the attempt is over; the places are the event's id."""
        last = _PLACES.fullmatch(request.headers.get("last-event-id", ""))
        places = [int(last[1]), int(last[2])] if last else [0, 0]
        quiet = 0
        while True:
            found, position, is_over = await self._found(request, attempt)
            for index, stream in enumerate(STREAMS):
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
                yield b": \n\n"

    async def _news(self, log: log_files.Log, place: int, *, is_over: bool) -> AsyncIterator[tuple[str, int]]:
        redactor = self._services.secrets_in_use.redactor
        while True:
            part = await asyncio.to_thread(log_files.part, log, place, _PIECE, 0, redactor, is_over)
            if part["nextOffset"] == place:
                return
            place = part["nextOffset"]
            yield part["text"], place


def _stream(request: Request) -> Stream | None:
    match requests.choice(request, "stream", STREAMS):
        case "stdout":
            return "stdout"
        case "stderr":
            return "stderr"
        case _:
            return None


def _sse(event: str, data: dict[str, Any], places: list[int]) -> bytes:
    content = msgspec.json.encode(data)
    return b"id: %d-%d\nevent: %s\ndata: %s\n\n" % (places[0], places[1], event.encode(), content)


def _span(request: Request, size: int) -> tuple[int, int, int]:
    """Return first byte, end and status; several ranges at once are answered with everything."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    first, last = found.groups() if found else ("", "")
    if (not first and not last) or (first and last and int(last) < int(first)):
        return 0, size, 200
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        message = f"The range lies outside of the log, which has {size} bytes."
        raise Refusal(416, "range_not_satisfiable", message, headers={"content-range": f"bytes */{size}"})
    return start, min(int(last) + 1, size) if first and last else size, 206
