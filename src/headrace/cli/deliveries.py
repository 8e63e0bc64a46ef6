"""`headrace deliveries`: what was told to whom, and telling it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.connecting import connected
from headrace.cli.options import Execution, Json, Token, Url
from headrace.cli.terminal import Terminal
from headrace.errors import NotFound

if TYPE_CHECKING:
    from rich.console import RenderableType

    from headrace.client import Client
    from headrace.client.answers import Delivery

Again = Annotated[
    int | None,
    typer.Option("--redeliver", metavar="NUMBER", help="Tell this one again, whatever became of it."),
]

_COLOURS = {"delivered": "green", "pending": "yellow"}


def deliveries(
    id: Execution, *, redeliver: Again = None, url: Url = None, token: Token = None, json: Json = False
) -> None:
    """List what the webhooks of an execution were told, with the last try of each."""
    terminal = Terminal(json=json)
    with connected(url, token) as server:
        found = list(_all(server, id))
        if redeliver is not None:
            if not any(each.number == redeliver for each in found):
                raise NotFound(f"Execution {id} has no delivery {redeliver}.")
            found = [server.redeliver(redeliver)]
    terminal.answer({"items": found}, lambda: _shown(found))


def _all(server: Client, key: str) -> Iterator[Delivery]:
    cursor: str | None = None
    while True:
        page = server.deliveries(key, limit=1000, cursor=cursor)
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return


def _shown(found: list[Delivery]) -> RenderableType:
    from rich.text import Text

    from headrace.cli import views

    if not found:
        return Text("This execution has told nothing to anybody.")
    rows = [
        (
            str(each.number),
            each.event,
            each.url,
            Text(each.state.replace("_", " "), style=_COLOURS.get(each.state, "red")),
            str(len(each.tries)),
            _last(each),
            views.moment(each.next_try_at),
        )
        for each in found
    ]
    return views.table("number", "event", "to", "state", "tries", "last answer", "next try", rows=rows)


def _last(delivery: Delivery) -> str:
    if not delivery.tries:
        return ""
    last = delivery.tries[-1]
    return last.error or (str(last.status_code) if last.status_code is not None else "")
