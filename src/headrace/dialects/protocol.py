"""What every wire language offers; adding one is making such a value and naming it in an entry point.

A dialect is its own ASGI application with its own errors; the table of doors picks it by path.
What its application finds in the scope of each request is said in `headrace.security.callers`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct, field

from headrace.definition.model import WorkflowDefinition
from headrace.engine import events
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.engine.rerun import StartFrom
from headrace.errors import Problem
from headrace.runtimes.protocol import Capabilities
from headrace.security.redaction import SecretsInUse
from headrace.settings import Settings
from headrace.store.rows import Delivery, FileRow, WorkflowRow
from headrace.tasks.library import Library

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Announce = Callable[[Execution, Sequence[events.AnyEvent], int], Sequence[Delivery | FileRow]]
"""The execution after a commit's events, the events, and the sequence number before them, to what is told.

A file that is named in what is told, by an id of the dialect, is remembered in the same transaction."""


class Parsed(Protocol):
    """What became of a document."""

    @property
    def definition(self) -> WorkflowDefinition | None:
        """The model; None when there are problems."""

    @property
    def problems(self) -> Sequence[Problem]:
        """Everything that is wrong, in document order, with line and column where the text has them."""

    @property
    def warnings(self) -> Sequence[Problem]:
        """What is accepted, though perhaps not meant."""


class Dialect(Protocol):
    """One wire language."""

    @property
    def name(self) -> str:
        """Its name, as in `?dialect=` and `WorkflowDefinition.dialect`."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Paths of its doors, as whole segments: `/workflows`."""

    @property
    def workflow_prefix(self) -> str | None:
        """Beginning of the aliases that its workflows get, `wf` for `wf-4g7h8j9k`; None for no alias."""

    @property
    def execution_prefix(self) -> str | None:
        """The same for executions that were started at another door."""

    def max_body(self, settings: Settings) -> int:
        """Return the largest body of a document, in bytes."""

    def recognises(self, document: Any) -> bool:
        """Tell whether a document that was read (a JSON value) looks like one of this dialect."""

    def parse(self, source: bytes, library: Library, *, max_tasks: int) -> Parsed:
        """Read a document, JSON or whatever else the dialect is written in.

        Whatever the bytes are, the answer is a value and never an exception.
        """

    def application(self, services: Any) -> Application:
        """Return the dialect's doors; `services` is `headrace.orchestrator.services.Services`.

        The value is typed by the dialect's `routes`, which alone may know the orchestrator.
        """


class ReadyStart(Struct, frozen=True):
    """A start that was checked by the rules of the workflow's dialect."""

    inputs: dict[str, Any]
    """Complete: a value for every input, and for what else the compiled workflow reads."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the dialect wants to find again."""
    warnings: tuple[Problem, ...] = ()


class ToldRefusal(Struct, frozen=True):
    """The answer of a request that is not met."""

    content: bytes
    media_type: str


@runtime_checkable
class Refusing(Protocol):
    """A dialect with errors of its own shape, for what the server refuses before it asks the dialect."""

    def refusal(self, status: int, code: str, message: str) -> ToldRefusal:
        """Return the answer with this status, as the dialect's own doors would have told it."""


@runtime_checkable
class Judging(Protocol):
    """A dialect whose documents are judged by what a server is like, at whatever door they come in."""

    def parse_for(self, source: bytes, settings: Settings, runtimes: Mapping[str, Capabilities]) -> Parsed:
        """Read a document as a server with these settings and runtimes would, without its store."""

    async def parse_here(self, source: bytes, services: Any) -> Parsed:
        """Read a document as `parse` does, for this server; `services` is as in `application`."""


@runtime_checkable
class Starting(Protocol):
    """A dialect whose rules for starts hold at every door; `services` is as in `application`."""

    @property
    def own_labels(self) -> frozenset[str]:
        """Names of labels that nobody else may set."""

    async def ready_start(
        self,
        workflow: WorkflowRow,
        definition: WorkflowDefinition,
        inputs: Mapping[str, Any],
        number: int,
        services: Any,
        *,
        credentials: Collection[str] = (),
    ) -> ReadyStart:
        """Check and complete a start, which gets this number and has credentials of these names.

        Raises `InvalidInput` with everything that is wrong.
        """

    async def ready_rerun(
        self,
        execution: Execution,
        plan: Mapping[str, Planned],
        alias: str,
        services: Any,
        *,
        credentials: Collection[str] = (),
    ) -> dict[str, str]:
        """Check a rerun that gets this alias, and return its labels; raises `InvalidInput`."""


@runtime_checkable
class Renaming(Protocol):
    """A dialect whose executions answer to more aliases than the one under which they are kept."""

    def kept_alias(self, alias: str) -> str | None:
        """Return the alias under which an execution of this other name is kept; None for no name of its own.

        Of the form alone: there need not be such an execution.
        """


@runtime_checkable
class Replanning(Protocol):
    """A dialect that looks at more than states when it plans a rerun; `services` is as in `application`."""

    async def plan_again(
        self, execution: Execution, start_from: StartFrom, services: Any
    ) -> dict[str, Planned]:
        """Return the plan of a rerun, as `engine.rerun.plan_rerun` does and with what it raises."""


class Background(Protocol):
    """Work that goes on beside the doors."""

    def open(self) -> None:
        """Begin, inside the running event loop."""

    async def close(self) -> None:
        """Stop."""


@runtime_checkable
class Working(Protocol):
    """A dialect that has something to do while the server is open; `services` is as in `application`."""

    def background(self, services: Any) -> Background | None:
        """Return the work, or None when the settings ask for none."""


@runtime_checkable
class Announcing(Protocol):
    """A dialect whose executions may ask, by the label `webhook`, to be told of outside."""

    def announcer(
        self, take: Callable[[], int], loaded: Mapping[str, Any], secrets: SecretsInUse
    ) -> Announce:
        """Return what makes the deliveries of a commit, which are remembered with it and sent after it.

        `take` gives their numbers; `loaded` has the large values that are at hand, by content hash; what
        `secrets` knows is masked in the bodies.
        """
