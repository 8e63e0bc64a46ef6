"""`headrace task`: the task library of a server, and one type tried alone."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli import inputs
from headrace.cli.connecting import connected
from headrace.cli.looking import followed
from headrace.cli.options import Input, Json, Token, Url
from headrace.cli.statuses import status_of_run
from headrace.cli.submitting import uploaded
from headrace.cli.terminal import Terminal

app = typer.Typer(no_args_is_help=True, help="Look at the task types of a server, and try one alone.")

Type = Annotated[str, typer.Argument(metavar="TYPE", help="Task type, such as text.size.")]


@app.command()
def run(type: Type, *, input: Input = None, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Run a task type alone; the exit status is that of the run."""
    from headrace.cli.watching import outputs_shown

    given = inputs.pairs(input)
    with connected(url, token) as server:
        values = inputs.typed(given, inputs.types_of(server.task_type(type).inputs))
        started = server.try_task(type, uploaded(server, values))
        terminal = Terminal(json=json)
        ended = followed(terminal, server, started.number)
    terminal.answer(ended, lambda: outputs_shown(ended.tasks[0].outputs))
    raise typer.Exit(status_of_run(ended.state))


@app.command("list")
def list_(*, url: Url = None, token: Token = None, json: Json = False) -> None:
    """List the task types."""
    from headrace.cli import views

    with connected(url, token) as server:
        found = server.task_types()
    Terminal(json=json).answer(found, lambda: views.task_types(found.items))


@app.command()
def show(type: Type, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Show a task type with its inputs and outputs."""
    from headrace.cli import views

    with connected(url, token) as server:
        found = server.task_type(type)
    Terminal(json=json).answer(found, lambda: views.task_type(found))
