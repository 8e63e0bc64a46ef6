"""The doors of a server of its own, asked without a socket and without a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from headrace.api.authentication import WithCaller
from headrace.app import Server
from headrace.dialects.akoflow.routes import application
from headrace.settings import Settings


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[tuple[Server, httpx2.AsyncClient]]:
    """Open a server with its data in a directory, and a client of it."""
    server = Server(Settings(data_dir=directory / "data"))
    await server.open()
    services = server.services
    app = WithCaller(application(services), services.tokens, services.clock, auth="off")
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield server, http
    await server.close()
