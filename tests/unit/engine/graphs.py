"""A small vocabulary for definitions in tests: `flow(task("a", "b"), task("b"))` is a chain of two calls.

A bare name is an edge that is taken when the task succeeded; values that are texts are expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headrace.definition.model import (
    AwaitApproval,
    AwaitSignal,
    AwaitTime,
    CallTask,
    Check,
    ForEach,
    Nothing,
    OutputDefinition,
    RunGroup,
    RunWorkflow,
    TaskDefinition,
    Transition,
    WorkflowDefinition,
)
from headrace.definition.templates import Expr, Literal, Template
from headrace.engine import messages
from headrace.engine.execution import Execution, TaskRun
from headrace.testing.simulator import Rehearsal, Request

NOTHING = Nothing()


def value(given: Any) -> Template:
    """A text is an expression, anything else stands for itself."""
    return Expr(given) if isinstance(given, str) else Literal(given)


def values(given: dict[str, Any]) -> dict[str, Template]:
    return {name: value(part) for name, part in given.items()}


def to(*targets: str, when: str | None = None, **published: Any) -> Transition:
    return Transition(to=targets, when=when, publish=tuple(values(published).items()))


def on_success(*targets: str, **published: Any) -> Transition:
    return to(*targets, when="succeeded()", **published)


def on_failure(*targets: str, **published: Any) -> Transition:
    return to(*targets, when="failed()", **published)


def resolved(*targets: str, when: str | None = None) -> Transition:
    return Transition(to=targets, when=when, resolved=True)


def task(name: str, *next: Transition | str, when: str | None = None, **more: Any) -> TaskDefinition:
    """A call of a task type, unless `action` says otherwise; `items` may be a bare template value."""
    edges = tuple(on_success(edge) if isinstance(edge, str) else edge for edge in next)
    if when is not None:
        more["checks"] = (Check(expression=when, code="condition_false", sentence=Literal("No.")),)
    if "items" in more and not isinstance(more["items"], ForEach):
        more["items"] = ForEach(items=value(more["items"]))
    return TaskDefinition(name=name, next=edges, **{"action": call(), **more})


def call(**inputs: Any) -> CallTask:
    return CallTask(type="test.work", inputs=values(inputs))


def group(*tasks: TaskDefinition, **outputs: Any) -> RunGroup:
    return RunGroup(tasks=tasks, outputs=values(outputs))


def child(workflow: str = "other") -> RunWorkflow:
    return RunWorkflow(workflow=workflow)


def each(items: Any, **more: Any) -> ForEach:
    return ForEach(items=value(items), **more)


def approval(seconds: float | None = None) -> AwaitApproval:
    return AwaitApproval(timeout=None if seconds is None else Literal(seconds))


def signal(name: str, seconds: float | None = None) -> AwaitSignal:
    return AwaitSignal(signal=Literal(name), timeout=None if seconds is None else Literal(seconds))


def wait(seconds: float) -> AwaitTime:
    return AwaitTime(seconds=Literal(seconds))


def flow(*tasks: TaskDefinition, outputs: dict[str, Any] | None = None, **more: Any) -> WorkflowDefinition:
    declared = tuple(OutputDefinition(name=name, value=value(part)) for name, part in (outputs or {}).items())
    return WorkflowDefinition(name="test", dialect="test", tasks=tasks, outputs=declared, **more)


def run_of(execution: Execution, name: str, *, visit: int | None = None, item: int = -1) -> TaskRun:
    """The latest run of that name (and visit, and item), wherever it stands."""
    found = [
        run
        for run in execution.runs.values()
        if run.task == name and run.item == item and (visit is None or run.visit == visit)
    ]
    assert found, f"'{name}' has no such run"
    return found[-1]


def all_states(execution: Execution, name: str) -> list[str]:
    """The states of all runs of that name, in order of beginning."""
    return [run.state for run in execution.runs.values() if run.task == name]


def visits(execution: Execution) -> dict[str, int]:
    """How many visits of each task of the workflow itself have begun."""
    return dict(execution.scopes[0].visits)


def at(after: float, message: messages.Message | Callable[[Execution], messages.Message]) -> Request:
    return Request(after, message)


def about(message: Callable[..., Any], name: str, **more: Any) -> Callable[[Execution], Any]:
    """A message about the latest run of a task."""
    return lambda execution: message(run=run_of(execution, name).number, **more)


def attempts(rehearsal: Rehearsal, name: str) -> list[tuple[str | None, bool]]:
    """Outcome of each attempt of a task, and whether it was the fallback."""
    return [(tried.outcome, tried.fallback) for tried in run_of(rehearsal.execution, name).tries]


def names_of(execution: Execution, runs: Iterable[int]) -> list[str]:
    return [execution.runs[number].task for number in runs]
