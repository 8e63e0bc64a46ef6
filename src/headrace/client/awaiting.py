"""The client for programs with an event loop: the same calls, awaited."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Concatenate, Literal as OneOf, ParamSpec, Self, TypeVar

import httpx2
import msgspec

from headrace.client import calls, delivery_calls, file_calls, wire
from headrace.client.calls import Call, Key
from headrace.client.errors import Unreachable, error_of
from headrace.client.wire import Event

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def _sent(
    call: Callable[Given, Call[Answer]],
) -> Callable[Concatenate[AsyncClient, Given], Awaitable[Answer]]:
    """Return the method that sends a call and returns its answer."""

    @functools.wraps(call)
    async def method(client: AsyncClient, /, *given: Given.args, **named: Given.kwargs) -> Answer:
        return await client.send(call(*given, **named))

    return method


class AsyncClient:
    """A Headrace server, asked call by call; every call raises `Unreachable` or an `AnswerError`.

    What JSON cannot say raises `InvalidInput` before anything is sent.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        token: str | None = None,
        *,
        timeout: float = 30.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout` is in seconds, for connecting and for each wait for bytes."""
        self.url = url.rstrip("/")
        self._timeout = timeout
        try:
            self._http = httpx2.AsyncClient(**wire.options(self.url, token, timeout), transport=transport)
        except (httpx2.InvalidURL, ValueError) as error:
            raise wire.unreachable(self.url, error) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a call and return its answer."""
        with self._told():
            response = await self._http.request(**wire.arguments(call, self._timeout))
        return wire.value_of(call, response)

    health = _sent(calls.health)
    create_workflow = _sent(calls.create_workflow)
    update_workflow = _sent(calls.update_workflow)
    validate = _sent(calls.validate)
    workflow = _sent(calls.workflow)
    workflows = _sent(calls.workflows)
    delete_workflow = _sent(calls.delete_workflow)
    plan = _sent(calls.plan)
    versions = _sent(calls.versions)
    version = _sent(calls.version)
    differences = _sent(calls.differences)
    start = _sent(calls.start)
    execution = _sent(calls.execution)
    executions = _sent(calls.executions)
    explain = _sent(calls.explain)
    cancel = _sent(calls.cancel)
    pause = _sent(calls.pause)
    resume = _sent(calls.resume)
    signal = _sent(calls.signal)
    rerun = _sent(calls.rerun)
    plan_rerun = _sent(calls.plan_rerun)
    task_runs = _sent(calls.task_runs)
    task_run = _sent(calls.task_run)
    task_metrics = _sent(calls.task_metrics)
    respond = _sent(calls.respond)
    withdraw = _sent(calls.withdraw)
    cancel_task = _sent(calls.cancel_task)
    files = _sent(file_calls.files)
    tokens = _sent(calls.tokens)
    create_token = _sent(calls.create_token)
    revoke_token = _sent(calls.revoke_token)
    deliveries = _sent(delivery_calls.deliveries)
    redeliver = _sent(delivery_calls.redeliver)
    secrets = _sent(calls.secrets)
    put_secret = _sent(calls.put_secret)
    delete_secret = _sent(calls.delete_secret)
    task_types = _sent(calls.task_types)
    task_type = _sent(calls.task_type)
    try_task = _sent(calls.try_task)
    upload = _sent(calls.upload)

    async def events(self, key: Key, *, after: int = 0) -> AsyncIterator[Event]:
        """Yield the events of an execution as they happen, until it is over.

        A broken stream is taken up where it broke; `Unreachable` is raised when that fails for half a minute.
        """
        tries = 0
        while True:
            before = after
            try:
                async for sent in self._stream(calls.events_path(key), {}, str(after)):
                    event = wire.event_of(sent)
                    after, tries = event["seq"], 0
                    yield event
                    if event["event"] == wire.LAST_EVENT:
                        return
                if after == before and (await self.execution(key)).ended_at is not None:
                    return
            except Unreachable:
                if not after or tries == len(wire.RECONNECTS):
                    raise
            await asyncio.sleep(wire.RECONNECTS[min(tries, len(wire.RECONNECTS) - 1)])
            tries += 1

    def logs(
        self,
        key: Key,
        run: Key,
        *,
        stream: OneOf["stdout", "stderr"] = "stdout",
        attempt: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield what an attempt has written so far, the last one when none is named."""
        params = {"stream": stream} | ({} if attempt is None else {"attempt": attempt})
        return self._download(f"{calls.task_path(key, run)}/logs", params)

    async def follow_logs(
        self,
        key: Key,
        run: Key,
        *,
        stream: OneOf["stdout", "stderr"] = "stdout",
        attempt: int | None = None,
    ) -> AsyncIterator[str]:
        """Yield what an attempt writes, until it is over; a broken stream is taken up as in `events`."""
        params = {"stream": stream, "follow": True} | ({} if attempt is None else {"attempt": attempt})
        after, tries = "", 0
        while True:
            try:
                async for sent in self._stream(f"{calls.task_path(key, run)}/logs", params, after):
                    after, tries = sent.id or after, 0
                    if sent.event == wire.LOG_ENDS:
                        return
                    if sent.event == "log":
                        yield msgspec.json.decode(sent.data, type=str)
            except Unreachable:
                if not after or tries == len(wire.RECONNECTS):
                    raise
            await asyncio.sleep(wire.RECONNECTS[min(tries, len(wire.RECONNECTS) - 1)])
            tries += 1

    def output(self, key: Key, name: str, *, run: Key | None = None) -> AsyncIterator[bytes]:
        """Yield the content of an output of an execution, or of one of its task runs."""
        return self._download(calls.output_path(key, name, run), {})

    def file(self, key: Key, number: int) -> AsyncIterator[bytes]:
        """Yield the content of a file as a task left it; `number` is that of the list."""
        return self._download(file_calls.file_path(key, number), {})

    def files_archive(
        self,
        key: Key,
        *,
        format: OneOf["zip", "tar.gz"] = "zip",
        task: str | None = None,
        path: str | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield an archive with the last version of each file that tasks of an execution left."""
        call = file_calls.files_archive(key, format=format, task=task, path=path)
        return self._download(call.path, call.params)

    def artifact(self, sha256: str) -> AsyncIterator[bytes]:
        """Yield a content by its hash."""
        return self._download(f"/v1/artifacts/{sha256}", {})

    async def _download(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[bytes]:
        with self._told():
            async with self._http.stream("GET", path, params=dict(params)) as response:
                if not response.is_success:
                    raise error_of(response.status_code, await response.aread(), str(response.url))
                async for piece in response.aiter_bytes():
                    yield piece

    async def _stream(
        self, path: str, params: Mapping[str, Any], last: str
    ) -> AsyncIterator[httpx2.ServerSentEvent]:
        with self._told():
            async with self._http.sse(path, **wire.resuming(params, last)) as source:
                if not source.response.is_success:
                    raise error_of(source.response.status_code, await source.response.aread(), self.url)
                async for sent in source:
                    yield sent

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise wire.unreachable(self.url, error) from None
