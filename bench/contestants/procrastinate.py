"""Procrastinate: a task queue on PostgreSQL, with a worker in this process.

It has no graph: in a chain each job defers the next one, and the join of a fan-out is that the worker found
the queue empty, which costs it nothing.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path

import procrastinate
import psycopg

from bench.stage import Contestant
from bench.works import Work

AT_ONCE = 8
"""Jobs of a fan-out that the worker runs at once; a chain has one."""


class Procrastinate:
    """A `Contestant`."""

    version = f"Procrastinate {version('procrastinate')} (PostgreSQL)"
    flushes = True

    def __init__(self, database: str) -> None:
        self._database = database
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database))
        self._link = self._app.task(self._run_link, name="link")
        self._noop = self._app.task(self._run_noop, name="noop")
        self._first = self._app.task(self._run_first, name="first")
        self._runner = asyncio.Runner()
        self._runner.run(self._open())
        self._before = 0

    async def _open(self) -> None:
        await self._app.open_async()
        await self._app.schema_manager.apply_schema_async()

    def prepare(self, work: Work) -> None:
        """Nothing: the tasks are functions of this file."""

    def run(self, work: Work) -> None:
        """Defer the first job, and work until the queue is empty."""
        self._before = self._ended()
        match work.shape:
            case "chain":
                self._runner.run(self._chain(work.size))
            case "fanout":
                self._runner.run(self._fanout(work.size))
            case "shell" | "genome" | "montage":
                raise NotImplementedError

    def remembered(self, work: Work) -> int:  # noqa: ARG002 - one question for all work
        """Count the jobs that have succeeded since the run began."""
        return self._ended() - self._before

    def _ended(self) -> int:
        with psycopg.connect(self._database) as connection:
            sql = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
            (count,) = connection.execute(sql).fetchone() or (0,)
        return int(count)

    async def _chain(self, size: int) -> None:
        await self._link.defer_async(left=size - 1)
        await self._work(1)

    async def _fanout(self, size: int) -> None:
        await self._first.defer_async(size=size)
        await self._work(AT_ONCE)
        await self._noop.defer_async()
        await self._work(1)

    async def _work(self, at_once: int) -> None:
        await self._app.run_worker_async(wait=False, concurrency=at_once, install_signal_handlers=False)

    async def _run_link(self, left: int) -> None:
        if left:
            await self._link.defer_async(left=left - 1)

    async def _run_noop(self) -> None:
        pass

    async def _run_first(self, size: int) -> None:
        await self._noop.batch_defer_async(*({} for _ in range(size)))

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._app.close_async())


def enter(directory: Path, database: str) -> Contestant:  # noqa: ARG001 - the database has it all
    """Return the contestant on a PostgreSQL database."""
    return Procrastinate(database)
