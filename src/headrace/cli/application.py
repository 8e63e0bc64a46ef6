"""All commands as one application; what a command needs is imported when it runs, so that help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace import __version__
from headrace.cli import (
    artifacts,
    deliveries,
    demo,
    doctor,
    graph,
    logs,
    looking,
    running,
    secrets,
    serving,
    steering,
    submitting,
    tasks,
    tokens,
    validating,
    versions,
)

app = typer.Typer(
    name="headrace",
    help="One durable workflow server behind four APIs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"headrace {__version__}")
        raise typer.Exit


@app.callback()
def headrace(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """One durable workflow server behind four APIs."""


_HERE, _SERVER, _STEER, _MORE = "Here and now", "Look at a server", "Steer executions", "More"

for command, name, panel in (
    (serving.serve, "serve", _HERE),
    (demo.demo, "demo", _HERE),
    (running.run, "run", _HERE),
    (validating.validate, "validate", _HERE),
    (doctor.doctor, "doctor", _HERE),
    (submitting.submit, "submit", _SERVER),
    (looking.list_, "list", _SERVER),
    (looking.show, "show", _SERVER),
    (graph.graph, "graph", _SERVER),
    (looking.watch, "watch", _SERVER),
    (logs.logs, "logs", _SERVER),
    (looking.explain, "explain", _SERVER),
    (versions.versions, "versions", _SERVER),
    (versions.diff, "diff", _SERVER),
    (deliveries.deliveries, "deliveries", _SERVER),
    (steering.cancel, "cancel", _STEER),
    (steering.pause, "pause", _STEER),
    (steering.resume, "resume", _STEER),
    (steering.rerun, "rerun", _STEER),
    (steering.signal, "signal", _STEER),
    (steering.respond, "respond", _STEER),
):
    app.command(name, rich_help_panel=panel)(command)
app.add_typer(artifacts.app, name="artifacts", rich_help_panel=_MORE)
app.add_typer(tasks.app, name="task", rich_help_panel=_MORE)
app.add_typer(secrets.app, name="secret", rich_help_panel=_MORE)
app.add_typer(tokens.app, name="token", rich_help_panel=_MORE)
