"""Routes of logs: what the tries of a task wrote, line by line, or followed while it is written.

The files hold plain lines without times, so a line is told with the time at which its try began.
How far they were told, and how that is written, is in `log_pages.py`; where that is in a file, in
`log_lines.py`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.log_lines import Marks, Tail
from headrace.dialects.dataflow.routes.log_pages import LARGEST_COUNT, STREAMS, Places, Source, page_of
from headrace.dialects.dataflow.routes.lookup import run_of
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.dialects.dataflow.routes.refusals import invalid_query
from headrace.dialects.dataflow.spelling import moment, ours
from headrace.dialects.dataflow.wire import Style
from headrace.engine.execution import TaskRun
from headrace.engine.states import EXECUTION_ENDS, TASK_ENDS
from headrace.http.log_text import LogSecrets
from headrace.http.streaming import event_stream, sse
from headrace.orchestrator.services import Services
from headrace.security import shortening
from headrace.security.redaction import Redactor

_LOOK = 0.25
"""Seconds between two looks at files that are followed: files tell nobody that they grow."""


class LogRoutes:
    """Logs of tasks."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secrets = LogSecrets(services.vault, services.secrets_in_use)
        self._marks = Marks()

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        path = "/workflows/{id}/executions/{eid}/tasks/{task}/logs"
        return [Operation("GET", path, "read", self.get_logs)]

    async def get_logs(self, request: Request) -> Response:
        """Return what a task wrote, or follow it as server-sent events."""
        attempt = requests.whole_number(request, "attempt", 0, 1, 1000)
        begin = _begin(request)
        limit = requests.whole_number(request, "limit", 1000, 1, 10_000)
        if requests.is_true(request, "follow"):
            await self._found(request)
            if last := requests.last_event(request):
                if (places := Places.of(last)) is None:
                    raise requests.unknown_event()
                begin = places
            return event_stream(request, self._follow(request, attempt, begin))
        style, sources, is_over = await self._sources(request, attempt)
        page = await asyncio.to_thread(page_of, sources, begin, limit, self._marks)
        answer = {
            "task": request.path_params["task"],
            "lines": await self._told(page.lines),
            "next_offset": page.next_offset,
            "complete": is_over and len(page.lines) < limit,
        }
        return json_answer(ours(style, answer), self._services)

    async def _follow(self, request: Request, attempt: int, begin: Places) -> AsyncIterator[bytes]:
        """Yield the lines behind these places; ids are places."""
        read, left = dict(begin.read), begin.skipped
        tails: defaultdict[tuple[int, str], Tail] = defaultdict(Tail)
        while True:
            _, sources, is_over = await self._sources(request, attempt)
            for source in sources:
                place = (source.attempt, source.stream)
                tail = tails[place]
                while tail.has_more(source.file, is_over=source.is_over):
                    piece = await asyncio.to_thread(tail.read, source.file, is_over=source.is_over)
                    fresh: list[tuple[str, str]] = []
                    for line, number in piece:
                        if number > read.get(place, 0):
                            read[place] = number
                            left -= 1
                            if left < 0:
                                fresh.append((line, Places(read).text))
                    shown = await self._told([(source, line) for line, _ in fresh])
                    if fresh:
                        yield b"".join(
                            sse(msgspec.json.encode(line), event="log", id=id)
                            for line, (_, id) in zip(shown, fresh, strict=True)
                        )
            if is_over:
                return
            await asyncio.sleep(_LOOK)

    async def _found(self, request: Request) -> tuple[Style, TaskRun | None, bool]:
        run = await run_of(request, self._services)
        _, task_run = run.task(request.path_params["task"])
        is_over = run.execution.state in EXECUTION_ENDS or (
            task_run is not None and task_run.state in TASK_ENDS
        )
        return run.style, task_run, is_over

    async def _sources(self, request: Request, attempt: int) -> tuple[Style, list[Source], bool]:
        style, task_run, is_over = await self._found(request)
        sources: list[Source] = []
        for index, each in enumerate(task_run.tries if task_run else (), 1):
            for stream in STREAMS if attempt in {0, index} else ():
                file = self._services.log_file(each.number, stream)
                if file is not None:
                    began = moment(each.started_at or each.queued_at)
                    sources.append(Source(index, stream, file, began, each.outcome is not None))
        return style, sources, is_over

    async def _told(self, lines: Sequence[tuple[Source, str]]) -> list[dict[str, Any]]:
        redactors = await self._secrets.redactors()
        return [
            {
                "timestamp": source.timestamp,
                "attempt": source.attempt,
                "stream": source.stream,
                "message": _masked(line, redactors),
            }
            for source, line in lines
        ]


def _begin(request: Request) -> Places:
    text = request.query_params.get("offset", "0")
    places = Places.of(text)
    if places is None:
        raise invalid_query(f"'offset' is a whole number from 0 to {LARGEST_COUNT}, or a 'next_offset'.")
    return places


def _masked(line: str, redactors: Sequence[Redactor]) -> str:
    for redactor in redactors:
        line = shortening.masked(line, redactor)
    return line
