"""What is different between two versions of a document: change by change, task by task, and as text.

Elements of a list that have names are compared name by name, so that a task that was put in front of others
is one addition and not a change of each.
Documents are JSON values here; this file knows no dialect, only the words under which dialects list tasks.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal as OneOf

from msgspec import Struct

from headrace.definition.model import WorkflowDefinition
from headrace.definition.places import escaped

MOST_LINES = 20_000
"""Lines of one side above which the text is not compared: it would take a processor for minutes."""

MOST_CHANGES = 10_000
"""Changes that are told; who changed more has written another document."""

_NAMES = ("name", "ref", "id", "title", "Name")
_TASKS = ("tasks", "steps", "activities")

Kind = OneOf["added", "removed", "changed", "reordered"]


class Change(Struct, frozen=True, kw_only=True):
    """One difference of the documents."""

    path: str
    """JSON pointer into the newer document; for what was removed, into the older one."""
    kind: Kind
    """`reordered` is a list whose named elements stand in another order."""
    old: Any = None
    """The value before; the names, where something was reordered."""
    new: Any = None
    task: str | None = None
    """The task in which it stands."""


class TaskDifference(Struct, frozen=True, kw_only=True):
    """One task that is not in both versions as it was."""

    task: str
    kind: OneOf["added", "removed", "changed"]
    changes: tuple[Change, ...] = ()
    """What was changed of it in the document."""
    waited_for: tuple[str, ...] = ()
    """The tasks before it in the graph of the older version."""
    waits_for: tuple[str, ...] = ()
    """The same of the newer version: it may change without a word of the task itself."""


class Differences(Struct, frozen=True, kw_only=True):
    """What is different between two versions."""

    tasks: tuple[TaskDifference, ...]
    """In the order of the newer version, then those that were removed."""
    changes: tuple[Change, ...]
    """All of them, those of tasks too, in document order; at most `MOST_CHANGES`."""
    text: str | None
    """Unified diff, empty for the same text; None when a text is too long to be compared."""


class Version(Struct, frozen=True, kw_only=True):
    """One side of a comparison."""

    number: int
    document: Any
    """The source as a JSON value."""
    source: bytes
    media_type: str
    definition: WorkflowDefinition


def compare(old: Version, new: Version) -> Differences:
    """Return what is different in `new`."""
    changes = []
    for change in _changes(old.document, new.document, "", None):
        changes.append(change)
        if len(changes) == MOST_CHANGES:
            break
    return Differences(tasks=_tasks(old, new, changes), changes=tuple(changes), text=_text(old, new))


def sources_of(definition: WorkflowDefinition) -> dict[str, tuple[str, ...]]:
    """Return the tasks that lead to each task, by its name, in written order."""
    sources: dict[str, dict[str, None]] = {task.name: {} for task in definition.tasks}
    for task in definition.tasks:
        for transition in task.next:
            for name in transition.to:
                sources.setdefault(name, {})[task.name] = None
    return {name: tuple(before) for name, before in sources.items()}


def _tasks(old: Version, new: Version, changes: Sequence[Change]) -> tuple[TaskDifference, ...]:
    before, after = sources_of(old.definition), sources_of(new.definition)
    of_task: dict[str, list[Change]] = {}
    for change in changes:
        if change.task is not None:
            of_task.setdefault(change.task, []).append(change)
    found = []
    for name, waits_for in after.items():
        if name not in before:
            found.append(TaskDifference(task=name, kind="added", waits_for=waits_for))
        elif name in of_task or before[name] != waits_for:
            found.append(
                TaskDifference(
                    task=name,
                    kind="changed",
                    changes=tuple(of_task.get(name, ())),
                    waited_for=before[name],
                    waits_for=waits_for,
                )
            )
    gone = (name for name in before if name not in after)
    found += (TaskDifference(task=name, kind="removed", waited_for=before[name]) for name in gone)
    return tuple(found)


def _changes(old: Any, new: Any, path: str, task: str | None) -> Iterator[Change]:
    match old, new:
        case dict(), dict():
            is_list_of_tasks = path.rpartition("/")[2] in _TASKS
            for name in (*new, *(each for each in old if each not in new)):
                inner = task or (name if is_list_of_tasks and isinstance(new.get(name), dict) else None)
                yield from _member(old, new, name, f"{path}/{escaped(name)}", inner)
        case list(), list():
            yield from _elements(old, new, path, task)
        case _ if type(old) is type(new) and old == new:
            return
        case _:
            yield Change(path=path, kind="changed", old=old, new=new, task=task)


def _member(
    old: Mapping[str, Any], new: Mapping[str, Any], name: str, path: str, task: str | None
) -> Iterator[Change]:
    if name not in old:
        yield Change(path=path, kind="added", new=new[name], task=task)
    elif name not in new:
        yield Change(path=path, kind="removed", old=old[name], task=task)
    else:
        yield from _changes(old[name], new[name], path, task)


def _elements(old: list[Any], new: list[Any], path: str, task: str | None) -> Iterator[Change]:
    named_old, named_new = _by_name(old), _by_name(new)
    if named_old is None or named_new is None:
        for place in range(max(len(old), len(new))):
            where = f"{path}/{place}"
            if place >= len(old):
                yield Change(path=where, kind="added", new=new[place], task=task)
            elif place >= len(new):
                yield Change(path=where, kind="removed", old=old[place], task=task)
            else:
                yield from _changes(old[place], new[place], where, task)
        return
    is_list_of_tasks = path.rpartition("/")[2] in _TASKS
    kept_old = [name for name in named_old if name in named_new]
    kept_new = [name for name in named_new if name in named_old]
    if kept_old != kept_new:
        yield Change(path=path, kind="reordered", old=kept_old, new=kept_new, task=task)
    for place, name in enumerate(named_new):
        inner = task or (name if is_list_of_tasks else None)
        if name in named_old:
            yield from _changes(named_old[name], named_new[name], f"{path}/{place}", inner)
        else:
            yield Change(path=f"{path}/{place}", kind="added", new=named_new[name], task=inner)
    for place, name in enumerate(named_old):
        if name not in named_new:
            inner = task or (name if is_list_of_tasks else None)
            yield Change(path=f"{path}/{place}", kind="removed", old=named_old[name], task=inner)


def _by_name(elements: list[Any]) -> dict[str, Any] | None:
    """Return the elements by name; None when they are not all told apart by one."""
    if not all(isinstance(each, dict) for each in elements):
        return None
    for key in _NAMES:
        names = [each.get(key) for each in elements]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return dict(zip(names, elements, strict=True))
    return None


def _text(old: Version, new: Version) -> str | None:
    is_text = "json" not in old.media_type and "json" not in new.media_type
    lines = _as_sent if is_text else _as_json
    before, after = lines(old), lines(new)
    if max(len(before), len(after)) > MOST_LINES:
        return None
    names = (f"version {old.number}", f"version {new.number}")
    return "".join(difflib.unified_diff(before, after, *names))


def _as_sent(version: Version) -> list[str]:
    return [f"{line}\n" for line in version.source.decode("utf-8", "replace").splitlines()]


def _as_json(version: Version) -> list[str]:
    """Return the document with one member in each line, however it was sent."""
    text = json.dumps(version.document, indent=2, ensure_ascii=False)
    return [f"{line}\n" for line in text.splitlines()]
