"""Arrivals at a task: which count, which are absorbed, and when they begin a visit.

The rules are those of docs/engine.md, joins and loops.
Called by `evolve` when transitions are taken and when a visit begins; `decide` asks whether a task is ready.
"""

from __future__ import annotations

from headrace.engine.execution import NOTHING, Pending, Rounds, Scope, TaskRun, Variables
from headrace.engine.graph import Node


def arrive(scope: Scope, source: Node, run: TaskRun, target: str, variables: Variables) -> None:
    """Note that a taken transition of `run` led to `target`, or absorb it."""
    rounds = run.rounds
    visits = scope.visits.get(target, 0)
    is_back = target in source.backs
    begins = False
    if visits:
        if is_back:
            if rounds.get(target) != visits:
                return
            begins = True
        elif not is_later_round(rounds, scope.begun.get(target, NOTHING)):
            return
    pending = scope.pending.get(target)
    if pending is None:
        pending = scope.pending[target] = Pending()
    if source.name not in pending.sources:
        pending.sources[source.name] = not is_back
        pending.counted += not is_back
    pending.paths.append((variables, rounds))
    pending.begins = pending.begins or begins


def is_later_round(arriving: Rounds, begun: Rounds) -> bool:
    """Tell whether some cycle task lies in both histories, with a later visit in the arriving one."""
    if not arriving or not begun:
        return False
    return any(visit > begun[task] for task, visit in arriving.items() if task in begun)


def is_ready(scope: Scope, node: Node) -> bool:
    """Tell whether the arrivals at a task begin its next visit."""
    pending = scope.pending.get(node.name)
    if pending is None:
        return False
    join = node.task.join
    if pending.begins or join == "any":
        return True
    return pending.counted >= (len(node.sources) if join == "all" else int(join))


def is_unmet(scope: Scope, node: Node) -> bool:
    """Tell whether a task away from all cycles can never be ready: every source has ended."""
    return (
        not node.near_cycle
        and node.name not in scope.visits
        and scope.known.get(node.name, 0) == len(node.sources)
    )


def missing_sources(scope: Scope, node: Node) -> list[str]:
    """Return the sources that did not lead here, in written order."""
    pending = scope.pending.get(node.name)
    arrived = pending.sources if pending is not None else {}
    return [name for name in node.sources if name not in arrived]


def begin(scope: Scope, task: str, visit: int) -> tuple[Variables, Rounds]:
    """Consume the arrivals of a task for this visit; return the merged variables and rounds."""
    pending = scope.pending.pop(task, None)
    if pending is None:
        variables, rounds = scope.variables, NOTHING
    else:
        variables, rounds = _merge(pending)
    scope.visits[task] = visit
    node = scope.graph.nodes.get(task)
    if node is not None and node.near_cycle:
        scope.begun[task] = rounds
        if node.in_cycle:
            rounds = {**rounds, task: visit}
            scope.begun[task] = rounds
        cyclic = scope.graph.cyclic
        while scope.reached < len(cyclic) and cyclic[scope.reached] in scope.visits:
            scope.reached += 1
    return variables, rounds


def _merge(pending: Pending) -> tuple[Variables, Rounds]:
    """Merge paths in order of arrival: the later value wins, the highest visit wins."""
    variables, rounds = pending.paths[0]
    for other, visited in pending.paths[1:]:
        if other is not variables and other:
            variables = {**variables, **other} if variables else other
        if visited is not rounds and visited:
            rounds = {**rounds, **{t: v for t, v in visited.items() if v > rounds.get(t, 0)}}
    return variables, rounds
