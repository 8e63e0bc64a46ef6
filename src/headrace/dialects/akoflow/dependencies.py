"""Which activity waits for which: unknown names, knots, and how deep the graph is.

Every step is linear in activities and edges; nothing here recurses along an edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from headrace.definition import shape
from headrace.dialects.akoflow.drafts import ActivityDraft
from headrace.dialects.akoflow.findings import Findings
from headrace.dialects.akoflow.tables import Table
from headrace.dialects.akoflow.wire import MOST_PROBLEMS

_LIKENESS = 0.6
"""Of a name to the one that was meant; three letters of which one is wrong have 0.67."""
_MOST_STEPS = 400_000
"""Edges looked at in search of shorter ways; a knot of thousands is told by the way found until then."""

_MOST_NAMES = 50
"""Activities of one way that a message spells out."""


class Shape(NamedTuple):
    """How large the graph is."""

    edges: int
    depth: int
    """Activities on the longest way; 0 when there is a cycle."""


def check(
    activities: Sequence[ActivityDraft], tables: Sequence[Table], index: dict[str, int], findings: Findings
) -> Shape:
    """Note every dependency that cannot be met; `index` finds an activity by its name."""
    waits_for: list[tuple[int, ...]] = []
    for activity, table in zip(activities, tables, strict=True):
        known: dict[int, None] = {}
        for place, name in enumerate(activity.depends_on):
            found = index.get(name)
            if found is None:
                near = findings.nearest(name, index, _LIKENESS)
                message = (
                    f"'{activity.name}' depends on '{name[:253]}', which is no activity of the workflow."
                )
                findings.problem(_pointer(table, place), "unknown_dependency", message, suggestion=near)
            elif found in known:
                message = f"'{activity.name}' depends on '{name}' twice."
                findings.problem(_pointer(table, place), "duplicate_dependency", message)
            else:
                known[found] = None
        waits_for.append(tuple(known))
    order = _layers(waits_for)
    if order is None:
        _tell_knots(activities, tables, waits_for, findings)
    return Shape(sum(map(len, waits_for)), order or 0)


def _pointer(table: Table, place: int) -> str:
    is_list = isinstance(table.values.get("dependsOn"), list)
    return f"{table.at('dependsOn')}/{place}" if is_list else table.at("dependsOn")


def _layers(waits_for: Sequence[tuple[int, ...]]) -> int | None:
    """Return the number of activities on the longest way, or None when a cycle keeps some from starting."""
    waited_by: list[list[int]] = [[] for _ in waits_for]
    left = [len(sources) for sources in waits_for]
    for target, sources in enumerate(waits_for):
        for source in sources:
            waited_by[source].append(target)
    ready = [each for each, count in enumerate(left) if not count]
    depth = done = 0
    while ready:
        depth += 1
        done += len(ready)
        following = []
        for source in ready:
            for target in waited_by[source]:
                left[target] -= 1
                if not left[target]:
                    following.append(target)
        ready = following
    return depth if done == len(waits_for) else None


def _tell_knots(
    activities: Sequence[ActivityDraft],
    tables: Sequence[Table],
    waits_for: Sequence[tuple[int, ...]],
    findings: Findings,
) -> None:
    component = shape.knots(waits_for)
    knots: dict[int, list[int]] = {}
    for each, root in enumerate(component):
        knots.setdefault(root, []).append(each)
    steps = _MOST_STEPS
    told = 0
    for members in knots.values():
        if len(members) == 1 and members[0] not in waits_for[members[0]]:
            continue
        told += 1
        if told > MOST_PROBLEMS:
            message = "There are more cycles than are told here."
            findings.problem("", "dependency_cycle", message)
            return
        way, steps = _shortest(members, waits_for, component, steps)
        names = [activities[each].name for each in way]
        if len(names) > _MOST_NAMES:
            names[_MOST_NAMES:-1] = [f"… ({len(names) - _MOST_NAMES - 1} more)"]
        shown = " → ".join(names)
        message = f"Activities wait for each other: {shown}."
        findings.problem(tables[way[0]].at("dependsOn"), "dependency_cycle", message)


def _shortest(
    members: Sequence[int], waits_for: Sequence[tuple[int, ...]], component: Sequence[int], steps: int
) -> tuple[list[int], int]:
    """Return a shortest way from a member back to itself, and how many steps are left for other knots."""
    best: list[int] = []
    for start in members:
        came_from: dict[int, int] = {}
        waiting = [start]
        for each in waiting:
            steps -= len(waits_for[each])
            for following in waits_for[each]:
                if component[following] == component[start] and following not in came_from:
                    came_from[following] = each
                    waiting.append(following)
            if start in came_from:
                break
        way = [start, came_from[start]]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        if not best or len(way) < len(best):
            best = way[::-1]
        if steps < 0 or len(best) <= 3:
            break
    return best, max(steps, 0)
