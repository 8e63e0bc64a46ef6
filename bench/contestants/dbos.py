"""DBOS Transact: durable functions in the caller's process, on SQLite or PostgreSQL.

A chain is a workflow that calls steps; a fan-out is an asynchronous workflow that gathers them.
Of the ways that its documentation offers these were the fastest on SQLite: asynchronous steps in a chain took
half as long again, and a queue of child workflows took three times as long as gathered steps.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import psycopg
from dbos import DBOS, SetWorkflowID

from bench.stage import Contestant
from bench.works import Work

COUNT = (
    "SELECT count(*) FROM {schema}operation_outputs JOIN {schema}workflow_status USING (workflow_uuid)"
    " WHERE workflow_uuid = {place} AND status = 'SUCCESS'"
)


@DBOS.step()
def step() -> None:
    """Do nothing."""


@DBOS.step()
async def async_step() -> None:
    """Do nothing."""


@DBOS.workflow()
def chain(size: int) -> None:
    """Call one step after the other."""
    for _ in range(size):
        step()


@DBOS.workflow()
async def fanout(size: int) -> None:
    """Call one step, many at once, and one step."""
    await async_step()
    await asyncio.gather(*(async_step() for _ in range(size)))
    await async_step()


class Dbos:
    """A `Contestant`."""

    flushes = True

    def __init__(self, directory: Path, database: str | None) -> None:
        self._file = directory / "dbos.sqlite"
        self._database = database
        url = f"sqlite:///{self._file}" if database is None else database
        self.version = f"DBOS {version('dbos')} ({'SQLite' if database is None else 'PostgreSQL'})"
        DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
        DBOS.launch()
        self._runner = asyncio.Runner()
        self._workflow = ""

    def prepare(self, work: Work) -> None:
        """Nothing: the workflows are functions of this file."""

    def run(self, work: Work) -> None:
        """Call the workflow."""
        self._workflow = str(uuid.uuid4())
        match work.shape:
            case "chain":
                with SetWorkflowID(self._workflow):
                    chain(work.size)
            case "fanout":
                self._runner.run(self._fanout(work.size))
            case "shell" | "genome" | "montage":
                raise NotImplementedError

    async def _fanout(self, size: int) -> None:
        with SetWorkflowID(self._workflow):
            await fanout(size)

    def remembered(self, work: Work) -> int:  # noqa: ARG002 - one question for all work
        """Count the outputs of steps of a workflow that has succeeded."""
        if self._database is None:
            with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
                sql = COUNT.format(schema="", place="?")
                (count,) = connection.execute(sql, (self._workflow,)).fetchone()
        else:
            with psycopg.connect(self._database) as connection:
                sql = COUNT.format(schema="dbos.", place="%s")
                (count,) = connection.execute(sql, (self._workflow,)).fetchone() or (0,)
        return int(count)

    def close(self) -> None:
        """Shut it down."""
        DBOS.destroy()


def enter(directory: Path, database: str | None = None) -> Contestant:
    """Return the contestant on a PostgreSQL database, or on SQLite in the directory."""
    return Dbos(directory, database)
