"""The shape of a definition, worked out once: sources, ways back, cycles, order.

Nothing here recurses along edges, so a chain of any length is as good as a star.
The definition is a valid one: names are unique and every target exists (`headrace.definition.validation`).
This file must never know a run, a state or a value.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.definition import shape
from headrace.definition.model import RunGroup, TaskDefinition


class Node:
    """One task with what the graph knows of it."""

    __slots__ = (
        "_inner",
        "backs",
        "in_cycle",
        "index",
        "name",
        "near_cycle",
        "order",
        "sources",
        "targets",
        "task",
    )

    def __init__(self, task: TaskDefinition, index: int) -> None:
        self.task = task
        self.name = task.name
        self.index = index
        """Place in the written order."""
        self.targets: tuple[str, ...] = ()
        """Distinct tasks that it leads to, ways back left out."""
        self.sources: tuple[str, ...] = ()
        """Distinct tasks that lead to it, ways back left out: what a join counts."""
        self.backs: frozenset[str] = frozenset()
        """Targets that it leads to by a way back."""
        self.order = 0
        """Place in the topological order without ways back."""
        self.in_cycle = False
        self.near_cycle = False
        """In a cycle or behind one."""
        self._inner: dict[int, Graph] = {}

    def inner(self, group: RunGroup) -> Graph:
        """Return the graph inside this task's group (its action or its fallback), worked out once."""
        graph = self._inner.get(id(group))
        if graph is None:
            graph = self._inner[id(group)] = Graph(group.tasks)
        return graph


class Graph:
    """The tasks of one scope (a workflow or a group) and how they lead to each other."""

    __slots__ = ("cyclic", "entries", "nodes", "tasks")

    def __init__(self, tasks: Sequence[TaskDefinition]) -> None:
        self.tasks = tuple(tasks)
        """In written order; two graphs of equal tasks are equal."""
        self.nodes = {task.name: Node(task, index) for index, task in enumerate(tasks)}
        out = {name: _distinct_targets(node.task) for name, node in self.nodes.items()}
        self.entries = shape.entries(out)
        """Tasks that start with the scope, in written order."""
        order, back = shape.walk(out)
        for place, name in enumerate(order):
            self.nodes[name].order = place
        self._connect(out, back)
        if back:
            self._mark_cycles(out)
        self.cyclic = tuple(
            sorted(
                (node.name for node in self.nodes.values() if node.near_cycle),
                key=lambda name: self.nodes[name].order,
            )
        )
        """Tasks at or behind a cycle, in topological order: declared skipped only at rest."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.tasks == other.tasks

    __hash__ = None  # type: ignore[assignment]  # as for every value that is compared by content

    def _connect(self, out: dict[str, tuple[str, ...]], back: set[tuple[str, str]]) -> None:
        sources: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, targets in out.items():
            node = self.nodes[name]
            if back:
                node.backs = frozenset(target for target in targets if (name, target) in back)
                node.targets = tuple(target for target in targets if target not in node.backs)
            else:
                node.targets = targets
            for target in node.targets:
                sources[target].append(name)
        for name, names in sources.items():
            self.nodes[name].sources = tuple(names)

    def _mark_cycles(self, out: dict[str, tuple[str, ...]]) -> None:
        for cycle in shape.cycles(out):
            for name in cycle:
                self.nodes[name].in_cycle = True
        reached = [name for name, node in self.nodes.items() if node.in_cycle]
        while reached:
            name = reached.pop()
            if not self.nodes[name].near_cycle:
                self.nodes[name].near_cycle = True
                reached.extend(out[name])


def _distinct_targets(task: TaskDefinition) -> tuple[str, ...]:
    if len(task.next) == 1 and len(task.next[0].to) == 1:
        return task.next[0].to
    return tuple(dict.fromkeys(to for transition in task.next for to in transition.to))
