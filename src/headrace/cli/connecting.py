"""The server that a command talks to: its address and token by option, variable or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.client import Client


def connected(url: str | None, token: str | None, config: Path | None = None) -> Client:
    """Return a client of the server; raises `InvalidSettings`."""
    from headrace import settings
    from headrace.client import Client

    found = settings.load({"url": url, "token": token}, config)
    secret = found.token.get_secret_value() if found.token is not None else None
    return Client(found.url, secret)
