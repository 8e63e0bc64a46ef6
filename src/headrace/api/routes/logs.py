"""What a task wrote, as bytes in ranges, or followed while it is being written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal as OneOf

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from headrace.api.operations import Operation
from headrace.api.requests import key_of
from headrace.engine.execution import TaskRun
from headrace.engine.states import TASK_ENDS
from headrace.errors import NotFound
from headrace.http import log_text
from headrace.http.downloads import TEXT, protective
from headrace.http.ranges import asked_span
from headrace.http.streaming import HEARTBEAT, PULSE, event_stream, sse
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow

LOOK = 0.25
"""Seconds between two looks at a file that is followed: files tell nobody that they grow."""

Stream = OneOf["stdout", "stderr"]
Attempt = Annotated[
    int | None, Query(ge=1, le=100_000, description="1 is the first try; the last one when absent.")
]


class LogRoutes:
    """Standard output and standard error of attempts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secrets = log_text.LogSecrets(services.vault, services.secrets_in_use)

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        return [
            Operation(
                method="GET",
                path="/v1/executions/{key}/tasks/{run:path}/logs",
                endpoint=self.logs,
                scope="read",
                media_type="text/plain",
                stream=True,
                headers=("Range", "Last-Event-ID"),
            )
        ]

    async def logs(
        self,
        key: str,
        run: str,
        request: Request,
        stream: Stream = "stdout",
        attempt: Attempt = None,
        follow: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    ) -> Response:
        """Read what an attempt wrote, or follow it as server-sent events."""
        row = await self._services.executions.get(key_of(key, "execution"))
        found = await self._run(row, run)
        number = attempt_number(found, attempt)
        if follow:
            return event_stream(request, self._follow(row, found.number, number, stream, _last(request)))
        file = self._services.log_file(number, stream) if number is not None else None
        size = log_text.size_of(file)
        span = asked_span(request, size)
        headers = protective(f"{found.task}.{stream}.txt") | span.headers(size)
        headers |= {"content-type": TEXT, "cache-control": "no-store"}
        if file is None or size == 0:
            return Response(b"", span.status, headers)
        pieces = log_text.read(file, span.start, span.end, await self._secrets.redactors())
        return StreamingResponse(pieces, span.status, headers)

    async def _run(self, row: ExecutionRow, run: str) -> TaskRun:
        execution = await self._services.executions.view(row)
        return self._services.executions.task_run(execution, run)

    async def _follow(
        self, row: ExecutionRow, run: int, attempt: int | None, stream: Stream, at: int
    ) -> AsyncIterator[bytes]:
        """Yield what is written after place `at`, until the attempt is over; the place is the event's id."""
        idle = 0.0
        while True:
            found = await self._run(row, str(run))
            attempt = attempt or attempt_number(found, None)
            is_over = found.state in TASK_ENDS or any(
                each.number == attempt and each.outcome is not None for each in found.tries
            )
            file = self._services.log_file(attempt, stream) if attempt is not None else None
            async for piece in self._news(file, at, is_over=is_over):
                at += len(piece)
                idle = 0.0
                yield sse(msgspec.json.encode(piece.decode("utf-8", "replace")), event="log", id=at)
            if is_over:
                yield sse(b"{}", event="end", id=at)
                return
            await asyncio.sleep(LOOK)
            idle += LOOK
            if idle >= PULSE:
                idle = 0.0
                yield HEARTBEAT

    async def _news(self, file: Path | None, at: int, *, is_over: bool) -> AsyncIterator[bytes]:
        size = log_text.size_of(file)
        if file is None or size <= at:
            return
        redactors = await self._secrets.redactors()
        end = size if is_over else log_text.settled(file, size, redactors)
        if not is_over:
            end = max(at, at + whole_lines(file, at, end))
        async for piece in log_text.read(file, at, end, redactors):
            yield piece


def whole_lines(file: Path, start: int, end: int) -> int:
    """Return how many bytes from `start` end with a line; a very long line is shown as it grows."""
    with file.open("rb") as log:
        log.seek(start)
        content = log.read(min(end - start, log_text.PIECE))
    found = content.rfind(b"\n") + 1
    return found or (len(content) if len(content) == log_text.PIECE else 0)


def attempt_number(run: TaskRun, position: int | None) -> int | None:
    """Return the number of a try; None while there is none; raises `NotFound`."""
    if position is None:
        return run.tries[-1].number if run.tries else None
    if position > len(run.tries):
        raise NotFound(f"Task run {run.number} has {len(run.tries)} tries, and no try {position}.")
    return run.tries[position - 1].number


def _last(request: Request) -> int:
    last = request.headers.get("last-event-id", "")
    return int(last) if last.isdecimal() and len(last) < 16 else 0
