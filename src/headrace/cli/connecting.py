"""The server that a command talks to: its address and token by option, variable or default."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.client import AsyncClient, Client


def connected(url: str | None, token: str | None) -> Client:
    """Return a client of the server; raises `InvalidSettings`."""
    from headrace.client import Client

    return Client(*_address(url, token))


def connected_async(url: str | None, token: str | None) -> AsyncClient:
    """Return a client of the server for an event loop; raises `InvalidSettings`."""
    from headrace.client import AsyncClient

    return AsyncClient(*_address(url, token))


def _address(url: str | None, token: str | None) -> tuple[str, str | None]:
    from headrace import settings

    found = settings.load({"url": url, "token": token})
    return found.url, found.token.get_secret_value() if found.token is not None else None
