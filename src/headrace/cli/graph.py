"""`headrace graph`: which task leads to which, with their states, as a tree, as JSON or for Graphviz.

A task stands in the tree behind the last of those that lead to it; the others are told beside its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.connecting import connected
from headrace.cli.looking import Newest, newest
from headrace.cli.options import Json, Token, Url
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from headrace.client.answers import Execution, Task

Dot = Annotated[bool, typer.Option("--dot", help="Print it as a digraph for Graphviz.")]

_COLOURS = {
    "succeeded": "palegreen",
    "failed": "salmon",
    "timed_out": "salmon",
    "cancelled": "khaki",
    "skipped": "lightgrey",
    "running": "lightblue",
    "retrying": "lightblue",
    "queued": "lightcyan",
    "blocked": "plum",
}
_OTHERS_SHOWN = 5


def graph(
    id: Newest = None, *, dot: Dot = False, url: Url = None, token: Token = None, json: Json = False
) -> None:
    """Show which task of an execution leads to which, and how they stand."""
    with connected(url, token) as server:
        found = server.execution(id or newest(server))
        tasks = server.version(found.workflow, found.version).tasks
    if dot and not json:
        typer.echo("\n".join(dot_lines(found, tasks)))
        return
    Terminal(json=json).answer(_value(found, tasks), lambda: _tree(found, tasks))


def _value(found: Execution, tasks: Sequence[Task]) -> dict[str, Any]:
    states = _states(found)
    return {
        "execution": found.number,
        "name": found.name,
        "state": found.state,
        "nodes": [
            {"name": task.name, "type": task.type, "state": states.get(task.name, "waiting")}
            for task in tasks
        ],
        "edges": [{"from": source, "to": task.name} for task in tasks for source in task.after],
    }


def dot_lines(found: Execution, tasks: Sequence[Task]) -> Iterator[str]:
    """Yield the lines of a digraph in the language of Graphviz."""
    states = _states(found)
    yield f"digraph {_quoted(found.name)} {{"
    yield "  rankdir=LR; node [shape=box, style=filled, fillcolor=white];"
    for task in tasks:
        state = states.get(task.name, "waiting")
        yield f"  {_quoted(task.name)} [fillcolor={_COLOURS.get(state, 'white')}, tooltip={_quoted(state)}];"
    for task in tasks:
        for source in task.after:
            yield f"  {_quoted(source)} -> {_quoted(task.name)};"
    yield "}"


def _tree(found: Execution, tasks: Sequence[Task]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from headrace.cli import views
    from headrace.cli.tree import MARKS

    states = _states(found)
    lines = [Text.assemble((found.name, "bold"), "  ", views.state(found.state))]
    for branch, task, others in branches(tasks):
        mark, style = MARKS.get(states.get(task.name, "waiting"), ("?", "cyan"))
        line = Text.assemble((branch, "dim"), (f"{mark} ", style), task.name)
        if others:
            more = len(others) - _OTHERS_SHOWN
            told = ", ".join(others[:_OTHERS_SHOWN]) + (f" and {more} more" if more > 0 else "")
            line.append(f"  (also after {told})", style="dim")
        lines.append(line)
    return Group(*lines)


def branches(tasks: Sequence[Task]) -> Iterator[tuple[str, Task, list[str]]]:
    """Yield each task once: the branch that it hangs on, the task, and what else leads to it."""
    by_name = {task.name: task for task in tasks}
    parents = _parents(tasks)
    children: dict[str | None, list[str]] = {}
    for name, parent in parents.items():
        children.setdefault(parent, []).append(name)
    # A stack and no recursion: a chain of thousands is as normal as a wide graph.
    waiting = [("", name) for name in reversed(children.get(None, []))]
    last = {names[-1] for names in children.values()}
    while waiting:
        before, name = waiting.pop()
        task = by_name[name]
        yield (
            before + ("└─ " if name in last else "├─ "),
            task,
            [source for source in task.after if source != parents[name]],
        )
        inside = before + ("   " if name in last else "│  ")
        waiting += [(inside, child) for child in reversed(children.get(name, []))]


def _parents(tasks: Sequence[Task]) -> dict[str, str | None]:
    """Return the task behind which each one stands, in an order in which sources come first."""
    left = {task.name: len(task.after) for task in tasks}
    followers: dict[str, list[str]] = {}
    for task in tasks:
        for source in task.after:
            followers.setdefault(source, []).append(task.name)
    parents: dict[str, str | None] = {task.name: None for task in tasks if not task.after}
    ready = list(parents)
    pending = iter(tasks)
    while len(parents) < len(tasks) or ready:
        if not ready:  # only tasks of loops are left: one of them is put first
            name = next(task.name for task in pending if task.name not in parents)
            parents[name] = None
            ready.append(name)
        following = []
        for name in ready:
            for follower in followers.get(name, ()):
                left[follower] -= 1
                if follower not in parents and left[follower] == 0:
                    parents[follower] = name
                    following.append(follower)
        ready = following
    return parents


def _states(found: Execution) -> dict[str, str]:
    return {run.task: run.state for run in found.tasks}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
