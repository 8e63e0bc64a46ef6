"""Where the suite of runtimes finds our own: local, and inline in its three ways of calling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from headrace.definition.outcomes import Failure
from headrace.runtimes import binding
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.inline import Called, InlineRuntime
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.logs import CallContext
from headrace.runtimes.protocol import Command, Job, TaskCall


def local(directory: Path) -> LocalRuntime:
    """Return a local runtime with little patience, whose attempts lie in `directory`."""
    return LocalRuntime(AttemptDirectories(directory), cpus=4, memory=2**30, grace=timedelta(seconds=0.5))


class _Bound(LocalRuntime):
    """Shows every command its working directory at another place."""

    def submit(self, job: Job) -> None:
        super().submit(self._shown(job))

    def recover(self, job: Job) -> None:
        super().recover(self._shown(job))

    def _shown(self, job: Job) -> Job:
        command = job.work
        if not isinstance(command, Command) or binding.BINDS in command.options:
            return job
        place = self._directories.path(job.attempt)
        binds = {f"{self._directories.root}-shown/{job.attempt}": command.directory or place}
        options = {**command.options, binding.BINDS: binds, binding.DIRECTORY_VARIABLE: "SHOWN"}
        return replace(job, work=replace(command, options=options))


def bound(directory: Path) -> LocalRuntime:
    """Return a local runtime like that of `local`, whose commands see their working directories elsewhere."""
    return _Bound(
        AttemptDirectories(directory),
        cpus=4,
        memory=2**30,
        grace=timedelta(seconds=0.5),
        bubblewrap=binding.bubblewrap(),
    )


class LocalPremises:
    """A data directory for local runtimes."""

    factory = "headrace.testing.runtime_premises:local"
    """By this name another process opens the same."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "attempts"
        self.ledger = directory / "ledger"

    def open(self) -> LocalRuntime:
        """Return a runtime, not opened yet."""
        return local(self.directory)

    def quick(self, attempt: int) -> Job:
        """Return a step that ends at once."""
        return self._step(attempt, "true")

    def failing(self, attempt: int) -> Job:
        """Return a step that fails."""
        return self._step(attempt, "exit 3")

    def endless(self, attempt: int, timeout: float | None = None) -> Job:
        """Return a step that sleeps."""
        return self._step(attempt, "sleep 600", timeout)

    def _step(self, attempt: int, script: str, timeout: float | None = None) -> Job:
        work = Command(script=f"echo {attempt} >> {self.ledger}; {script}")
        return Job(attempt=attempt, label="step", work=work, timeout=timeout)


class BoundPremises(LocalPremises):
    """A data directory for local runtimes whose commands see their working directories elsewhere."""

    factory = "headrace.testing.runtime_premises:bound"

    def open(self) -> LocalRuntime:
        """Return a runtime, not opened yet."""
        return bound(self.directory)


class RefusedByTask(Exception):
    """A failure as task types raise it."""

    failure = Failure(code="refused", message="The task refused.", final=True)


class InlinePremises:
    """A ledger for calls inside the server; `way` turns a blocking function into what is called."""

    def __init__(self, directory: Path, way: Callable[[Callable[[], dict[str, Any]]], Called]) -> None:
        self.directory = directory / "attempts"
        self.ledger = directory / "ledger"
        self._way = way

    def open(self) -> InlineRuntime:
        """Return a runtime, not opened yet."""
        return InlineRuntime(self._call, AttemptDirectories(self.directory), threads=2)

    def quick(self, attempt: int) -> Job:
        """Return a call that ends at once."""
        return Job(attempt=attempt, label="quick", work=TaskCall(type="quick", inputs={}))

    def failing(self, attempt: int) -> Job:
        """Return a call that raises a failure."""
        return Job(attempt=attempt, label="failing", work=TaskCall(type="failing", inputs={}))

    def endless(self, attempt: int, timeout: float | None = None) -> Job:
        """Return a call that waits until it is cancelled."""
        work = TaskCall(type="endless", inputs={})
        return Job(attempt=attempt, label="endless", work=work, timeout=timeout)

    def _call(self, job: Job, context: CallContext) -> Called:
        assert isinstance(job.work, TaskCall)
        match job.work.type:
            case "failing":
                return self._way(self._fail)
            case "endless":
                return self._wait(job.attempt, context)
            case _:
                return self._way(lambda: self._note(job.attempt))

    def _note(self, attempt: int) -> dict[str, Any]:
        with self.ledger.open("a") as file:
            file.write(f"{attempt}\n")
        return {"attempt": attempt}

    def _fail(self) -> dict[str, Any]:
        raise RefusedByTask

    def _wait(self, attempt: int, context: CallContext) -> Called:
        def wait() -> dict[str, Any]:
            self._note(attempt)
            while not context.is_cancelled:
                time.sleep(0.01)
            return {}

        async def wait_on_loop() -> dict[str, Any]:
            self._note(attempt)
            await asyncio.Event().wait()
            return {}

        return wait if self._way is in_a_thread else wait_on_loop()


def at_once(function: Callable[[], dict[str, Any]]) -> Called:
    """Return the outputs themselves."""
    return function()


def in_a_thread(function: Callable[[], dict[str, Any]]) -> Called:
    """Return a blocking function."""
    return function


def on_the_loop(function: Callable[[], dict[str, Any]]) -> Awaitable[dict[str, Any]]:
    """Return something to be awaited."""

    async def call() -> dict[str, Any]:
        return function()

    return call()
