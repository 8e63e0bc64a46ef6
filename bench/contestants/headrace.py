"""Headrace itself: the server of the composition root, without its HTTP door."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import uvloop

import headrace
from bench import graphs, sky
from bench.stage import Contestant
from bench.works import Work
from headrace.app import Server
from headrace.definition.model import (
    Action,
    CallTask,
    Resources,
    RunCommand,
    TaskDefinition,
    Transition,
    WorkflowDefinition,
)
from headrace.dialects.akoflow.dialect import AkoflowDialect
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.services import Services
from headrace.settings import LocalSettings, Settings
from headrace.store.rows import WorkflowRow
from headrace.store.sqlite import NAME

CORES = 16
"""What the local runtime may use; a step declares its share, so that as many run at once as the work says."""

DIALECT = AkoflowDialect()

LONGEST = 600.0
"""Seconds after which a repetition has failed."""


def definition_of(work: Work) -> WorkflowDefinition:
    """Return the workflow for a piece of work."""
    noop = CallTask(type="core.noop")
    match work.shape:
        case "chain":
            names = [f"t{index}" for index in range(work.size)]
            tasks = [
                _task(name, noop, *following)
                for name, following in zip(names, [[each] for each in names[1:]] + [[]], strict=True)
            ]
        case "fanout":
            between = [f"t{index}" for index in range(work.size)]
            last = TaskDefinition(name="last", action=noop, join="all")
            tasks = [_task("first", noop, *between), *(_task(name, noop, "last") for name in between), last]
        case "shell":
            step = RunCommand(script="true", resources=Resources(cpus=CORES / work.at_once))
            tasks = [_task(f"t{index}", step) for index in range(work.size)]
        case "genome" | "montage":
            raise NotImplementedError
    return WorkflowDefinition(name=work.shape, dialect="native", tasks=tuple(tasks))


def _task(name: str, action: Action, *following: str) -> TaskDefinition:
    return TaskDefinition(name=name, action=action, next=(Transition(to=following),) if following else ())


class Headrace:
    """A `Contestant`."""

    version = f"Headrace {headrace.__version__} (SQLite)"
    flushes = True

    def __init__(self, directory: Path) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._database = directory / NAME
        self._services = self._runner.run(self._open(directory))
        self._workflows: dict[Work, WorkflowRow] = {}
        self._directory = directory
        self._execution = 0

    async def _open(self, directory: Path) -> Services:
        self._server = Server(Settings(data_dir=directory, local=LocalSettings(cpus=CORES)))
        await self._server.open()
        return self._server.services

    def prepare(self, work: Work) -> None:
        """Store the definition."""
        workflows = self._services.workflows
        if work.shape in ("genome", "montage"):
            activities = graphs.of_work(work, sky.images(self._directory))
            source = graphs.document(work.shape, activities, CORES / work.at_once).encode()
            parsed = DIALECT.parse(source, self._services.library, max_tasks=len(activities))
            assert parsed.definition is not None, parsed.problems
            creating = workflows.create(parsed.definition, source, "application/yaml")
        else:
            creating = workflows.create(definition_of(work), f"{work}".encode(), "text/plain")
        self._workflows[work] = self._runner.run(creating)

    def run(self, work: Work) -> None:
        """Start an execution and wait for its end."""
        self._execution = self._runner.run(self._execute(self._workflows[work]))

    async def _execute(self, workflow: WorkflowRow) -> int:
        executions = self._services.executions
        row = await executions.start(await self._asked(workflow))
        execution = await executions.wait(row, LONGEST)
        if execution.state != "succeeded":
            raise RuntimeError(f"The execution is {execution.state}: {execution.reason}")
        return row.number

    async def _asked(self, workflow: WorkflowRow) -> StartRequest:
        """Return the start of a workflow, as the door of its dialect would ask for it."""
        services = self._services
        number, version = workflow.number, workflow.version
        if workflow.dialect != DIALECT.name:
            names = services.executions.name()
            return StartRequest(workflow=number, version=version, inputs={}, names=names)
        definition = await services.workflows.definition(number, version)
        names = await services.executions.names_for(definition)
        ready = await DIALECT.ready_start(workflow, definition, {}, names.number, services)
        inputs, labels = ready.inputs, ready.labels
        return StartRequest(workflow=number, version=version, inputs=inputs, names=names, labels=labels)

    def remembered(self, work: Work) -> int:  # noqa: ARG002 - one question for all work
        """Count the ended task runs of an execution that has ended and has a journal."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM task_runs JOIN executions ON executions.number = task_runs.execution"
                " WHERE execution = ? AND task_runs.ended_at IS NOT NULL AND executions.ended_at IS NOT NULL"
                " AND EXISTS (SELECT 1 FROM journal WHERE journal.execution = executions.number)",
                (self._execution,),
            ).fetchone()
        return int(count)

    def close(self) -> None:
        """Close the server."""
        self._runner.run(self._server.close())


def enter(directory: Path) -> Contestant:
    """Return the contestant that works in a directory."""
    return Headrace(directory)
