"""What is wrong with the structure of a definition, whatever dialect it was written in; all at once.

A dialect says more, in the words of its own documents; this is what the engine relies on.
Pointers lead into the model: `/tasks/2/next/0/to/1`, `/tasks/2/action/tasks/0/name`.
Expressions are looked at elsewhere (`headrace.engine.checking`), because this room cannot read them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import timedelta

from headrace.definition import shape
from headrace.definition.model import (
    Action,
    AwaitTime,
    ForEach,
    Retry,
    RunCommand,
    RunGroup,
    TaskDefinition,
    WorkflowDefinition,
)
from headrace.errors import Problem

MOST_TASKS = 50_000
"""Tasks of one definition, those in groups included (DESIGN, `MAX_TASKS`)."""

_NAMES_FOR_SUGGESTIONS = 1_000
"""Near names are not sought among more than these: that would take longer than the whole rest."""


def validate(definition: WorkflowDefinition, max_tasks: int = MOST_TASKS) -> list[Problem]:
    """Return all problems of the definition's structure, in the order of the definition."""
    count = _count(definition.tasks)
    if count > max_tasks:
        message = f"The workflow has {count} tasks; at most {max_tasks} are allowed."
        return [Problem(path="/tasks", code="too_many_tasks", message=message)]
    return [*_whole(definition), *_scope(definition.tasks, "/tasks", frozenset())]


def _count(tasks: Sequence[TaskDefinition]) -> int:
    return len(tasks) + sum(
        _count(action.tasks)
        for task in tasks
        for action in (task.action, task.fallback)
        if isinstance(action, RunGroup)
    )


def _whole(definition: WorkflowDefinition) -> Iterator[Problem]:
    yield from _duplicates([port.name for port in definition.inputs], "/inputs", "input")
    yield from _duplicates([output.name for output in definition.outputs], "/outputs", "output")
    yield from _duplicates([name for name, _ in definition.variables], "/variables", "variable")
    yield from _at_least(definition.max_visits, 1, "/max_visits", "The number of visits")
    yield from _longer_than_nothing(definition.timeout, "/timeout")
    closing = definition.closing
    if closing is None:
        return
    if any(task.name == closing.name for task in definition.tasks):
        message = f"The closing task has the name of the task '{closing.name}'."
        yield Problem(path="/closing/name", code="duplicate_name", message=message, task=closing.name)
    if closing.next:
        message = "The closing task leads nowhere, because everything else has ended."
        yield Problem(path="/closing/next", code="closing_leads_on", message=message, task=closing.name)
    yield from _task(closing, "/closing", frozenset())


def _duplicates(names: Sequence[str], path: str, what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            message = f"Another {what} has the name '{name}'."
            yield Problem(path=f"{path}/{index}/name", code="duplicate_name", message=message)
        seen.add(name)


def _scope(tasks: Sequence[TaskDefinition], path: str, around: frozenset[str]) -> Iterator[Problem]:
    """Yield the problems of the tasks of one scope; `around` are the names of the scopes around it."""
    names = frozenset(task.name for task in tasks)
    yield from _duplicates([task.name for task in tasks], path, "task")
    for index, task in enumerate(tasks):
        yield from _targets(task, f"{path}/{index}", names, around)
    edges = {
        task.name: tuple(dict.fromkeys(to for edge in task.next for to in edge.to if to in names))
        for task in tasks
    }
    yield from _joins(tasks, path, edges)
    yield from _resolved_edges(tasks, path, edges)
    for index, task in enumerate(tasks):
        yield from _task(task, f"{path}/{index}", around | names)


def _targets(
    task: TaskDefinition, path: str, names: frozenset[str], around: frozenset[str]
) -> Iterator[Problem]:
    for index, edge in enumerate(task.next):
        for place, target in enumerate(edge.to):
            if target in names:
                continue
            at = f"{path}/next/{index}/to/{place}"
            if target in around:
                message = f"Task '{task.name}' stands in a group and cannot lead to '{target}' outside of it."
                yield Problem(path=at, code="edge_leaves_group", message=message, task=task.name)
            else:
                message = f"Task '{task.name}' leads to '{target}', which does not exist."
                near = nearest(target, names)
                yield Problem(path=at, code="unknown_task", message=message, suggestion=near, task=task.name)


def nearest(name: str, names: frozenset[str]) -> str | None:
    """Return the known name that is most like an unknown one."""
    if len(names) > _NAMES_FOR_SUGGESTIONS:
        return None
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1)), None)


def _joins(tasks: Sequence[TaskDefinition], path: str, edges: shape.Edges) -> Iterator[Problem]:
    numbered = [(index, task, task.join) for index, task in enumerate(tasks) if isinstance(task.join, int)]
    if not numbered:
        return
    sources = _sources(edges)
    for index, task, wanted in numbered:
        most = max(1, sources[task.name])
        if not 1 <= wanted <= most:
            message = (
                f"Task '{task.name}' waits for {wanted} tasks; it must be from 1 to {most}, which lead there."
            )
            yield Problem(
                path=f"{path}/{index}/join", code="impossible_join", message=message, task=task.name
            )


def _sources(edges: shape.Edges) -> dict[str, int]:
    """Return how many names lead to each one, ways back not counted."""
    _, back = shape.walk(edges)
    counts = dict.fromkeys(edges, 0)
    for name, targets in edges.items():
        for target in targets:
            counts[target] += (name, target) not in back
    return counts


def _resolved_edges(tasks: Sequence[TaskDefinition], path: str, edges: shape.Edges) -> Iterator[Problem]:
    if not any(edge.resolved for task in tasks for edge in task.next):
        return
    cycle = {name: number for number, names in enumerate(shape.cycles(edges)) for name in names}
    for index, task in enumerate(tasks):
        for place, edge in enumerate(task.next):
            inside = [to for to in edge.to if task.name in cycle and cycle.get(to) == cycle[task.name]]
            if edge.resolved and inside:
                message = (
                    f"Tasks '{task.name}' and '{inside[0]}' lie on one cycle; an edge that is taken however "
                    f"'{task.name}' ends cannot stand between them."
                )
                at = f"{path}/{index}/next/{place}/resolved"
                yield Problem(path=at, code="resolved_in_cycle", message=message, task=task.name)


def _task(task: TaskDefinition, path: str, around: frozenset[str]) -> Iterator[Problem]:
    if not task.name:
        yield Problem(path=f"{path}/name", code="missing_name", message="A task needs a name.")
    if task.items is not None:
        yield from _items(task.items, f"{path}/items")
    if task.retry is not None:
        yield from _retry(task.retry, f"{path}/retry")
    yield from _longer_than_nothing(task.mark_after, f"{path}/mark_after")
    yield from _action(task.action, f"{path}/action", around)
    if task.fallback is not None:
        yield from _action(task.fallback, f"{path}/fallback", around)


def _items(items: ForEach, path: str) -> Iterator[Problem]:
    yield from _at_least(items.concurrency, 1, f"{path}/concurrency", "The number of items at once")
    if items.batch_size is not None:
        yield from _at_least(items.batch_size, 1, f"{path}/batch_size", "The size of a batch")


def _retry(retry: Retry, path: str) -> Iterator[Problem]:
    yield from _at_least(retry.count, 1, f"{path}/count", "The number of retries")
    yield from _at_least(retry.delay.total_seconds(), 0, f"{path}/delay", "The delay in seconds")
    yield from _at_least(
        retry.max_delay.total_seconds(), 0, f"{path}/max_delay", "The longest delay in seconds"
    )
    yield from _at_least(retry.factor, 1, f"{path}/factor", "The factor")
    if not 0 <= retry.jitter <= 1:
        message = f"The jitter must be from 0 to 1; it is {retry.jitter}."
        yield Problem(path=f"{path}/jitter", code="out_of_range", message=message)


def _action(action: Action, path: str, around: frozenset[str]) -> Iterator[Problem]:
    match action:
        case RunGroup(tasks=tasks):
            yield from _scope(tasks, f"{path}/tasks", around)
        case RunCommand(script=script, argv=argv) if (script is None) == (argv is None):
            message = "A command has either a script or a list of arguments."
            yield Problem(path=path, code="script_or_argv", message=message)
        case RunCommand(argv=()):
            message = "A list of arguments begins with a program."
            yield Problem(path=f"{path}/argv", code="script_or_argv", message=message)
        case AwaitTime(seconds=seconds, until=until) if (seconds is None) == (until is None):
            message = "A wait lasts a number of seconds or until a moment; exactly one of them is given."
            yield Problem(path=path, code="seconds_or_until", message=message)


def _at_least(found: float, least: int, path: str, what: str) -> Iterator[Problem]:
    if not found >= least:
        message = f"{what} must be at least {least}; it is {found:g}."
        yield Problem(path=path, code="out_of_range", message=message)


def _longer_than_nothing(found: timedelta | None, path: str) -> Iterator[Problem]:
    if found is not None and found <= timedelta(0):
        message = f"A time limit must be longer than nothing; it is {found.total_seconds():g} seconds."
        yield Problem(path=path, code="out_of_range", message=message)
