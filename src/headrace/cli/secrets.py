"""`headrace secret`: named values that workflows refer to; a value never stands in the command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from headrace.cli.connecting import connected
from headrace.cli.options import Json, Token, Url
from headrace.cli.statuses import UsageError
from headrace.cli.terminal import Terminal

app = typer.Typer(no_args_is_help=True, help="Keep, list and delete the secrets of a server.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name by which workflows refer to it.")]


@app.command("set")
def set_(name: Name, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Keep a secret, in place of the one of this name; its value comes from standard input or a prompt."""
    from rich.text import Text

    value = _value(name)
    with connected(url, token) as server:
        kept = server.put_secret(name, value)
    Terminal(json=json).answer(kept, lambda: Text(f"The secret '{kept.name}' is kept."))


@app.command("list")
def list_(*, url: Url = None, token: Token = None, json: Json = False) -> None:
    """List all secrets, without their values."""
    from rich.text import Text

    from headrace.cli import views

    with connected(url, token) as server:
        found = server.secrets()
    rows = [
        (each.name, each.scope or "everybody", views.moment(each.created_at), views.moment(each.updated_at))
        for each in found.items
    ]
    Terminal(json=json).answer(
        found,
        lambda: (
            views.table("name", "whose", "created", "changed", rows=rows)
            if rows
            else Text("There is no secret.")
        ),
    )


@app.command()
def delete(name: Name, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Forget a secret."""
    from rich.text import Text

    with connected(url, token) as server:
        server.delete_secret(name)
    Terminal(json=json).answer({"deleted": name}, lambda: Text(f"The secret '{name}' is deleted."))


def _value(name: str) -> str:
    """Return the value that was typed or piped; one line feed at its end belongs to the pipe, not to it."""
    if sys.stdin.isatty():
        value: str = typer.prompt(f"Value of '{name}'", hide_input=True, err=True)
    else:
        try:
            value = sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError("The value of a secret is UTF-8 text.") from None
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError("There is no value: type it, or pipe it into the command.")
    return value
