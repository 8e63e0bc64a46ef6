"""Routes of logs: what the tries of a task wrote, line by line, or followed while it is written.

The files hold plain lines without times, so a line is told with the time at which its try began.
A list counts lines, so it may grow at its end only: the standard error of a try joins it when that is over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal as OneOf, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.lookup import run_of
from headrace.dialects.dataflow.routes.operations import Operation, json_answer
from headrace.dialects.dataflow.spelling import moment, ours
from headrace.dialects.dataflow.wire import Style
from headrace.engine.execution import TaskRun
from headrace.engine.states import EXECUTION_ENDS, TASK_ENDS
from headrace.http.log_text import LogSecrets
from headrace.http.streaming import event_stream, sse
from headrace.orchestrator.services import Services
from headrace.security.redaction import Redactor

_STREAMS: tuple[OneOf["stdout", "stderr"], ...] = ("stdout", "stderr")
_PLACES = re.compile(r"\d{1,4}\.\d{1,12}\.\d{1,12}(?:-\d{1,4}\.\d{1,12}\.\d{1,12}){0,999}", re.ASCII)
_LARGEST = 2**31 - 1
_LONGEST_LINE = 64 * 1024
_PIECE = 1000
"""Lines that are read at once."""
_LOOK = 0.25
"""Seconds between two looks at files that are followed: files tell nobody that they grow."""


class _Source(NamedTuple):
    """One stream of one try."""

    attempt: int
    """From 1."""
    stream: str
    file: Path
    timestamp: str | None
    is_over: bool
    """Nothing more will be written."""


class _Places(NamedTuple):
    """How far the streams of the tries were told, which is the id of a line.

    A running number would not do: who comes back reads both streams of a try in another order.
    """

    read: dict[tuple[int, str], int]
    """Try, from 1, and stream to the lines that were told."""

    @classmethod
    def of(cls, text: str) -> _Places:
        """Return the places that an id says; none for what is no id of ours."""
        found = _Places({})
        for part in text.split("-") if _PLACES.fullmatch(text) else ():
            attempt, *counts = map(int, part.split("."))
            found.read.update(
                {(attempt, stream): count for stream, count in zip(_STREAMS, counts, strict=True)}
            )
        return found

    @property
    def text(self) -> str:
        """The id: try, lines of standard output and of standard error, as in `1.12.0-2.3.1`."""
        return "-".join(
            ".".join(map(str, (attempt, *(self.read.get((attempt, stream), 0) for stream in _STREAMS))))
            for attempt in sorted({attempt for attempt, _ in self.read})
        )


class LogRoutes:
    """Logs of tasks."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secrets = LogSecrets(services.vault, services.secrets_in_use)

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        path = "/workflows/{id}/executions/{eid}/tasks/{task}/logs"
        return [Operation("GET", path, "read", self.get_logs)]

    async def get_logs(self, request: Request) -> Response:
        """Return what a task wrote, or follow it as server-sent events."""
        attempt = requests.whole_number(request, "attempt", 0, 1, 1000)
        offset = requests.whole_number(request, "offset", 0, 0, _LARGEST)
        limit = requests.whole_number(request, "limit", 1000, 1, 10_000)
        if request.query_params.get("follow") == "true":
            await self._found(request)
            last = request.headers.get("last-event-id", "")
            if last.isascii() and last.isdecimal() and len(last) < 10:
                offset = int(last)
            places = _Places.of(last)
            return event_stream(request, self._follow(request, attempt, 0 if places.read else offset, places))
        style, sources, is_over = await self._sources(request, attempt)
        steady = [source for source in sources if source.is_over or source.stream == "stdout"]
        lines = await self._lines(steady, offset, limit)
        answer = {
            "task": request.path_params["task"],
            "lines": lines,
            "next_offset": offset + len(lines),
            "complete": is_over and len(lines) < limit,
        }
        return json_answer(ours(style, answer), self._services)

    async def _follow(
        self, request: Request, attempt: int, offset: int, places: _Places
    ) -> AsyncIterator[bytes]:
        """Yield the lines behind these places, the first `offset` of them left out; ids are places."""
        read, told = places.read, 0
        while True:
            _, sources, is_over = await self._sources(request, attempt)
            for source in sources:
                place = (source.attempt, source.stream)
                while lines := await self._lines([source], read.get(place, 0), _PIECE):
                    for line in lines:
                        read[place] = read.get(place, 0) + 1
                        told += 1
                        if told > offset:
                            yield sse(msgspec.json.encode(line), event="log", id=places.text)
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

    async def _sources(self, request: Request, attempt: int) -> tuple[Style, list[_Source], bool]:
        style, task_run, is_over = await self._found(request)
        sources: list[_Source] = []
        for index, each in enumerate(task_run.tries if task_run else (), 1):
            for stream in _STREAMS if attempt in {0, index} else ():
                file = self._services.log_file(each.number, stream)
                if file is not None:
                    began = moment(each.started_at or each.queued_at)
                    sources.append(_Source(index, stream, file, began, each.outcome is not None))
        return style, sources, is_over

    async def _lines(self, sources: list[_Source], offset: int, limit: int) -> list[dict[str, Any]]:
        redactors = await self._secrets.redactors()
        read = await asyncio.to_thread(_read, sources, offset, limit)
        return [
            {
                "timestamp": source.timestamp,
                "attempt": source.attempt,
                "stream": source.stream,
                "message": _masked(line, redactors),
            }
            for source, line in read
        ]


def _masked(line: str, redactors: Sequence[Redactor]) -> str:
    for redactor in redactors:
        line = redactor.text(line)
    return line


def _read(sources: list[_Source], offset: int, limit: int) -> list[tuple[_Source, str]]:
    found: list[tuple[_Source, str]] = []
    passed = 0
    for source in sources:
        for line in _lines_of(source):
            passed += 1
            if passed > offset:
                found.append((source, line))
            if len(found) == limit:
                return found
    return found


def _lines_of(source: _Source) -> Iterator[str]:
    try:
        log = source.file.open("rb")
    except FileNotFoundError:
        return
    with log:
        while line := log.readline(_LONGEST_LINE):
            if not source.is_over and not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                return  # the rest of the line is still to come
            yield line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
