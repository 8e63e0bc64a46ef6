"""`headrace validate`: all that is wrong with a document, offline, with its places."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli import documents
from headrace.cli.options import Dialect, Json
from headrace.cli.statuses import Status
from headrace.cli.terminal import Terminal

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="The document, JSON or YAML; - is standard input.")
]


def validate(file: File, dialect: Dialect = None, json: Json = False) -> None:
    """Find all problems of a document, without a server."""
    from rich.text import Text

    from headrace.cli.excerpts import counted, shown

    terminal = Terminal(json=json)
    source = documents.read(file)
    name, problems, warnings, tasks = _checked(source, dialect)
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


def _checked(source: documents.Source, dialect: str | None) -> tuple[str, Any, Any, int]:
    """Return the dialect, the problems, the warnings and the number of tasks."""
    from headrace.errors import InvalidDefinition, InvalidInput
    from headrace.tasks.library import Library

    try:
        chosen, parsed = documents.parse(source, dialect, documents.dialects(), Library.installed())
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
