"""This dialect as the server knows it: name, doors, and how a document that is not sent to a door is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec.structs import replace

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.dataflow import parse as documents
from headrace.dialects.dataflow.names import fold
from headrace.dialects.dataflow.parse import DIALECT, Parsed
from headrace.dialects.dataflow.wire import EXECUTION_ID, MOST_TASKS, WORKFLOW, Style
from headrace.dialects.protocol import Announce, ReadyStart, ToldRefusal
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.errors import InvalidDefinition, Problem
from headrace.security.documents import Document, read
from headrace.security.redaction import SecretsInUse
from headrace.settings import Settings
from headrace.store.rows import WorkflowRow
from headrace.tasks.library import Library


class DataflowDialect:
    """The Data Flow Platform dialect."""

    name = DIALECT
    prefixes = ("/workflows", "/files", "/task-types")
    workflow_prefix = "wf"
    execution_prefix = "we"

    def max_body(self, settings: Settings) -> int:
        """Return the largest body of a document, in bytes."""
        return settings.dataflow.max_body

    def recognises(self, document: Any) -> bool:
        """Tell whether a document looks like one of this dialect: it has a title and a list of tasks."""
        if not isinstance(document, dict):
            return False
        fields = {WORKFLOW.fields.get(fold(key)): value for key, value in document.items()}
        return "title" in fields and isinstance(fields.get("tasks"), list)

    def parse(self, source: bytes, library: Library, *, max_tasks: int) -> Parsed:
        """Read a document in JSON or YAML; every problem has the line and the column of its place."""
        try:
            document = read(source)
        except InvalidDefinition as error:
            return Parsed(None, error.problems, (), (), Style())
        parsed = documents.parse(document.value, library, max_tasks=min(max_tasks, MOST_TASKS))
        return replace(
            parsed,
            problems=tuple(_located(problem, document) for problem in parsed.problems),
            warnings=tuple(_located(warning, document) for warning in parsed.warnings),
        )

    def announcer(
        self, take: Callable[[], int], loaded: Mapping[str, Any], secrets: SecretsInUse
    ) -> Announce:
        """Return what makes the deliveries of a commit, and the files that they name."""
        from headrace.dialects.dataflow.announcing import announcer  # only servers tell anybody

        return announcer(take, loaded, secrets)

    def kept_alias(self, alias: str) -> str | None:
        """Return `we-X` for `ex-X`, which names the same run; None for what is no id of a run."""
        match = EXECUTION_ID.match(alias)
        return f"{self.execution_prefix}-{match[2]}" if match else None

    @property
    def own_labels(self) -> frozenset[str]:
        """Return the names of the labels by which runs remember what was asked at a door of this dialect."""
        from headrace.dialects.dataflow.routes import elsewhere  # needs the orchestrator, which doors have

        return elsewhere.OWN_LABELS

    async def ready_start(
        self,
        workflow: WorkflowRow,
        definition: WorkflowDefinition,
        inputs: Mapping[str, Any],
        number: int,  # noqa: ARG002 - the seam has it
        services: Any,
        *,
        credentials: Collection[str] = (),
    ) -> ReadyStart:
        """Check and complete a start at another door; raises InvalidInput."""
        from headrace.dialects.dataflow.routes import elsewhere

        return await elsewhere.ready_start(workflow, definition, inputs, credentials, services)

    async def ready_rerun(
        self,
        execution: Execution,
        plan: Mapping[str, Planned],
        alias: str,
        services: Any,
        *,
        credentials: Collection[str] = (),
    ) -> dict[str, str]:
        """Check a rerun at another door and return its labels; raises InvalidInput."""
        from headrace.dialects.dataflow.routes import elsewhere

        return await elsewhere.ready_rerun(execution, plan, alias, credentials, services)

    def refusal(self, status: int, code: str, message: str) -> ToldRefusal:
        """Return an error answer in the shape of this dialect."""
        from headrace.dialects.dataflow.routes.refusals import Refusal  # for servers only

        refusal = Refusal(status, code, message)
        return ToldRefusal(refusal.content(), refusal.media_type)

    def application(self, services: Any) -> Any:
        """Return the doors of the dialect, an ASGI application; `services` is the orchestrator's."""
        from headrace.dialects.dataflow.routes import application  # the web framework is for servers only

        return application(services)


def _located(problem: Problem, document: Document) -> Problem:
    place = document.locate_nearest(problem.path)
    return replace(problem, line=place.line, column=place.column)
