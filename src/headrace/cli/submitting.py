"""`headrace submit`: a document to a server, and a start of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from headrace.cli import documents, inputs
from headrace.cli.connecting import connected
from headrace.cli.looking import watched
from headrace.cli.options import Dialect, Input, Json, Token, Url
from headrace.cli.statuses import Status
from headrace.cli.terminal import Terminal
from headrace.cli.validating import File
from headrace.errors import InvalidDefinition

if TYPE_CHECKING:
    from headrace.client import Client
    from headrace.client.answers import Workflow

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
            workflow = _created(server, source, dialect)
        except (InvalidRequest, InvalidDefinition) as error:
            if json or not any(problem.line for problem in error.problems):
                raise
            excerpts.tell(terminal, source, error.problems, error.warnings)
            raise typer.Exit(Status.FAILED) from None
        for warning in workflow.warnings:
            terminal.note(f"Warning: {warning.message}")
        values = inputs.typed(given, inputs.types_of(server.plan(workflow.number).inputs))
        started = server.start(workflow.number, uploaded(server, values))
        if watch:
            watched(terminal, server, started.number)
            return
        terminal.answer(
            started,
            lambda: Text(f"Execution {started.number} of workflow {workflow.number} ({workflow.name}) runs."),
        )
        terminal.note(f"Follow it with: headrace watch {started.number}")


def _created(server: Client, source: documents.Source, dialect: str | None) -> Workflow:
    """Create the workflow; a dialect that is written in JSON only gets a YAML document as JSON."""
    from headrace.client import InvalidRequest

    try:
        return server.create_workflow(source.content, dialect=dialect)
    except InvalidRequest as error:
        translated = documents.as_json(source)
        if [problem.code for problem in error.problems] != ["invalid_json"] or translated == source.content:
            raise
    try:
        return server.create_workflow(translated, dialect=dialect)
    except InvalidRequest as error:
        # The places that the server tells are those of the translation.
        answer = replace(
            error.answer,
            problems=tuple(documents.relocated(error.problems, source)),
            warnings=tuple(documents.relocated(error.warnings, source)),
        )
        raise InvalidRequest(answer) from None


def uploaded(server: Client, values: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs with each local file uploaded."""
    return {
        name: server.upload(value.name, value.read_bytes()).file_id if isinstance(value, Path) else value
        for name, value in values.items()
    }
