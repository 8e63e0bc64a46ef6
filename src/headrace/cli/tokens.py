"""`headrace token`: who may use a server."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli.connecting import connected
from headrace.cli.options import Json, Token, Url
from headrace.cli.statuses import UsageError
from headrace.cli.terminal import Terminal

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens of a server.")

SCOPES = ("read", "run", "write", "secrets", "admin")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")]
Scope = Annotated[
    list[str] | None,
    typer.Option("--scope", help="read, run, write, secrets or admin; each includes read. Repeatable."),
]
Expires = Annotated[str | None, typer.Option("--expires", help="Lifetime such as 12h or 30d; else for ever.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the token, as `token list` has it.")]


@app.command()
def create(
    name: Name,
    *,
    scope: Scope = None,
    expires: Expires = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Make a token; it is shown this once."""
    from rich.text import Text

    scopes = scope or ["read"]
    for each in scopes:
        if each not in SCOPES:
            raise UsageError(f"'{each}' is no scope; there are {', '.join(SCOPES)}.")
    lifetime = None if expires is None else _seconds(expires)
    terminal = Terminal(json=json)
    with connected(url, token) as server:
        made = server.create_token(name, scopes, expires_in=lifetime)
    terminal.answer(made, lambda: Text(made.token))
    terminal.note(f"Token {made.number} ({', '.join(made.scopes)}) is shown this once; keep it.")


@app.command("list")
def list_(*, url: Url = None, token: Token = None, json: Json = False) -> None:
    """List all tokens, without the tokens."""
    from headrace.cli import views

    with connected(url, token) as server:
        found = server.tokens()
    Terminal(json=json).answer(found, lambda: views.tokens(found.items))


@app.command()
def revoke(number: Number, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Revoke a token for ever."""
    from rich.text import Text

    with connected(url, token) as server:
        server.revoke_token(number)
    Terminal(json=json).answer({"revoked": number}, lambda: Text(f"Token {number} is revoked."))


def _seconds(text: str) -> float:
    from headrace.settings.quantities import parse_duration

    try:
        found: float = parse_duration(text).total_seconds()
    except ValueError:
        raise UsageError(f"'{text}' is no lifetime; write 12h or 30d.") from None
    return found
