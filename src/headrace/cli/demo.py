"""`headrace demo`: a server, a client and a real workflow, before the eyes of whoever wonders what it is."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from headrace.cli.options import Config, DataDir, Json
from headrace.cli.serving import Opened, Port, opened
from headrace.cli.statuses import Status
from headrace.cli.terminal import Terminal
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.api.server import Listener
    from headrace.settings import Settings

PAGE = "declaration.html"
WORKFLOW = "page.json"
TOKEN_NAME = "demonstration"  # noqa: S105 - the name of a token, not a token

Once = Annotated[bool, typer.Option("--once", help="End with the run, with its exit status.")]
PageUrl = Annotated[
    str | None, typer.Option("--url", help="A page of yours instead of the one that is shipped.")
]


class NotInstalled(HeadraceError):
    """The demonstration needs an optional library."""

    code = "not_installed"


class Shown(Struct, frozen=True, kw_only=True):
    """What the demonstration came to."""

    url: str
    token: str | None
    workflow_id: str
    execution_id: str
    status: str
    outputs: dict[str, Any]


def demo(
    *,
    once: Once = False,
    url: PageUrl = None,
    port: Port = None,
    data_dir: DataDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Start a server, run a real workflow on it, show it live, and keep serving.

    It downloads a page, extracts its text, measures and shortens it, and writes a report with a shell step.
    """
    import sys

    from headrace import settings
    from headrace.api import server

    terminal = Terminal(json=json)
    found = settings.load({"port": port, "data_dir": data_dir}, config)
    _need_extraction()
    listener = _listener(terminal, found)
    # Standard output belongs to the one document, so the address goes elsewhere.
    place = redirect_stdout(sys.stderr) if json else nullcontext()
    try:
        with place, _page(found, url) as (allowed, page):
            status = server.run(_demonstrate(terminal, allowed, listener, page, once=once))
    finally:
        listener.socket.close()
    raise typer.Exit(status)


def _need_extraction() -> None:
    from headrace.tasks.library import Library

    spec = Library.installed().resolve("web.extract_text")
    if spec is None or not spec.available:
        why = spec.unavailable_because if spec is not None else None
        raise NotInstalled(f"The demonstration extracts the text of a page. {why or ''}".strip())


def _listener(terminal: Terminal, settings: Settings) -> Listener:
    """Bind the port of the settings, or a free one when that is in use."""
    from headrace.api.server import CannotListen, listen

    try:
        return listen(settings)
    except CannotListen as error:
        if not error.is_busy:
            raise
        terminal.note(f"Port {settings.port} is in use by another program, so a free one is taken.")
        return listen(settings, port=0)


@contextmanager
def _page(settings: Settings, url: str | None) -> Iterator[tuple[Settings, str]]:
    """Give the address of the page, and settings by which it, and nothing else here, may be downloaded."""
    from headrace.cli import page_server
    from headrace.cli.bundled import example

    if url is not None:
        yield settings, url
        return
    with page_server.serving(example(PAGE)) as (host, port):
        allow = (*settings.egress_allow, f"{host}:{port}")
        yield settings.model_copy(update={"egress_allow": allow}), f"http://{host}:{port}/{PAGE}"


async def _demonstrate(
    terminal: Terminal, settings: Settings, listener: Listener, page: str, *, once: bool
) -> int:
    from headrace.api import server
    from headrace.cli.running import quiet_server

    with tempfile.TemporaryDirectory(prefix="headrace-") as private:
        made = quiet_server(terminal, settings, Path(private), listener.addresses)
        async with opened(made, settings) as house:
            token = await _token(house, settings)
            stop = asyncio.Event()
            serving = asyncio.ensure_future(
                server.serve(house.application, listener, settings, stop=stop.wait())
            )
            running = asyncio.ensure_future(_run(terminal, listener.url, token, page))
            await asyncio.wait({serving, running}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                running.cancel()
                await serving
                return Status.INTERRUPTED
            if once or running.exception() is not None:
                stop.set()
                await serving
                shown = running.result()
                _tell_result(terminal, shown)
            else:
                shown = running.result()
                _tell_result(terminal, shown)
                _tell_more(terminal, shown, is_admin=house.admin_token is not None)
                await serving
            await _forget_token(house)
            return Status.DONE if shown.status == "COMPLETED" else Status.FAILED


async def _token(house: Opened, settings: Settings) -> str | None:
    """Return the administrator's token where this start made it, else one for as long as this lasts."""
    from headrace.security.tokens import issue

    if house.admin_token is not None or settings.auth == "off":
        return house.admin_token
    await _forget_token(house)
    services = house.server.services
    token, record = issue(
        number=services.store.numbers.take(),
        name=TOKEN_NAME,
        scopes=["run", "write"],
        now=services.clock.now(),
    )
    await services.tokens.add(record)
    return token


async def _forget_token(house: Opened) -> None:
    tokens = house.application.services.tokens
    for record in await tokens.list():
        if record.name == TOKEN_NAME and not record.revoked:
            await tokens.revoke(record.number)


async def _run(terminal: Terminal, url: str, token: str | None, page: str) -> Shown:
    """Do what a client of the Data Flow Platform does, and draw what the server tells of it."""
    import httpx2
    import msgspec

    from headrace.cli.board import Board
    from headrace.cli.bundled import example
    from headrace.cli.watching import live
    from headrace.client import AsyncClient

    document = example(WORKFLOW)
    described = msgspec.json.decode(document)
    board = Board(described["title"], [(task["name"], task["type"]) for task in described["tasks"]])
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    options: dict[str, Any] = {"base_url": url, "headers": headers, "trust_env": False, "timeout": 30.0}
    async with httpx2.AsyncClient(**options) as http, AsyncClient(url, token) as client:
        await _until_ready(client)
        created = await _post(http, "/workflows", document)
        path = f"/workflows/{created['workflow_id']}/executions"
        started = await _post(http, path, msgspec.json.encode({"inputs": {"url": page}}))
        execution = started["workflow_execution_id"]
        with live(terminal, board):
            async for event in client.events(execution):
                board.take(event)
        found = (await http.get(f"{path}/{execution}")).raise_for_status().json()
    return Shown(
        url=url,
        token=token,
        workflow_id=created["workflow_id"],
        execution_id=execution,
        status=found["status"],
        outputs=found.get("outputs") or {},
    )


async def _until_ready(client: Any) -> None:
    from headrace.client import Unreachable

    async with asyncio.timeout(30):
        while True:
            try:
                await client.health()
            except Unreachable:
                await asyncio.sleep(0.02)
            else:
                return


async def _post(http: Any, path: str, body: bytes) -> Any:
    from headrace.cli.statuses import UsageError

    answer = await http.post(path, content=body, headers={"content-type": "application/json"})
    if not answer.is_success:
        told = answer.json()
        problems = " ".join(each["message"] for each in told.get("errors", ()))
        raise UsageError(f"{told.get('message', 'The server refuses.')} {problems}".strip())
    return answer.json()


def _tell_result(terminal: Terminal, shown: Shown) -> None:
    from rich.panel import Panel
    from rich.text import Text

    report = shown.outputs.get("report")
    if terminal.is_json:
        terminal.answer(shown, Text)
    elif isinstance(report, str):
        terminal.out.print(
            Panel(Text(report.rstrip()), title="report.txt", title_align="left", expand=False),
            soft_wrap=False,
        )


def _tell_more(terminal: Terminal, shown: Shown, *, is_admin: bool) -> None:
    """Say where the API is and how to go on."""
    from rich.text import Text

    if terminal.is_json:
        return
    path = f"{shown.url}/workflows/{shown.workflow_id}/executions/{shown.execution_id}"
    user = f"-u any:{shown.token} " if shown.token is not None else ""
    lines = [("The API is at  ", ""), (f"{shown.url}\n", "bold")]
    if shown.token is not None:
        kind = "the administrator's token, shown this once" if is_admin else "until this server stops"
        lines += [("The token is   ", ""), (shown.token, "bold"), (f"  ({kind})\n", "dim")]
    lines += [("\nThe same run, asked for by HTTP:\n\n", ""), (f"  curl -s {user}{path}\n", "cyan")]
    lines += [("\nServing until Ctrl-C.", "dim")]
    terminal.err.print(Text.assemble("\n", *lines))
