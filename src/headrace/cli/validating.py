"""`headrace validate`: all that is wrong with a document, offline, with its places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli import documents
from headrace.cli.options import Config, Dialect, Json, Set
from headrace.cli.serving import named_settings
from headrace.cli.statuses import Status
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from headrace.settings import Settings

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="The document, JSON or YAML; - is standard input.")
]


def validate(
    file: File, *, dialect: Dialect = None, config: Config = None, set: Set = None, json: Json = False
) -> None:
    """Find all problems of a document, without a server.

    It is judged by the settings that `headrace run` and `headrace serve` would have here.
    """
    from rich.text import Text

    from headrace import settings
    from headrace.cli.excerpts import counted, shown

    terminal = Terminal(json=json)
    found = settings.load(named_settings(set), config)
    source = documents.read(file)
    name, problems, warnings, tasks = _checked(source, dialect, found)
    if json:
        terminal.answer(_answer(source, name, problems, warnings, tasks), Text)
    else:
        if problems or warnings:
            text = source.content.decode("utf-8-sig", "replace")
            terminal.out.print(shown(source.name, text, problems, warnings))
        told = f" with {counted(len(warnings), 'warning')}" if warnings else ""
        if problems:
            terminal.note(f"{source.name} has {counted(len(problems), 'problem')}{told}.")
        else:
            terminal.note(f"{source.name} is a workflow of {counted(tasks, 'task')} ({name}){told}.")
    if problems:
        raise typer.Exit(Status.FAILED)


def _checked(source: documents.Source, dialect: str | None, settings: Settings) -> tuple[str, Any, Any, int]:
    """Return the dialect, the problems, the warnings and the number of tasks."""
    from headrace.errors import InvalidDefinition, InvalidInput

    try:
        chosen, parsed = documents.parse(source, dialect, settings)
    except InvalidDefinition as error:
        return dialect or "", error.problems, error.warnings, 0
    except InvalidInput as error:  # no dialect recognises it
        return dialect or "", error.problems, (), 0
    tasks = 0 if parsed.definition is None else len(parsed.definition.tasks)
    return chosen.name, parsed.problems, parsed.warnings, tasks


def _answer(
    source: documents.Source, dialect: str, problems: Any, warnings: Any, tasks: int
) -> dict[str, Any]:
    return {
        "valid": not problems,
        "file": source.name,
        "dialect": dialect,
        "tasks": tasks,
        "problems": problems,
        "warnings": warnings,
    }
