"""`headrace logs`: what the tasks of an execution wrote, or are writing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Literal as OneOf

import typer
from msgspec import Struct

from headrace.cli.connecting import connected_async
from headrace.cli.looking import Newest
from headrace.cli.options import Json, Token, Url
from headrace.cli.terminal import Terminal, write_json
from headrace.errors import NotFound

if TYPE_CHECKING:
    from headrace.client import AsyncClient

Stream = OneOf["stdout", "stderr"]
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")

MOST_FOLLOWED = 16
"""Tasks whose logs are followed at the same time."""

Task = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="Name or number of a task run; all without it.")
]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until the task, or all of them, is over.")
]
Attempt = Annotated[int | None, typer.Option("--attempt", min=1, help="Which try; the last one without it.")]


class Log(Struct, frozen=True):
    """What one task run wrote."""

    run: int | str
    task: str
    stdout: str
    stderr: str


def logs(
    id: Newest = None,
    task: Task = None,
    *,
    follow: Follow = False,
    attempt: Attempt = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Show what the tasks wrote; standard error of a task goes to standard error."""
    asyncio.run(_logs(connected_async(url, token), id, task, attempt, follow=follow, json=json))


async def _logs(
    client: AsyncClient, id: str | None, task: str | None, attempt: int | None, *, follow: bool, json: bool
) -> None:
    async with client:
        key = id or await _newest(client)
        if json:
            write_json(await _read_all(client, key, task, attempt, follow=follow), sys.stdout)
        elif task is not None:
            await _one(client, key, task, attempt, follow=follow)
        elif follow:
            await _follow_all(client, key)
        else:
            for log in await _read_all(client, key, None, attempt, follow=False):
                _write_lines(log.task, log.stdout, "stdout")
                _write_lines(log.task, log.stderr, "stderr")


async def _newest(client: AsyncClient) -> str:
    found = await client.executions(limit=1)
    if not found.items:
        raise NotFound("This server has no execution yet.")
    return str(found.items[0].number)


async def _one(client: AsyncClient, key: str, task: str, attempt: int | None, *, follow: bool) -> None:
    """Write the two streams of one task to ours, byte by byte."""

    async def write(stream: Stream) -> None:
        target = getattr(sys, stream)
        if follow:
            async for text in client.follow_logs(key, task, stream=stream, attempt=attempt):
                target.write(text)
                target.flush()
            return
        async for piece in client.logs(key, task, stream=stream, attempt=attempt):
            target.buffer.write(piece)
        target.flush()

    if follow:
        await asyncio.gather(*map(write, STREAMS))
        return
    for stream in STREAMS:
        await write(stream)


async def _follow_all(client: AsyncClient, key: str) -> None:
    """Write each line behind the name of its task, as it comes."""
    following: dict[int, asyncio.Task[None]] = {}
    names: dict[int, str] = {}
    places = asyncio.Semaphore(MOST_FOLLOWED)

    async def one(run: int) -> None:
        async with places:
            await asyncio.gather(*(_follow(client, key, run, names[run], stream) for stream in STREAMS))

    async for event in client.events(key):
        run = event.get("run")
        if event["event"] == "visit_began":
            names[event["run"]] = event["task"]
        elif event["event"] == "task_queued" and run in names and run not in following:
            following[run] = asyncio.ensure_future(one(run))
    await asyncio.gather(*following.values())


async def _follow(client: AsyncClient, key: str, run: int, name: str, stream: Stream) -> None:
    rest = ""
    async for text in client.follow_logs(key, run, stream=stream):
        whole, newline, rest = (rest + text).rpartition("\n")
        _write_lines(name, whole + newline, stream)
    _write_lines(name, rest, stream)


async def _read_all(
    client: AsyncClient, key: str, task: str | None, attempt: int | None, *, follow: bool
) -> list[Log]:
    """Return the logs of one task, or of all that have begun."""
    if follow:
        async for _ in client.events(key):
            pass
    if task is not None:
        runs: list[tuple[int | str, str]] = [(task, task)]
    else:
        listed = await client.task_runs(key)
        runs = [(each.number, each.task) for each in listed.items if each.number is not None]
    return [
        Log(
            run,
            name,
            await _text(client.logs(key, run, stream="stdout", attempt=attempt)),
            await _text(client.logs(key, run, stream="stderr", attempt=attempt)),
        )
        for run, name in runs
    ]


async def _text(pieces: AsyncIterator[bytes]) -> str:
    return b"".join([piece async for piece in pieces]).decode("utf-8", "replace")


def _write_lines(name: str, text: str, stream: Stream) -> None:
    terminal = Terminal()
    console = terminal.out if stream == "stdout" else terminal.err
    for line in text.splitlines():
        console.print(f"[dim]{name} |[/] ", end="")
        console.out(line, highlight=False)
