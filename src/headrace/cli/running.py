"""`headrace run`: a document here and now, by the same engine as a server's, without one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from msgspec import Struct

from headrace.cli import documents, inputs
from headrace.cli.options import Config, DataDir, Dialect, Input, Json, Set
from headrace.cli.serving import named_settings
from headrace.cli.statuses import Status, status_of_run
from headrace.cli.terminal import Terminal
from headrace.cli.validating import File
from headrace.errors import InvalidDefinition, StoreError

if TYPE_CHECKING:
    from headrace.api.answers import ExecutionShown
    from headrace.app import Server
    from headrace.dialects.protocol import Dialect as DialectOf, Parsed
    from headrace.settings import Settings
    from headrace.store.rows import ExecutionRow

MOMENTS = 10.0
"""Seconds that an interrupted run has to end by itself."""


def run(
    file: File,
    *,
    input: Input = None,
    dialect: Dialect = None,
    data_dir: DataDir = None,
    config: Config = None,
    set: Set = None,
    json: Json = False,
) -> None:
    """Run a document here and now, without a server.

    What happens is kept in the data directory, where a server finds it later.
    """
    from headrace import settings
    from headrace.api.definitions import accepted
    from headrace.cli import excerpts

    terminal = Terminal(json=json)
    found = settings.load({"data_dir": data_dir, **named_settings(set)}, config)
    source = documents.read(file)
    given = inputs.pairs(input)
    try:
        chosen, parsed = documents.parse(source, dialect, found)
        accepted(parsed)  # before anything is opened, so that a document with problems leaves nothing
        shown = asyncio.run(_run(terminal, found, Asked(chosen, parsed, source.content, given)))
    except InvalidDefinition as error:
        if json:
            raise
        excerpts.tell(terminal, source, error.problems, error.warnings)
        raise typer.Exit(Status.FAILED) from None
    terminal.answer(shown, lambda: _result(shown))
    raise typer.Exit(status_of_run(shown.state))


def _result(shown: ExecutionShown) -> Any:
    from headrace.cli.watching import outputs_shown

    return outputs_shown(shown.outputs)


class Asked(Struct, frozen=True):
    """What is to be run."""

    dialect: DialectOf
    parsed: Parsed
    """What became of it, as far as can be told without a store."""
    content: bytes
    given: dict[str, str]
    """Inputs as they were typed."""


async def _run(terminal: Terminal, settings: Settings, asked: Asked) -> ExecutionShown:
    """Run a document to its end; an interruption cancels it."""
    async with _engine(terminal, settings) as server:
        # Kept from the interruption: what it may have started can be cancelled only when it is known.
        starting = asyncio.create_task(_start(terminal, server, asked))
        try:
            row = await asyncio.shield(starting)
            await _follow(terminal, server, row)
        except asyncio.CancelledError:
            await asyncio.shield(_cancel(server, await starting))
            terminal.note("Interrupted; the run is cancelled.")
            raise
        return await _shown(server, row)


@asynccontextmanager
async def _engine(terminal: Terminal, settings: Settings) -> AsyncIterator[Server]:
    """Open the engine on the data directory, or on one of its own when a server works there."""
    with tempfile.TemporaryDirectory(prefix="headrace-") as private:
        server = quiet_server(terminal, settings, Path(private))
        try:
            await server.open()
            yield server
        finally:
            await server.close()


def quiet_server(
    terminal: Terminal, settings: Settings, private: Path, own_addresses: tuple[tuple[str, int], ...] = ()
) -> Server:
    """Return a server that logs warnings only; on the directory `private` when another one has the data."""
    import logging

    from headrace.api import server_log
    from headrace.app import Server

    try:
        server = Server(settings, own_addresses=own_addresses)
    except StoreError as error:
        if not isinstance(error.__cause__, BlockingIOError):  # nobody else has it: it is broken
            raise
        terminal.note(f"{error.message} Until then what happens here is kept nowhere.")
        elsewhere = settings.model_copy(update={"data_dir": private})
        server = Server(elsewhere, own_addresses=own_addresses)
    server_log.configure(server.services.secrets_in_use, logging.WARNING)
    return server


async def _start(terminal: Terminal, server: Server, asked: Asked) -> ExecutionRow:
    from headrace.api.bodies import StartBody
    from headrace.api.definitions import accepted, media_type_of
    from headrace.api.starting import ready
    from headrace.dialects.protocol import Judging
    from headrace.orchestrator.executions import StartRequest

    services = server.services
    parsed = asked.parsed
    if isinstance(asked.dialect, Judging):
        parsed = await asked.dialect.parse_here(asked.content, services)
    definition = accepted(parsed)
    for warning in parsed.warnings:
        terminal.note(f"Warning: {warning.message}")
    values = inputs.typed(asked.given, inputs.types_of(definition.inputs))
    for name, value in values.items():
        if isinstance(value, Path):
            values[name] = await _kept_file(server, value)
    # Nobody asked for a workflow that never ran.
    async with services.workflows.to_start(
        definition,
        asked.content,
        media_type_of(asked.content),
        names=services.workflows.name(asked.dialect.workflow_prefix),
    ) as row:
        names = await services.executions.names_for(definition, asked.dialect.execution_prefix)
        made = await ready(asked.dialect, row, definition, StartBody(inputs=values), names.number, services)
        return await services.executions.start(
            StartRequest(
                workflow=row.number,
                version=row.version,
                inputs=made.inputs,
                names=names,
                labels=made.labels,
            )
        )


async def _kept_file(server: Server, path: Path) -> str:
    """Keep a file as an upload would, and return its id."""
    from headrace.artifacts.sniffing import HEAD, sniff
    from headrace.ids import alias
    from headrace.store.rows import FileRow

    services = server.services
    stored = await services.artifacts.put_file(path)
    with path.open("rb") as file:
        content_type = sniff(file.read(HEAD), path.name)
    row = FileRow(
        number=services.store.numbers.take(),
        id=alias("file"),
        name=path.name,
        content_type=content_type,
        size=stored.size,
        sha256=stored.sha256,
        created_at=services.clock.now(),
    )
    await services.store.files.add(row)
    return row.id


async def _follow(terminal: Terminal, server: Server, row: ExecutionRow) -> None:
    """Draw what happens, until the execution is over."""
    from headrace.api.event_views import event_shown
    from headrace.cli.board import Board
    from headrace.cli.watching import live

    executions = server.services.executions
    definition = (await executions.view(row)).definition
    board = Board(definition.name, [(task.name, task.kind) for task in definition.tasks])
    mask = server.services.secrets_in_use
    with live(terminal, board):
        async for batch in executions.follow(row):
            for numbered in batch:
                board.take(mask.redactor.json(event_shown(numbered)))


async def _cancel(server: Server, row: ExecutionRow) -> None:
    from headrace.errors import TransitionRefused

    executions = server.services.executions
    try:
        await executions.cancel(row, "Interrupted at the terminal.", "cancel_running")
    except TransitionRefused:
        return
    await executions.wait(row, MOMENTS)


async def _shown(server: Server, row: ExecutionRow) -> ExecutionShown:
    from headrace.api.values import ShownValues
    from headrace.api.views import execution_shown

    services = server.services
    values = ShownValues(services.artifacts, services.values, services.secrets_in_use)
    row = await services.executions.get(row.number)
    return await execution_shown(row, await services.executions.view(row), values)
