"""A server in memory: the real orchestrator over the store's twin, with machines whose jobs the test ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from headrace.artifacts.protocol import Stored
from headrace.clock import SystemClock
from headrace.definition.model import CallTask, RunCommand, TaskDefinition, Transition, WorkflowDefinition
from headrace.definition.outcomes import Failure
from headrace.engine.execution import Execution
from headrace.orchestrator.children import ChildExecutions
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.dispatcher import Dispatcher
from headrace.orchestrator.executions import Executions, StartRequest
from headrace.orchestrator.feed import Feed
from headrace.orchestrator.house import House
from headrace.orchestrator.large_values import LargeValues
from headrace.orchestrator.workflows import Workflows
from headrace.provenance.attempts import RecordedAttempt
from headrace.runtimes.protocol import Capabilities, Command, Job, JobEnded, JobStarted, Observer
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import ExecutionRow
from headrace.tasks.library import Library
from headrace.testing.memory_store import Contents, MemoryStore

DEADLINE = 10.0


class Machine:
    """A runtime whose jobs end as `behaviour` says, or when the test says so."""

    def __init__(self, name: str, *, survives: bool) -> None:
        self.name = name
        self.capabilities = Capabilities(survives_restart=survives, commands=True, calls=True)
        self.behaviour: Callable[[Job], JobEnded | None] = lambda job: succeeded(job.attempt)
        self.jobs: dict[int, Job] = {}
        self.starts: dict[int, float] = {}
        self.ends: dict[int, float] = {}
        self.recovered: list[int] = []
        self.cancelled: list[int] = []
        self._observer: Observer | None = None

    def open(self, observer: Observer) -> None:
        self._observer = observer

    def submit(self, job: Job) -> None:
        if job.attempt in self.jobs:
            return
        self.jobs[job.attempt] = job
        ended = self.behaviour(job)
        if ended is not None:
            asyncio.get_running_loop().call_soon(self.report, ended)

    def recover(self, job: Job) -> None:
        self.recovered.append(job.attempt)
        if self.capabilities.survives_restart:
            self.submit(job)
        else:
            lost = Failure(code="lost", message="The server went away.")
            ended = JobEnded(
                attempt=job.attempt, outcome="lost", started_at=None, ended_at=time.time(), failure=lost
            )
            asyncio.get_running_loop().call_soon(self.report, ended)

    def cancel(self, attempt: int) -> None:
        self.cancelled.append(attempt)
        ended = JobEnded(attempt=attempt, outcome="cancelled", started_at=None, ended_at=time.time())
        asyncio.get_running_loop().call_soon(self.report, ended)

    def log_file(self, attempt: int, stream: str) -> None:
        return None

    async def close(self) -> None:
        self._observer = None

    def report(self, status: JobStarted | JobEnded) -> None:
        if self._observer is not None:
            self._observer(status)


class MemoryArtifacts:
    """Bytes by name."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put_bytes(self, content: bytes) -> Stored:
        import hashlib

        sha256 = hashlib.sha256(content).hexdigest()
        self.kept[sha256] = content
        return Stored(sha256, len(content))

    async def read_bytes(self, sha256: str, *, max_size: int) -> bytes:
        return self.kept[sha256]


class NoProcesses:
    """No call of these tests needs a process."""

    def command(self, type: str, inputs: dict[str, Any], label: str, secrets: tuple[str, ...]) -> Command:
        raise AssertionError(type)

    def tidy(self, attempt: int) -> None:
        raise AssertionError(attempt)

    def result(self, ended: JobEnded) -> JobEnded:
        raise AssertionError(ended)


class NoFiles:
    """Nothing is noted of files."""

    def begin(self, asked: RecordedAttempt, ready: Callable[[], None], origin: str) -> None:
        raise AssertionError(asked)

    def end(self, ended: JobEnded, heard: Callable[[JobEnded], None]) -> None:
        heard(ended)


class StoredSecrets:
    """Secrets by name; a former value of `key` stands under `former key`."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    async def read(self, name: str) -> str | None:
        return self._values.get(name)

    async def last(self, name: str) -> str | None:
        return self._values.get(name, self._values.get(f"former {name}"))

    async def former(self) -> tuple[str, ...]:
        return tuple(value for name, value in self._values.items() if name.startswith("former "))


class Workshop:
    """One life of a server."""

    def __init__(self, contents: Contents, artifacts: MemoryArtifacts, secrets: dict[str, str]) -> None:
        clock = SystemClock()
        self.contents = contents
        self.artifacts = artifacts
        self.store = MemoryStore(clock, contents)
        self.inline = Machine("inline", survives=False)
        self.local = Machine("local", survives=True)
        self.values = LargeValues(artifacts)
        self.secrets = secrets
        self.secrets_in_use = SecretsInUse()
        shelf = Shelf(self.store.definitions)

        self.dispatcher = Dispatcher(
            runtimes={"inline": self.inline, "local": self.local},
            capabilities={},
            library=Library.installed(),
            values=self.values,
            processes=NoProcesses(),
            files=NoFiles(),
            secrets=StoredSecrets(secrets),
            secrets_in_use=self.secrets_in_use,
            clock=clock,
        )
        self.house = House(
            store=self.store,
            shelf=shelf,
            values=self.values,
            dispatcher=self.dispatcher,
            feed=Feed(),
            clock=clock,
            announcers={},
        )
        self.workflows = Workflows(self.store, shelf, clock)
        self.executions = Executions(self.store, self.house, shelf, self.dispatcher, clock)
        self.dispatcher.children = ChildExecutions(self.store, self.house, self.executions.start_child)
        self.dispatcher.open()

    async def start(self, definition: WorkflowDefinition, **inputs: Any) -> ExecutionRow:
        made = await self.workflows.create(definition, repr(definition).encode(), "text/plain")
        asked = StartRequest(
            workflow=made.number, version=made.version, inputs=inputs, names=self.executions.name()
        )
        return await self.executions.start(asked)

    async def run(self, definition: WorkflowDefinition, **inputs: Any) -> Execution:
        return await self.end_of(await self.start(definition, **inputs))

    async def end_of(self, row: ExecutionRow) -> Execution:
        execution = await self.executions.wait(row, DEADLINE)
        assert execution.ended_at is not None, execution.state
        return execution

    async def close(self) -> None:
        self.house.close()
        await self.dispatcher.close()

    async def crash(self) -> Workshop:
        """End this life without a word and begin the next one on the same store."""
        await self.close()
        self.house.mailboxes.clear()
        return Workshop(self.contents, self.artifacts, self.secrets)


class Gate:
    """Stands in the place of something that is awaited: holds who comes until the test opens it."""

    def __init__(self, then: Callable[..., Any]) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self._then = then

    async def __call__(self, *values: Any) -> Any:
        self.reached.set()
        await self.opened.wait()
        return self._then(*values)


async def next_life(lives: list[Any]) -> Any:
    """Let the server of the last life die, and return the next one, which has not looked at anything yet."""
    after = await lives[-1].crash()
    lives.append(after)
    return after


def succeeded(attempt: int, **outputs: Any) -> JobEnded:
    now = time.time()
    return JobEnded(attempt=attempt, outcome="succeeded", started_at=now, ended_at=now, outputs=outputs)


def failed(attempt: int, code: str = "failed") -> JobEnded:
    now = time.time()
    failure = Failure(code=code, message=f"It failed: {code}.")
    return JobEnded(attempt=attempt, outcome="failed", started_at=now, ended_at=now, failure=failure)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition with a deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0)


class Vocabulary:
    """Short words for definitions and outcomes."""

    succeeded = staticmethod(succeeded)
    failed = staticmethod(failed)
    until = staticmethod(until)

    @staticmethod
    def call(name: str, *to: str, **fields: Any) -> TaskDefinition:
        following = (Transition(to=to),) if to else ()
        return TaskDefinition(name=name, action=CallTask(type="core.noop"), next=following, **fields)

    @staticmethod
    def step(name: str, *to: str, **fields: Any) -> TaskDefinition:
        following = (Transition(to=to),) if to else ()
        return TaskDefinition(name=name, action=RunCommand(script="true"), next=following, **fields)

    @staticmethod
    def workflow(*tasks: TaskDefinition, **fields: Any) -> WorkflowDefinition:
        return WorkflowDefinition(**{"name": "w", "dialect": "test", "tasks": tasks, **fields})


@pytest.fixture
def words() -> Vocabulary:
    return Vocabulary()


@pytest.fixture
async def workshop() -> AsyncIterator[Workshop]:
    workshop = Workshop(Contents(), MemoryArtifacts(), {})
    yield workshop
    await workshop.close()


@pytest.fixture
async def lives(workshop: Workshop) -> AsyncIterator[list[Any]]:
    """One server after the other on one store; the first is the workshop."""
    found = [workshop]
    yield found
    for life in found[1:]:
        await life.close()
