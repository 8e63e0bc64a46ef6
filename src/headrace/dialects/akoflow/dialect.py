"""This dialect as the server knows it: name, doors, and how a document that is not sent to a door is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.akoflow import host_paths, judging, parse as documents
from headrace.dialects.akoflow.directories import inputs_of
from headrace.dialects.akoflow.host_paths import HostPaths
from headrace.dialects.akoflow.labels import OWN_LABELS, RERUN_OF, labels_of
from headrace.dialects.akoflow.parse import Parsed
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.wire import DIALECT
from headrace.dialects.protocol import Announce, Background, ReadyStart, ToldRefusal
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.engine.rerun import StartFrom
from headrace.errors import InvalidInput, Problem
from headrace.runtimes.protocol import Capabilities
from headrace.security.redaction import SecretsInUse
from headrace.settings import Settings
from headrace.store.rows import WorkflowRow
from headrace.tasks.library import Library


class AkoflowDialect:
    """The AkoFlow dialect."""

    name = DIALECT
    prefixes = ("/akoflow-api", "/akoflow-server", "/akoflow-admin")
    workflow_prefix = None
    execution_prefix = None

    def max_body(self, settings: Settings) -> int:
        """Return the largest body of a document, in bytes."""
        return settings.akoflow.max_body

    def recognises(self, document: Any) -> bool:
        """Tell whether a document looks like one of this dialect: activities, in `spec` or at the root."""
        if not isinstance(document, dict):
            return False
        spec = document.get("spec")
        inner = spec if isinstance(spec, dict) else document
        return isinstance(inner.get("activities"), list)

    def parse(self, source: bytes, _library: Library, *, max_tasks: int) -> Parsed:
        """Read a document; every problem has the line and the column of its place."""
        return documents.parse(source, Surroundings(max_activities=max_tasks))

    def parse_for(self, source: bytes, settings: Settings, runtimes: Mapping[str, Capabilities]) -> Parsed:
        """Read a document as a server with these settings and runtimes would."""
        return judging.read_for(source, settings, runtimes, judging.surroundings_of(settings, runtimes))

    async def parse_here(self, source: bytes, services: Any) -> Parsed:
        """Read a document that is sent to another door of a server."""
        from headrace.dialects.akoflow.routes.reading import read_here

        return await read_here(source, services)

    def announcer(
        self, take: Callable[[], int], loaded: Mapping[str, Any], secrets: SecretsInUse
    ) -> Announce:
        """Return what makes the deliveries of a commit."""
        from headrace.dialects.akoflow.announcing import announcer  # only servers tell anybody

        return announcer(take, loaded, secrets)

    own_labels = OWN_LABELS

    async def ready_start(
        self,
        workflow: WorkflowRow,  # noqa: ARG002 - the seam has it
        definition: WorkflowDefinition,
        inputs: Mapping[str, Any],
        number: int,
        services: Any,
        *,
        credentials: Collection[str] = (),  # noqa: ARG002 - the seam has it
    ) -> ReadyStart:
        """Return what a start at another door needs: its webhooks are told, and it gets a directory."""
        message = "An AkoFlow workflow has no inputs."
        problems = [Problem(path=f"/inputs/{name}", code="unknown_input", message=message) for name in inputs]
        problems += host_paths.problems_of(definition, HostPaths.of(services.settings))
        if problems:
            raise InvalidInput(problems, problems[0].message if len(problems) == 1 else None)
        return ReadyStart(inputs_of(number, services.settings.data_dir), labels_of(definition))

    async def plan_again(
        self, execution: Execution, start_from: StartFrom, services: Any
    ) -> dict[str, Planned]:
        """Return the plan of a rerun: what it takes over must be there, and what was changed runs again."""
        from headrace.dialects.akoflow.routes.replanning import plan_again  # needs the orchestrator

        return await plan_again(execution, start_from, services)

    async def ready_rerun(
        self,
        execution: Execution,
        plan: Mapping[str, Planned],  # noqa: ARG002 - the seam has it
        alias: str,  # noqa: ARG002 - the seam has it
        services: Any,  # noqa: ARG002 - the seam has it
        *,
        credentials: Collection[str] = (),  # noqa: ARG002 - the seam has it
    ) -> dict[str, str]:
        """Return the labels of a rerun at another door."""
        return labels_of(execution.definition) | {RERUN_OF: str(execution.number)}

    def background(self, services: Any) -> Background | None:
        """Return what removes old directories; None where none is ever removed."""
        kept: timedelta | None = services.settings.akoflow.retention
        if kept is None:
            return None
        from headrace.dialects.akoflow.routes.tidying import (
            Tidying,  # needs the orchestrator, which servers have
        )

        return Tidying(services, kept)

    def refusal(self, status: int, code: str, message: str) -> ToldRefusal:
        """Return an error answer in the shape of this dialect."""
        from headrace.dialects.akoflow.routes.refusals import Refusal  # for servers only

        refusal = Refusal(status, code, message)
        return ToldRefusal(refusal.content(), refusal.media_type)

    def application(self, services: Any) -> Any:
        """Return the doors: an ASGI application; `services` is the orchestrator's `Services`."""
        from headrace.dialects.akoflow.routes import application  # the web framework is for servers only

        return application(services)
