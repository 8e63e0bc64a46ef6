"""What stands around a Data Flow server in tests: a web site, a fake OpenAI service, receivers of webhooks.

All of them live on an event loop in a thread of their own, so that tests may be plain functions.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx2

from headrace.testing.openai_server import OpenAIService, openai_server
from headrace.testing.web_server import Request, response, serve
from headrace.testing.webhook_receiver import Receiver, receive

T = TypeVar("T")

DEADLINE = 20.0
ARTICLE = (
    "<html><head><title>Mill</title></head><body><nav><a href='/'>Home</a></nav><article><h1>The mill</h1>"
    + "".join(
        f"<p>The water runs down the channel to the mill, and the wheel number {number} turns all day, "
        "because somebody thought of digging the channel long ago.</p>"
        for number in range(1, 5)
    )
    + "</article><footer>Imprint</footer></body></html>"
)


class Site:
    """A web site that remembers who asked for what, and when."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        """Paths as they arrived, and `done PATH` when they are answered."""
        self.requests: list[Request] = []
        self._arrived = asyncio.Event()

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        path = request.path
        self.asked.append(path)
        self.requests.append(request)
        match path.split("?")[0].split("/")[1:]:
            case ["page"]:
                writer.write(response(ARTICLE))
            case ["echo"]:
                writer.write(response(request.body, content_type="text/plain"))
            case ["flaky", *_]:
                status = 503 if self.asked.count(path) <= 3 else 200
                writer.write(response("at last", status))
            case ["to"]:
                writer.write(response(status=302, location=path.partition("?")[2]))
            case ["meet", *_]:
                writer.write(response(await self._meet()))
            case _:
                writer.write(response("nothing here", 404))
        await writer.drain()
        self.asked.append(f"done {path}")

    async def _meet(self) -> str:
        """Tell whether somebody else asks at the same time."""
        if sum(path.startswith("/meet") for path in self.asked) > 1:
            self._arrived.set()
        try:
            async with asyncio.timeout(DEADLINE / 2):
                await self._arrived.wait()
        except TimeoutError:
            return "alone"
        return "met"


class Stage:
    """The surroundings, and how to reach into their loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.site = Site()
        self.openai = OpenAIService()
        self.receiver = Receiver(())
        self._stack = AsyncExitStack()

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop of the surroundings."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(DEADLINE * 2)

    async def open(self) -> None:
        """Begin to serve."""
        self.site.url = await self._stack.enter_async_context(serve(self.site.answer))
        self.openai = await self._stack.enter_async_context(openai_server())
        self.receiver = await self._stack.enter_async_context(receive())

    async def close(self) -> None:
        """Serve no more."""
        await self._stack.aclose()

    @contextmanager
    def receiver_that_answers(self, *script: Any) -> Iterator[Receiver]:
        """Open another receiver of webhooks."""
        stack = AsyncExitStack()
        receiver = self.run(stack.enter_async_context(_receiver(script)))
        try:
            yield receiver
        finally:
            self.run(stack.aclose())

    @property
    def settings(self) -> dict[str, str]:
        """What a server must be told to find its surroundings."""
        doors = (self.site.url, self.receiver.url)
        return {
            "EGRESS_ALLOW": ",".join(url.split("/")[2] for url in doors),
            "OPENAI__BASE_URL": self.openai.base_url,
        }


@asynccontextmanager
async def _receiver(script: tuple[Any, ...]) -> AsyncIterator[Receiver]:
    async with receive(*script) as receiver:
        yield receiver


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Open the surroundings in a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stage")
    thread.start()
    stage = Stage(loop)
    try:
        stage.run(stage.open())
        yield stage
        stage.run(stage.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Door:
    """A client of the Data Flow doors, in the words of the tests."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client

    def create(self, document: Any) -> str:
        """Create a workflow and return its id."""
        answer = self.client.post("/workflows", json=document)
        assert answer.status_code == 201, answer.text
        return str(answer.json().get("workflow_id") or answer.json()["workflowId"])

    def start(self, document: Any, inputs: Any = None, *, headers: Any = None, **body: Any) -> str:
        """Create and start a workflow, and return the path of the run."""
        return self.start_again(self.create(document), inputs, headers=headers, **body)

    def start_again(self, workflow: str, inputs: Any = None, *, headers: Any = None, **body: Any) -> str:
        """Start a workflow and return the path of the run."""
        sent = {"inputs": inputs or {}, **body}
        answer = self.client.post(f"/workflows/{workflow}/executions", json=sent, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["location"])

    def ended(self, run: str) -> dict[str, Any]:
        """Wait for the end of a run and return its details."""
        details = self.client.get(run, params={"wait": 30}).json()
        assert details.get("completed_at", details.get("completedAt")) is not None, details
        return dict(details)

    def run(self, document: Any, inputs: Any = None, **more: Any) -> dict[str, Any]:
        """Create, start, wait, and return the details."""
        return self.ended(self.start(document, inputs, **more))

    def task(self, type: str, inputs: Any, **more: Any) -> dict[str, Any]:
        """Run one task and return it as the details show it."""
        document = {"title": "One", "tasks": [{"name": "one", "type": type, "inputs": inputs, **more}]}
        return dict(self.run(document)["tasks"][0])


def within(condition: Callable[[], T], what: str = "it") -> T:
    """Wait until a condition holds, and return what it gave."""
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)
    return found
