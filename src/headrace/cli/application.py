"""All commands as one application; what a command needs is imported when it runs, so that help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace import __version__
from headrace.cli import demo, running, serving, validating

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


app.command()(serving.serve)
app.command()(validating.validate)
app.command()(running.run)
app.command()(demo.demo)
