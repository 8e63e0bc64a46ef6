"""Every expression of a definition, with its pointer and what stands around it.

This file finds sources and never reads them: what a place allows is said by `headrace.engine.checking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal as OneOf, assert_never

from msgspec import Struct

from headrace.definition.model import (
    Action,
    AwaitApproval,
    AwaitSignal,
    AwaitTime,
    CallTask,
    Nothing,
    RunCommand,
    RunGroup,
    RunWorkflow,
    TaskDefinition,
    WorkflowDefinition,
)
from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Template, Text

Kind = OneOf["input", "asked", "items", "check", "transition", "retry", "limit", "result", "start"]


class Place(Struct, frozen=True):
    """Where an expression stands."""

    path: str
    """JSON pointer into the model."""
    source: str
    kind: Kind
    """`input` of a job; `asked` of a wait; `items`; `check`; `transition`; `retry` condition; time `limit`;
    `result` of a group or of the workflow; `start` of the execution (variables, concurrency key)."""
    task: str | None
    tasks: frozenset[str]
    """Names of the tasks that can be referred to: those of this scope and of the scopes around it."""
    has_item: bool
    """Whether it is evaluated for an element of a foreach."""


class _Around(Struct, frozen=True):
    """What is the same for all places of one task."""

    task: str | None
    tasks: frozenset[str]
    has_item: bool


def places(definition: WorkflowDefinition) -> Iterator[Place]:
    """Yield every expression of the definition, in its order."""
    names = frozenset(task.name for task in definition.tasks)
    start = _Around(task=None, tasks=frozenset(), has_item=False)
    end = _Around(task=None, tasks=names, has_item=False)
    for index, (_, template) in enumerate(definition.variables):
        yield from _template(template, f"/variables/{index}/value", "start", start)
    if definition.concurrency_key is not None:
        yield from _template(definition.concurrency_key, "/concurrency_key", "start", start)
    for index, task in enumerate(definition.tasks):
        yield from _task(task, f"/tasks/{index}", end)
    if definition.closing is not None:
        yield from _task(definition.closing, "/closing", end)
    for index, output in enumerate(definition.outputs):
        yield from _template(output.value, f"/outputs/{index}/value", "result", end)


def sources(template: Template) -> Iterator[str]:
    """Yield every expression of a template, in its order."""
    nowhere = _Around(task=None, tasks=frozenset(), has_item=False)
    return (place.source for place in _template(template, "", "result", nowhere))


def _task(task: TaskDefinition, path: str, outside: _Around) -> Iterator[Place]:
    whole = _Around(task.name, outside.tasks, outside.has_item)
    tried = _Around(task.name, outside.tasks, outside.has_item or task.items is not None)
    for index, check in enumerate(task.checks):
        yield _place(check.expression, f"{path}/checks/{index}/expression", "check", whole)
        yield from _template(check.sentence, f"{path}/checks/{index}/sentence", "check", whole)
    if task.items is not None:
        yield from _template(task.items.items, f"{path}/items/items", "items", whole)
    if task.timeout is not None:
        yield from _template(task.timeout, f"{path}/timeout", "limit", tried)
    yield from _action(task.action, f"{path}/action", tried)
    if task.fallback is not None:
        yield from _action(task.fallback, f"{path}/fallback", tried)
    if task.retry is not None and task.retry.on is not None:
        yield _place(task.retry.on, f"{path}/retry/on", "retry", tried)
    for index, edge in enumerate(task.next):
        if edge.when is not None:
            yield _place(edge.when, f"{path}/next/{index}/when", "transition", whole)
        for place, (_, template) in enumerate(edge.publish):
            yield from _template(template, f"{path}/next/{index}/publish/{place}/value", "transition", whole)


def _action(action: Action, path: str, around: _Around) -> Iterator[Place]:
    match action:
        case CallTask(inputs=inputs) | RunWorkflow(inputs=inputs):
            yield from _templates(inputs, f"{path}/inputs", "input", around)
        case RunCommand():
            for index, argument in enumerate(action.argv or ()):
                yield from _template(argument, f"{path}/argv/{index}", "input", around)
            yield from _templates(action.environment, f"{path}/environment", "input", around)
            yield from _optional(action.stdin, f"{path}/stdin", "input", around)
            for index, source in enumerate(action.recording.sources if action.recording else ()):
                yield from _template(source, f"{path}/recording/sources/{index}", "input", around)
        case RunGroup():
            inside = frozenset(task.name for task in action.tasks)
            within = _Around(around.task, around.tasks | inside, around.has_item)
            for index, task in enumerate(action.tasks):
                yield from _task(task, f"{path}/tasks/{index}", within)
            yield from _templates(action.outputs, f"{path}/outputs", "result", within)
        case AwaitApproval():
            yield from _optional(action.prompt, f"{path}/prompt", "asked", around)
            yield from _templates(action.details, f"{path}/details", "asked", around)
            yield from _optional(action.timeout, f"{path}/timeout", "limit", around)
        case AwaitSignal():
            yield from _template(action.signal, f"{path}/signal", "asked", around)
            yield from _optional(action.timeout, f"{path}/timeout", "limit", around)
        case AwaitTime():
            yield from _optional(action.seconds, f"{path}/seconds", "limit", around)
            yield from _optional(action.until, f"{path}/until", "limit", around)
        case Nothing():
            return
        case _:
            assert_never(action)


def _optional(template: Template | None, path: str, kind: Kind, around: _Around) -> Iterator[Place]:
    if template is not None:
        yield from _template(template, path, kind, around)


def _templates(parts: Mapping[str, Template], path: str, kind: Kind, around: _Around) -> Iterator[Place]:
    for name, template in parts.items():
        yield from _template(template, f"{path}/{escaped(name)}", kind, around)


def _template(template: Template, path: str, kind: Kind, around: _Around) -> Iterator[Place]:
    match template:
        case Literal():
            return
        case Expr(source=source):
            yield _place(source, path, kind, around)
        case Text(parts=parts):
            for part in parts:
                if isinstance(part, Expr):
                    yield _place(part.source, path, kind, around)
        case ListOf(items=items):
            for index, item in enumerate(items):
                yield from _template(item, f"{path}/{index}", kind, around)
        case ObjectOf(entries=entries):
            yield from _templates(entries, path, kind, around)
        case _:
            assert_never(template)


def _place(source: str, path: str, kind: Kind, around: _Around) -> Place:
    return Place(path, source, kind, around.task, around.tasks, around.has_item)


def escaped(name: str) -> str:
    """Return a name as a segment of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
