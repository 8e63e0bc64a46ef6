"""What an expression can see at one place in an execution.

Everything is looked up when it is asked for, so that a condition on one name costs one look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from headrace.definition.outcomes import Failure
from headrace.definition.templates import Json, ValueRef
from headrace.engine.execution import NO_ITEM, Execution, Scope, TaskRun, Variables
from headrace.expressions import ExpressionError, Lazy, Missing, NeedsValue
from headrace.ids import uuid7


class Names:
    """The scope of expressions of one task run, or of the whole execution where there is no run."""

    __slots__ = ("_at", "_execution", "_failed", "_made", "_run", "_scope", "_values", "_variables")

    def __init__(
        self,
        execution: Execution,
        scope: Scope,
        run: TaskRun | None,
        at: float,
        values: Mapping[str, Json],
        failed: tuple[str, Failure] | None = None,
    ) -> None:
        self._execution = execution
        self._scope = scope
        self._run = run
        self._at = at
        self._values = values
        self._failed = failed
        """How an attempt ended and why, while it is not yet known whether another one follows."""
        self._variables: Variables = run.variables if run is not None else _at_the_end(scope)
        self._made = 0

    def publish(self, name: str, value: Json) -> None:
        """Let what follows see a variable that this path sets."""
        self._variables = {**self._variables, name: value}

    def restore(self, run: TaskRun) -> None:
        """Forget what was published since the run ended."""
        self._variables = run.variables

    def lookup(self, name: str) -> Json:
        """Return the value of a root name; published variables are bare names too."""
        match name:
            case "inputs":
                return self._execution.inputs
            case "tasks":
                return Tasks(self._execution, self._scope)
            case "item" | "index" if (element := self._element()) is not None:
                return element.item if name == "index" else self._item(element)
            case "vars":
                return Vars(self._variables, self._execution.variables)
            case "execution":
                return About(self._execution)
            case "secrets":
                raise ExpressionError("A secret may only stand in the inputs of a task")
            case _:
                return Vars(self._variables, self._execution.variables).field(name)

    def call(self, name: str, arguments: list[Json]) -> Json:
        """Call a context function."""
        match name:
            case "now":
                return moment_text(self._at)
            case "uuid":
                return self._uuid()
            case "failed_sources":
                return self._failed_sources()
            case "skipped_sources":
                return self._skipped_sources(arguments[0])
        run = self._run
        if run is None:
            raise ExpressionError(f"'{name}()' is only available in transitions")
        if name == "result":
            return TaskView(run, self._failed)
        state = run.state if self._failed is None else self._failed[0]
        if name == "failed":
            return state in ("failed", "cancelled", "lost")
        return state == name

    def load(self, ref: ValueRef) -> Json | None:
        """Return a large value if it came with the message."""
        return self._values.get(ref.sha256)

    def _element(self) -> TaskRun | None:
        """Return the nearest element of a foreach here: the run itself, or the run of a group around it."""
        runs, scopes = self._execution.runs, self._execution.scopes
        run, scope = self._run, self._scope
        while run is None or run.item == NO_ITEM:
            if scope.owner is None:
                return None
            run = runs[scope.owner]
            scope = scopes[run.scope]
        return run

    def _item(self, run: TaskRun) -> Json:
        foreach = self._execution.runs[run.aggregate].foreach
        assert foreach is not None
        items = foreach.items
        if isinstance(items, ValueRef):
            loaded = self._values.get(items.sha256)
            if loaded is None:
                raise NeedsValue((items,))
            items = loaded
        return items[run.item]

    def _uuid(self) -> str:
        self._made += 1
        place = self._run.number if self._run is not None else 0
        tries = len(self._run.tries) if self._run is not None else 0
        text = f"{self._execution.seed}:{place}:{tries}:{self._execution.seq}:{self._made}"
        return uuid7(self._at, int.from_bytes(hashlib.sha256(text.encode()).digest()[:16]))

    def _sources(self) -> list[TaskRun]:
        run = self._run
        node = self._execution.node(run) if run is not None else None
        if node is None:
            raise ExpressionError("sources are only known in checks")
        finished = self._scope.finished
        return [self._execution.runs[finished[name]] for name in node.sources if name in finished]

    def _failed_sources(self) -> list[str]:
        self._sources()  # refuses where nothing has sources
        assert self._run is not None
        failed = (self._execution.runs[number].task for number in self._execution.failed_behind(self._run))
        return list(dict.fromkeys(failed))

    def _skipped_sources(self, names: Json) -> list[str]:
        if not isinstance(names, list):
            raise ExpressionError("skipped_sources() takes a list of task names")
        return [run.task for run in self._sources() if run.state == "skipped" and run.task in names]


def _at_the_end(scope: Scope) -> Variables:
    return {**scope.variables, **scope.published}


class About(Lazy):
    """`execution`: what it is."""

    __slots__ = ("_execution",)

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def field(self, name: str) -> Json:
        """Return `id number started_at workflow version`, or whether any earlier result is used, `reuses`."""
        execution = self._execution
        match name:
            case "id" | "number" | "workflow" | "version":
                return getattr(execution, name)
            case "started_at":
                return moment_text(execution.created_at)
            case "reuses":
                return any(planned.mode == "reuse" for planned in execution.plan.values())
            case _:
                raise Missing(name)

    def whole(self) -> Json:
        """Return all of it."""
        names = ("id", "number", "started_at", "workflow", "version", "reuses")
        return {name: self.field(name) for name in names}


class Tasks(Lazy):
    """`tasks`: the latest ended visit of each task, of this scope and those around it."""

    __slots__ = ("_execution", "_scope")

    def __init__(self, execution: Execution, scope: Scope) -> None:
        self._execution = execution
        self._scope = scope

    def field(self, name: str) -> Json:
        """Return what is known of a task that has ended."""
        scope = self._scope
        while True:
            number = scope.finished.get(name)
            if number is not None:
                return TaskView(self._execution.runs[number])
            if scope.owner is None:
                raise Missing(name)
            scope = self._execution.scopes[self._execution.runs[scope.owner].scope]

    def whole(self) -> Json:
        """Return all ended tasks of this scope."""
        runs = self._execution.runs
        return {name: TaskView(runs[number]).whole() for name, number in self._scope.finished.items()}


class TaskView(Lazy):
    """What expressions see of a task run, or of its attempt that has just failed."""

    __slots__ = ("_failure", "_run", "_state")

    def __init__(self, run: TaskRun, failed: tuple[str, Failure] | None = None) -> None:
        self._run = run
        self._state: str = run.state if failed is None else failed[0]
        self._failure = run.failure if failed is None else failed[1]

    def field(self, name: str) -> Json:
        """Return `outputs status reason error attempts visit`; any other name is sought among the outputs."""
        run = self._run
        match name:
            case "outputs":
                return run.outputs
            case "status":
                return self._state
            case "attempts":
                return len(run.tries)
            case "visit":
                return run.visit
            case "reason":
                return (
                    None if run.reason is None else {"code": run.reason.code, "sentence": run.reason.sentence}
                )
            case "error":
                return (
                    None
                    if self._failure is None
                    else {"code": self._failure.code, "message": self._failure.message}
                )
            case _:
                if name in run.outputs:
                    return run.outputs[name]
                raise Missing(name)

    def whole(self) -> Json:
        """Return all of it."""
        names = ("outputs", "status", "reason", "error", "attempts", "visit")
        return {name: self.field(name) for name in names}


class Vars(Lazy):
    """`vars`: the variables on this path, then those of the whole execution."""

    __slots__ = ("_everywhere", "_path")

    def __init__(self, path: Variables, everywhere: Variables) -> None:
        self._path = path
        self._everywhere = everywhere

    def field(self, name: str) -> Json:
        """Return one variable."""
        if name in self._path:
            return self._path[name]
        if name in self._everywhere:
            return self._everywhere[name]
        raise Missing(name)

    def whole(self) -> Json:
        """Return all of them."""
        return {**self._everywhere, **self._path}


def moment_text(moment: float) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
