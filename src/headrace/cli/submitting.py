"""`headrace submit`: a document to a server, and a start of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli import documents, inputs
from headrace.cli.connecting import connected
from headrace.cli.looking import watched
from headrace.cli.options import Dialect, Input, Json, Token, Url
from headrace.cli.statuses import Status, UsageError
from headrace.cli.terminal import Terminal
from headrace.cli.validating import File
from headrace.errors import HeadraceError, RequestError

if TYPE_CHECKING:
    from headrace.client import Client

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow the execution to its end.")]


def submit(
    file: File,
    *,
    input: Input = None,
    watch: Watch = False,
    dialect: Dialect = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Send a document to a server and start it."""
    from rich.text import Text

    from headrace.cli import excerpts
    from headrace.client import InvalidRequest

    terminal = Terminal(json=json)
    source = documents.read(file)
    given = inputs.pairs(input)
    with connected(url, token) as server:
        try:
            workflow = server.create_workflow(source.content, dialect=dialect)
        except InvalidRequest as error:
            if json or not any(problem.line for problem in error.problems):
                raise
            excerpts.tell(terminal, source, error.problems, error.warnings)
            raise typer.Exit(Status.FAILED) from None
        for warning in workflow.warnings:
            terminal.note(f"Warning: {warning.message}")
        try:
            values = inputs.typed(given, inputs.types_of(server.plan(workflow.number).inputs))
            started = server.start(workflow.number, uploaded(server, values))
        except (RequestError, UsageError):  # nobody asked for a workflow that never ran
            with suppress(HeadraceError):
                server.delete_workflow(workflow.number)
            raise
        if watch:
            watched(terminal, server, started.number)
            return
        terminal.answer(
            started,
            lambda: Text(f"Execution {started.number} of workflow {workflow.number} ({workflow.name}) runs."),
        )
        terminal.note(f"Follow it with: headrace watch {started.number}")


def uploaded(server: Client, values: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs with each local file uploaded."""
    return {
        name: server.upload(value.name, value.read_bytes()).file_id if isinstance(value, Path) else value
        for name, value in values.items()
    }
