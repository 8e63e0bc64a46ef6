"""Walks over edges: entries, ways back, topological order, cycles.

Edges are a dictionary of every name to the names that it leads to, in written order.
Nothing here recurses along edges, and nothing here knows what the names stand for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Edges = Mapping[str, Sequence[str]]


def entries(edges: Edges) -> tuple[str, ...]:
    """Return the names that no other one leads to, in written order; the first of all where there is none."""
    led_to = {target for name, targets in edges.items() for target in targets if target != name}
    return tuple(name for name in edges if name not in led_to) or tuple(edges)[:1]


def walk(edges: Edges) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the names in topological order, and the ways back that are left out for it.

    A way back leads to a name on the path just walked, depth first from the entries in written order.
    """
    back: set[tuple[str, str]] = set()
    finished: list[str] = []
    done: set[str] = set()
    for start in (*entries(edges), *edges):
        if start in done:
            continue
        on_path = {start}
        stack = [(start, iter(edges[start]))]
        while stack:
            name, rest = stack[-1]
            for target in rest:
                if target in on_path:
                    back.add((name, target))
                elif target not in done:
                    on_path.add(target)
                    stack.append((target, iter(edges[target])))
                    break
            else:
                stack.pop()
                on_path.discard(name)
                done.add(name)
                finished.append(name)
    finished.reverse()
    return finished, back


def cycles(edges: Edges) -> Iterator[list[str]]:
    """Yield the sets of names that can all be reached from each other."""
    for component in _components(edges):
        if len(component) > 1 or component[0] in edges[component[0]]:
            yield component


def knots(leads_to: Sequence[Iterable[int]]) -> list[int]:
    """Return for each place a number that it shares with those that it reaches and that reach it."""
    knot = [0] * len(leads_to)
    for number, members in enumerate(_components({each: tuple(to) for each, to in enumerate(leads_to)})):
        for each in members:
            knot[each] = number
    return knot


def _components(edges: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    """Yield the strongly connected components (Tarjan 1972, with an explicit stack)."""
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    path: list[Node] = []
    on_path: set[Node] = set()
    for start, first in edges.items():
        if start in number:
            continue
        stack = [(start, iter(first))]
        number[start] = low[start] = len(number)
        path.append(start)
        on_path.add(start)
        while stack:
            name, rest = stack[-1]
            for target in rest:
                if target not in number:
                    number[target] = low[target] = len(number)
                    path.append(target)
                    on_path.add(target)
                    stack.append((target, iter(edges[target])))
                    break
                if target in on_path:
                    low[name] = min(low[name], number[target])
            else:
                stack.pop()
                if stack:
                    parent = stack[-1][0]
                    low[parent] = min(low[parent], low[name])
                if low[name] == number[name]:
                    component = _taken_off(path, name)
                    on_path.difference_update(component)
                    yield component


def _taken_off(path: list[Node], name: Node) -> list[Node]:
    """Take everything from `name` on off the end of the path and return it."""
    start = len(path) - 1
    while path[start] != name:
        start -= 1
    component = path[start:]
    del path[start:]
    return component
