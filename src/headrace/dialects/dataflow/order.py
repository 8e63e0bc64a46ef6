"""Which task waits for which, and the edges and checks that make the engine wait so (section 3, Order)."""

from __future__ import annotations

from typing import Literal as OneOf

from msgspec import Struct

from headrace.definition import shape
from headrace.definition.model import Check, Transition
from headrace.definition.templates import Expr, Text
from headrace.dialects.dataflow.drafts import Site
from headrace.dialects.dataflow.findings import Findings

Because = OneOf["reference", "position", "depends_on", "implicit"]

_LONGEST_LIST = 12_000
"""Characters of task names in one check; the source of an expression has 16 KiB."""
_MOST_LOOPS = 100
"""Loops that are spelled out; an answer shows no more problems."""


_NO_SOURCE_FAILED = Check(
    expression="not failed_sources()",
    code="upstream_failed",
    sentence=Text(("Task '", Expr("first(failed_sources())"), "' failed.")),
)


class PlanStep(Struct, frozen=True, gc=False):
    """One task, what it waits for and why, as `POST /workflows/validate` shows it."""

    task: str
    type: str
    depends_on: tuple[str, ...]
    because: Because


class Wish(Struct, frozen=True, eq=False):
    """What one task says about its order."""

    site: Site
    depends_on: tuple[int, ...] | None
    """Earlier tasks that are named; None when the task does not say."""
    implicit: int | None
    """The task whose default output fills a port."""


def sources_of(wish: Wish, *, sequential: bool) -> tuple[tuple[int, ...], Because]:
    """Return the indexes of the tasks that a task waits for, in order, and the main reason."""
    referred = {index for index, _ in wish.site.used}
    index = wish.site.index
    because: Because
    if referred - {wish.implicit}:
        because = "reference"
    elif wish.implicit is not None:
        because = "implicit"
    elif wish.depends_on or (wish.depends_on is not None and not (sequential and index)):
        because = "depends_on"
    else:
        because = "position"
    sources = referred | set(wish.depends_on or ())
    if index and (sequential or because == "position"):
        sources.add(index - 1)
    return tuple(sorted(sources)), because


def edges(sources: list[tuple[int, ...]], names: list[str]) -> list[tuple[Transition, ...]]:
    """Return for each task one `resolved` edge to every task that waits for it."""
    targets: list[list[str]] = [[] for _ in names]
    for index, waits_for in enumerate(sources):
        for source in waits_for:
            targets[source].append(names[index])
    return [(Transition(to=tuple(to), resolved=True),) if to else () for to in targets]


def checks_of(wish: Wish, sources: tuple[int, ...], names: list[str]) -> list[Check]:
    """Return the checks on what the task waits for, before its own condition."""
    if not sources:
        return []
    checks = [_NO_SOURCE_FAILED]
    referred = sorted({index for index, _ in wish.site.used})
    for part in _parts([f"'{names[index]}'" for index in referred]):
        call = f"skipped_sources([{part}])"
        sentence = Text(("Task '", Expr(f"first({call})"), "' was skipped."))
        checks.append(Check(expression=f"not {call}", code="needs_skipped_task", sentence=sentence))
    return checks


def _parts(quoted: list[str]) -> list[str]:
    """Join names to lists that an expression can hold."""
    parts: list[str] = []
    for name in quoted:
        if parts and len(parts[-1]) + len(name) < _LONGEST_LIST:
            parts[-1] += f", {name}"
        else:
            parts.append(name)
    return parts


def tell_late(wishes: list[Wish], names: list[str], findings: Findings) -> None:
    """Tell of references to later tasks: a loop where they come back, else a wrong order."""
    if not any(wish.site.late for wish in wishes):
        return
    waits_for = [
        {task for task, _ in (*wish.site.used, *wish.site.late)} | set(wish.depends_on or ())
        for wish in wishes
    ]
    component = shape.knots(waits_for)
    spelled = 0
    late = [(wish.site, *each) for wish in wishes for each in dict.fromkeys(wish.site.late)]
    for site, target, path in late:
        if target != site.index and component[target] != component[site.index]:
            message = f"Task '{site.task}' refers to '{names[target]}', which stands after it in the list."
            findings.problem(path, "forward_reference", message, task=site.task)
            continue
        loop = ""
        if spelled < _MOST_LOOPS:
            spelled += 1
            loop = ": " + " → ".join(
                names[index] for index in _loop(site.index, target, waits_for, component)
            )
        findings.problem(path, "cycle", f"Task '{site.task}' waits for itself{loop}.", task=site.task)


def _loop(start: int, target: int, waits_for: list[set[int]], component: list[int]) -> list[int]:
    """Return the shortest way start → target → … → start."""
    came_from = {target: start}
    waiting = [target]
    for index in waiting:
        if index == start:
            break
        for following in sorted(waits_for[index]):
            if component[following] == component[start] and following not in came_from:
                came_from[following] = index
                waiting.append(following)
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
