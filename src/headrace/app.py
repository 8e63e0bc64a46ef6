"""The composition root: the only file that names concrete stores and runtimes.

Everything else is given what it needs; whoever wants another store or runtime changes this file alone.
"""

from __future__ import annotations

import gc
import shutil
import ssl
import sys
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from pydantic import SecretStr

from headrace import plugins
from headrace.artifacts.local import LocalArtifacts, open_local
from headrace.clock import Clock, SystemClock
from headrace.definition.outcomes import Failure
from headrace.dialects.protocol import Announcing, Background, Renaming, Working
from headrace.engine.execution import Execution
from headrace.errors import InvalidSettings, Problem
from headrace.notifications.notifier import Notifier
from headrace.notifications.signing import Signer, UnusableSecret
from headrace.orchestrator.children import ChildExecutions
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.dispatcher import Dispatcher
from headrace.orchestrator.executions import Executions
from headrace.orchestrator.feed import Feed
from headrace.orchestrator.house import House
from headrace.orchestrator.large_values import LargeValues
from headrace.orchestrator.mailbox import Announce
from headrace.orchestrator.retention import Retention
from headrace.orchestrator.services import Services
from headrace.orchestrator.signing_secrets import SigningSecrets
from headrace.orchestrator.workflows import Workflows
from headrace.provenance.recorder import Recorder
from headrace.runtimes import registry
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.inline import Call, InlineRuntime
from headrace.runtimes.logs import CallContext
from headrace.runtimes.protocol import Command, Job, JobEnded, Runtime, TaskCall
from headrace.security.egress import Egress
from headrace.security.egress_client import guarded_async_client
from headrace.security.redaction import Redactor, SecretsInUse
from headrace.security.sealing import Sealer, server_key
from headrace.security.secrets import SharedSecrets, Vault
from headrace.settings import Settings
from headrace.store.protocol import Store
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
    certificates: ssl.SSLContext,
) -> Call:
    """Return what makes a library call inside the server."""
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
            context,
            label=job.label,
            credentials=job.credentials,
            redactor=Redactor(job.secrets) if job.secrets else context.redactor,
            write_log=place.log,
        )
        return await calling.call(library.get(job.work.type), job.work.inputs, given)

    return call


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _operator(settings: Settings) -> Signer | None:
    """Return who signs the webhooks that name no secret; raises `InvalidSettings`."""
    secret = _plain(settings.webhook_secret)
    try:
        return None if secret is None else Signer(secret)
    except UnusableSecret as error:
        message = f"webhook_secret cannot be used: {error.message}"
        raise InvalidSettings([Problem(path="webhook_secret", code=error.code, message=message)]) from error


def _announcers(take: Callable[[], int], values: LargeValues, secrets: SecretsInUse) -> dict[str, Announce]:
    """Return what makes the deliveries of each dialect that tells others outside."""
    return {
        plugin.name: plugin.value.announcer(take, values.at_hand, secrets)
        for plugin in plugins.load(plugins.DIALECTS).found
        if isinstance(plugin.value, Announcing)
    }


def _kept_alias() -> Callable[[str], str | None]:
    """Return what tells for any name that a dialect knows an execution by the one that the store has."""
    ways = [
        plugin.value.kept_alias
        for plugin in plugins.load(plugins.DIALECTS).found
        if isinstance(plugin.value, Renaming)
    ]
    return lambda alias: next((kept for way in ways if (kept := way(alias))), None)


def _surroundings(settings: Settings, own_addresses: tuple[tuple[str, int], ...]) -> process.Surroundings:
    """Return what a library call in a process of its own must know of this server."""
    return process.Surroundings(
        artifacts=_ARTIFACTS_OPENER,
        artifacts_root=str((settings.data_dir / "artifacts").absolute()),
        egress_allow=tuple(settings.egress_allow),
        own_addresses=own_addresses,
        limits=Limits(file=settings.dataflow.max_file),
    )


def _notifier(
    settings: Settings,
    store: Store,
    client: Callable[[], httpx2.AsyncClient],
    vault: Vault,
    secrets_in_use: SecretsInUse,
    clock: Clock,
) -> Notifier:
    """Return who sends webhooks; raises `InvalidSettings`."""
    return Notifier(
        store.deliveries,
        client,
        reveal=vault.reveal,
        operator=_operator(settings),
        secrets_in_use=secrets_in_use,
        clock=clock,
    )


def _retention(services: Services, house: House) -> Retention:
    """Return who lets go of what nobody has to keep."""
    signing = SigningSecrets(services.store, services.starts, house.label_values)
    return Retention(
        services.store,
        services.artifacts,
        house.given_files,
        services.clock,
        forget_signing=signing.forget,
        uploads=services.settings.dataflow.file_retention,
        deliveries=services.settings.webhooks.log_retention,
    )


def _recorder(
    settings: Settings,
    store: Store,
    artifacts: LocalArtifacts,
    clock: Clock,
    runtimes: Mapping[str, Runtime],
) -> Recorder:
    """Return who notes what attempts do to files, on any of the runtimes."""

    def lives() -> dict[int, tuple[float, float]]:
        return {
            attempt: (at, runtime.ends.get(attempt, inf))
            for runtime in dict.fromkeys(runtimes.values())
            for attempt, at in runtime.starts.items()
        }

    return Recorder(
        store.provenance,
        store.numbers,
        artifacts.directory,
        clock,
        max_file=settings.akoflow.artifact_max_file,
        max_execution=settings.akoflow.artifact_max_workflow,
        lives=lives,
        private=str(settings.data_dir.absolute()),
    )


def _vault(settings: Settings, store: Store) -> Vault:
    """Return who keeps secrets, sealed with the key of the settings or of the data directory."""
    return Vault(Sealer(server_key(_plain(settings.secret_key), settings.data_dir)), store.secrets)


def _runtimes(
    settings: Settings,
    library: Library,
    artifacts: LocalArtifacts,
    own_addresses: tuple[tuple[str, int], ...],
    certificates: ssl.SSLContext,
    files: AttemptDirectories,
) -> registry.Registry:
    """Return every runtime that is installed and configured, and the one inside the server."""
    call = _caller(settings, library, artifacts, own_addresses, certificates)
    return registry.installed(settings, [InlineRuntime(call, files)])


def _background(services: Services) -> list[Background]:
    """Return what dialects do beside their doors."""
    found = plugins.load(plugins.DIALECTS).found
    works = [plugin.value.background(services) for plugin in found if isinstance(plugin.value, Working)]
    return [work for work in works if work is not None]


class Processes:
    """Library calls that need a process of their own, as commands of the local runtime."""

    def __init__(self, library: Library, around: process.Surroundings, files: AttemptDirectories) -> None:
        self._library = library
        self._around = around
        self._files = files

    def command(self, type: str, inputs: dict[str, Any], label: str, secrets: tuple[str, ...]) -> Command:
        """Return the command that makes the call; `secrets` are the secret values among the inputs."""
        task_type = self._library.get(type)
        stdin = process.stdin(task_type, inputs, self._around, label, secrets=secrets)
        return Command(argv=process.argv(), stdin=stdin, options={"capture": False})

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

    def tidy(self, attempt: int) -> None:
        """Remove what the worker left, when its result is remembered."""
        shutil.rmtree(self._files.path(attempt), ignore_errors=True)


class Server:
    """One server with everything that it is made of, opened and closed in order."""

    def __init__(self, settings: Settings, *, own_addresses: tuple[tuple[str, int], ...] = ()) -> None:
        clock = SystemClock()
        self.store = open_sqlite(settings.data_dir, clock=clock)
        vault = _vault(settings, self.store)
        secrets_in_use = SecretsInUse()
        library = Library.installed(why_no_commands=settings.local.why_no_shell)
        artifacts = open_local(settings.data_dir / "artifacts")
        values = LargeValues(artifacts)
        shelf = Shelf(self.store.definitions)
        egress = Egress(settings.egress_allow, own_addresses)
        files = AttemptDirectories(settings.data_dir / "attempts")
        certificates = httpx2.create_ssl_context()
        self.runtimes = _runtimes(settings, library, artifacts, own_addresses, certificates, files)
        capabilities = registry.capabilities_of(settings, self.runtimes)
        self._recorder = _recorder(settings, self.store, artifacts, clock, self.runtimes)
        self._dispatcher = Dispatcher(
            runtimes=self.runtimes,
            capabilities=capabilities,
            library=library,
            values=values,
            processes=Processes(library, _surroundings(settings, own_addresses), files),
            files=self._recorder,
            secrets=SharedSecrets(vault),
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
            announcers=_announcers(self.store.numbers.take, values, secrets_in_use),
            kept_alias=_kept_alias(),
        )
        client = partial(guarded_async_client, egress, verify=certificates)
        self._notifier = _notifier(settings, self.store, client, vault, secrets_in_use, clock)
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
            samples=files.samples,
            redeliver=self._notifier.redeliver,
            runtimes=capabilities,
        )
        self._retention = _retention(self.services, self.house)
        self._background = _background(self.services)

    async def open(self) -> None:
        """Take up what an earlier server left, and begin to work."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._dispatcher.open()
        count = await self.house.recover()
        await self._recorder.resume()
        if count:
            log.info("recovered", executions=count)
        self.house.feed.follow(self._tell)
        self._notifier.open()
        self._retention.open()
        for work in self._background:
            work.open()

    async def close(self) -> None:
        """Stop; steps of the local runtime go on and are found again by the next server."""
        self.house.close()
        for work in self._background:
            await work.close()
        await self._retention.close()
        await self._dispatcher.close()
        await self._recorder.close()
        await self._notifier.close()
        await self.store.close()

    def _tell(self, execution: Execution, _before: int) -> None:
        if "webhook" in execution.labels:
            self._notifier.wake()
