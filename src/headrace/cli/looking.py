"""Commands that look at executions of a server: list, show, watch, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.connecting import connected
from headrace.cli.options import Execution, Json, Limit, Token, Url
from headrace.cli.statuses import status_of_run
from headrace.cli.terminal import Terminal
from headrace.errors import NotFound

if TYPE_CHECKING:
    from headrace.client import Client
    from headrace.client.answers import Execution as Found

State = Annotated[list[str] | None, typer.Option("--state", help="Only those in this state. Repeatable.")]
Workflow = Annotated[str | None, typer.Option("--workflow", help="Only those of this workflow.")]
Newest = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="Number, UUID or alias of the execution; the newest without it."),
]
Task = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="Name or number of a task run, to see all of it.")
]


def list_(
    *,
    state: State = None,
    workflow: Workflow = None,
    limit: Limit = 20,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """List executions, newest first."""
    from headrace.cli import views

    with connected(url, token) as server:
        found = server.executions(state=state or (), workflow=workflow, limit=limit)
    Terminal(json=json).answer(found, lambda: views.executions(found.items))


def show(
    id: Newest = None, task: Task = None, *, url: Url = None, token: Token = None, json: Json = False
) -> None:
    """Show an execution with its tasks, or one of its tasks with inputs, outputs and tries."""
    from headrace.cli import views

    terminal = Terminal(json=json)
    with connected(url, token) as server:
        key = id or newest(server)
        if task is not None:
            run = server.task_run(key, task)
            terminal.answer(run, lambda: views.task_run(run))
            return
        found = server.execution(key)
    terminal.answer(found, lambda: views.execution(found))


def explain(id: Newest = None, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Tell why an execution and each of its tasks stand where they stand."""
    from headrace.cli import views

    with connected(url, token) as server:
        found = server.explain(id or newest(server))
    Terminal(json=json).answer(found, lambda: views.explained(found))


def watch(id: Newest = None, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Follow an execution to its end; the exit status is that of the run."""
    with connected(url, token) as server:
        watched(Terminal(json=json), server, id or newest(server))


def watched(terminal: Terminal, server: Client, key: Execution | int) -> None:
    """Draw an execution until it is over, tell its outputs, and exit with its status."""
    from headrace.cli.watching import outputs_shown

    ended = followed(terminal, server, key)
    terminal.answer(ended, lambda: outputs_shown(ended.outputs))
    raise typer.Exit(status_of_run(ended.state))


def followed(terminal: Terminal, server: Client, key: Execution | int) -> Found:
    """Draw an execution until it is over, and return it."""
    from headrace.cli.board import Board
    from headrace.cli.watching import live

    found = server.execution(key)
    board = Board(found.name, [(task.task, task.type) for task in found.tasks])
    with live(terminal, board):
        for event in server.events(key):
            board.take(event)
    return server.execution(key)


def newest(server: Client) -> int:
    """Return the number of the newest execution; raises `NotFound` when there is none."""
    found = server.executions(limit=1).items
    if not found:
        raise NotFound("This server has no execution yet.")
    return found[0].number
