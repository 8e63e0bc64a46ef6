"""The composition root: the only file that names concrete stores and runtimes.

Everything else is given what it needs; whoever wants another store or runtime changes this file alone.
"""

from __future__ import annotations

import gc
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from pydantic import SecretStr

from headrace.artifacts.local import LocalArtifacts, open_local
from headrace.clock import SystemClock
from headrace.definition.outcomes import Failure
from headrace.errors import NotFound
from headrace.orchestrator.children import ChildExecutions
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.dispatcher import Dispatcher
from headrace.orchestrator.executions import Executions
from headrace.orchestrator.feed import Feed
from headrace.orchestrator.house import House
from headrace.orchestrator.large_values import LargeValues
from headrace.orchestrator.services import Services
from headrace.orchestrator.workflows import Workflows
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.inline import Call, InlineRuntime
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.logs import CallContext
from headrace.runtimes.protocol import Command, Job, JobEnded, Runtime, TaskCall
from headrace.security.egress import Egress
from headrace.security.egress_client import guarded_async_client
from headrace.security.redaction import SecretsInUse
from headrace.security.sealing import Sealer, server_key
from headrace.security.secrets import GLOBAL, Vault
from headrace.settings import Settings
from headrace.store.sqlite import open_sqlite
from headrace.tasks import calling, process
from headrace.tasks.context import Context, Limits
from headrace.tasks.library import Library

log = structlog.get_logger(__name__)

SWITCH_INTERVAL = 20e-6
"""Seconds after which a busy event loop hands the interpreter to the store's writer.

At Python's default of 5 ms a commit beside a busy loop took 3–280 ms, so 2–5 ms; two busy threads lose 5 %.
"""

GARBAGE_THRESHOLDS = (50_000, 20, 100)
"""Allocations between collections: an execution of 10,000 tasks is live data, and walking it again and again
took half of the time of each task (0.09 ms instead of 0.05 ms)."""

_ARTIFACTS_OPENER = "headrace.artifacts.local:open_local"


def _caller(
    settings: Settings,
    library: Library,
    artifacts: LocalArtifacts,
    own_addresses: tuple[tuple[str, int], ...],
) -> Call:
    """Return what makes a library call inside the server."""
    certificates = httpx2.create_ssl_context()
    openai = urlsplit(settings.openai.base_url)
    openai_port = openai.port or (443 if openai.scheme == "https" else 80)
    openai_door = f"{openai.hostname}:{openai_port}"
    context = Context(
        artifacts=artifacts,
        http=partial(guarded_async_client, Egress(settings.egress_allow, own_addresses), verify=certificates),
        openai_http=partial(
            guarded_async_client,
            Egress((*settings.egress_allow, openai_door), own_addresses),
            verify=certificates,
        ),
        limits=Limits(file=settings.dataflow.max_file),
        openai_base_url=settings.openai.base_url,
        openai_key_required=settings.openai.key_required,
    )

    async def call(job: Job, place: CallContext) -> dict[str, Any]:
        assert isinstance(job.work, TaskCall)
        given = msgspec.structs.replace(
            context, label=job.label, credentials=job.credentials, write_log=place.log
        )
        return await calling.call(library.get(job.work.type), job.work.inputs, given)

    return call


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _runtimes(settings: Settings, files: AttemptDirectories, call: Call) -> dict[str, Runtime]:
    local = LocalRuntime(
        files, cpus=settings.local.cpus, memory=settings.local.memory, grace=settings.local.grace
    )
    return {"inline": InlineRuntime(call, files), "local": local}


class Processes:
    """Library calls that need a process of their own, as commands of the local runtime."""

    def __init__(self, library: Library, around: process.Surroundings, files: AttemptDirectories) -> None:
        self._library = library
        self._around = around
        self._files = files

    def command(self, type: str, inputs: dict[str, Any], label: str) -> Command:
        """Return the command that makes the call."""
        task_type = self._library.get(type)
        stdin = process.stdin(task_type, inputs, self._around, label)
        return Command(argv=process.argv(), stdin=stdin)

    def result(self, ended: JobEnded) -> JobEnded:
        """Return the report with the outputs or the failure that the worker left."""
        if ended.outcome not in ("succeeded", "failed"):
            return ended
        exit_code = ended.failure.exit_code if ended.failure is not None else 0
        directory = Path(self._files.path(ended.attempt))
        found = process.outcome_of(directory, exit_code)
        replaced = msgspec.structs.replace
        if not isinstance(found, Failure):
            return replaced(ended, outcome="succeeded", outputs=found, failure=None)
        outcome = "lost" if found.code == "lost" else "failed"
        return replaced(ended, outcome=outcome, outputs={}, failure=found)


class Server:
    """One server with everything that it is made of, opened and closed in order."""

    def __init__(self, settings: Settings, *, own_addresses: tuple[tuple[str, int], ...] = ()) -> None:
        clock = SystemClock()
        data = settings.data_dir
        self.store = open_sqlite(data, clock=clock)
        sealer = Sealer(server_key(_plain(settings.secret_key), data))
        vault = Vault(sealer, self.store.secrets)
        secrets_in_use = SecretsInUse()
        library = Library.installed()
        artifacts = open_local(data / "artifacts")
        values = LargeValues(artifacts)
        shelf = Shelf(self.store.definitions)
        egress = Egress(settings.egress_allow, own_addresses)
        files = AttemptDirectories(data / "attempts")
        self.runtimes = _runtimes(settings, files, _caller(settings, library, artifacts, own_addresses))
        limits = Limits(file=settings.dataflow.max_file)
        around = process.Surroundings(
            artifacts=_ARTIFACTS_OPENER,
            artifacts_root=str((data / "artifacts").absolute()),
            egress_allow=tuple(settings.egress_allow),
            own_addresses=own_addresses,
            limits=limits,
        )

        async def read_secret(name: str) -> str | None:
            try:
                return await vault.reveal(GLOBAL, name)
            except NotFound:
                return None

        self._dispatcher = Dispatcher(
            runtimes=self.runtimes,
            library=library,
            values=values,
            processes=Processes(library, around, files),
            read_secret=read_secret,
            secrets_in_use=secrets_in_use,
            clock=clock,
        )
        self.house = House(
            store=self.store,
            shelf=shelf,
            values=values,
            dispatcher=self._dispatcher,
            feed=Feed(),
            clock=clock,
            announcers={},
        )
        executions = Executions(self.store, self.house, shelf, self._dispatcher, clock)
        self._dispatcher.children = ChildExecutions(self.store, self.house, executions.start_child)
        self.services = Services(
            settings=settings,
            clock=clock,
            workflows=Workflows(self.store, shelf, clock),
            executions=executions,
            library=library,
            store=self.store,
            artifacts=artifacts,
            values=values,
            tokens=self.store.tokens,
            vault=vault,
            egress=egress,
            secrets_in_use=secrets_in_use,
            log_file=files.log_file,
            runtimes=tuple(self.runtimes),
        )

    async def open(self) -> None:
        """Take up what an earlier server left, and begin to work."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._dispatcher.open()
        count = await self.house.recover()
        if count:
            log.info("recovered", executions=count)

    async def close(self) -> None:
        """Stop; steps of the local runtime go on and are found again by the next server."""
        self.house.close()
        await self._dispatcher.close()
        await self.store.close()
