"""A real server without a socket, and what the tests of its doors ask of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from headrace.api.authentication import WithCaller
from headrace.app import Server
from headrace.dialects.dataflow.routes import application
from headrace.security import tokens
from headrace.security.tokens import Scope
from headrace.settings import Settings

CORPUS = Path(__file__).parents[3] / "corpus" / "dataflow"
EXAMPLES = json.loads((CORPUS / "examples.json").read_text(encoding="utf-8"))
HELLO = {
    "title": "Hello",
    "inputs": [{"name": "text", "type": "text"}],
    "tasks": [
        {"name": "say", "type": "echo", "inputs": {"text": "{{inputs.text}}"}},
        {
            "name": "shout",
            "type": "core.shell",
            "inputs": {"script": "tr a-z A-Z; echo done >&2", "stdin": "{{tasks.say.outputs.text}}"},
        },
    ],
    "outputs": [{"name": "loud", "value": "{{tasks.shout.outputs.stdout}}"}],
}
SLOW = {
    "title": "Slow",
    "tasks": [
        {"name": "wait", "type": "core.shell", "inputs": {"script": "sleep 30"}},
        {"name": "after", "type": "echo", "inputs": {"text": "x"}},
    ],
}


async def token_of(server: Server, *scopes: Scope) -> str:
    token, record = tokens.issue(
        number=server.store.numbers.take(), name="test", scopes=scopes, now=server.services.clock.now()
    )
    await server.store.tokens.add(record)
    return token


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Server, httpx2.AsyncClient]]:
    """Open a server and a client with a token that allows everything."""
    server = Server(settings)
    await server.open()
    services = server.services
    app = WithCaller(application(services), server.store.tokens, services.clock, auth=settings.auth)
    headers = {"authorization": f"Bearer {await token_of(server, 'admin')}"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield server, client
    await server.close()


async def create(client: httpx2.AsyncClient, document: Any = HELLO) -> str:
    answer = await client.post("/workflows", json=document)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["workflow_id"])


async def run(client: httpx2.AsyncClient, document: Any = HELLO, body: Any = None) -> str:
    """Start a run and return its path."""
    workflow = await create(client, document)
    sent = {"inputs": {"text": "hello"}} if body is None else body
    answer = await client.post(f"/workflows/{workflow}/executions", json=sent)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def ended(client: httpx2.AsyncClient, document: Any = HELLO, body: Any = None) -> str:
    """Start a run, wait for its end and return its path."""
    path = await run(client, document, body)
    answer = await client.get(f"{path}?wait=20")
    assert answer.json()["completed_at"] is not None
    async with asyncio.timeout(20):
        # the list is read from the store, and so knows of the end only when it is committed
        while (await client.get(path.rsplit("/", 1)[0])).json()["executions"][0]["completed_at"] is None:
            pass
    return path


def codes(answer: httpx2.Response) -> list[str]:
    return [problem["code"] for problem in answer.json()["errors"]]
