"""What people see of the answers of a server: tables and short texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headrace.cli.tree import MARKS, duration
from headrace.client import answers

LONGEST = 2000
"""Characters of a value that are shown; `--json` has all that the server tells."""


def state(name: str) -> Text:
    """Return a state in its colour."""
    _, style = MARKS.get(name, ("", "cyan"))
    return Text(name.replace("_", " "), style=style)


def moment(text: str | None) -> str:
    """Return a moment in local time."""
    return "" if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def took(began: str | None, ended: str | None) -> str:
    """Return how long something took, or has taken so far."""
    if began is None:
        return ""
    until = datetime.fromisoformat(ended) if ended is not None else datetime.now(UTC)
    return duration((until - datetime.fromisoformat(began)).total_seconds())


def table(*columns: str, rows: Iterable[Sequence[str | Text]]) -> Table:
    """Return a plain table."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return made


def executions(found: Sequence[answers.ExecutionSummary]) -> RenderableType:
    """Return a list of executions."""
    if not found:
        return Text("There is no such execution.")
    rows = [
        (
            str(each.number),
            each.alias or "",
            each.name,
            state(each.state),
            moment(each.created_at),
            took(each.started_at, each.ended_at),
        )
        for each in found
    ]
    return table("number", "alias", "workflow", "state", "created", "took", rows=rows)


def execution(found: answers.Execution) -> RenderableType:
    """Return an execution with its tasks."""
    head = Text.assemble((found.name, "bold"), "  ", state(found.state), "  ")
    head.append(took(found.started_at, found.ended_at), style="dim")
    names = f"execution {found.number}  {found.alias or ''}  {found.id}"
    lines: list[RenderableType] = [
        head,
        Text(f"{names}\nworkflow {found.workflow}, version {found.version} ({found.dialect})", style="dim"),
    ]
    if found.detail is not None:
        lines.append(Text(found.detail.sentence or found.detail.code))
    lines += [Text(f"Warning: {each.sentence or each.code}", style="yellow") for each in found.warnings]
    lines += [Text(), tasks(found.tasks)]
    lines += _values("inputs", found.inputs)
    lines += _values("outputs", found.outputs)
    return Group(*lines)


def tasks(found: Sequence[answers.TaskRunView]) -> RenderableType:
    """Return the tasks of an execution."""
    rows = [
        (each.task, each.type, state(each.state), took(each.started_at, each.ended_at), _why(each))
        for each in found
    ]
    return table("task", "type", "state", "took", "", rows=rows)


def task_run(found: answers.TaskRun) -> RenderableType:
    """Return a task run with everything that is known of it."""
    head = Text.assemble((found.task, "bold"), f"  {found.type}  ", state(found.state))
    lines: list[RenderableType] = [head]
    if why := _why(found):
        lines.append(Text(why))
    lines += _values("inputs", found.inputs)
    lines += _values("outputs", found.outputs)
    rows = [
        (
            str(each.attempt),
            each.outcome or "",
            moment(each.started_at),
            took(each.started_at, each.ended_at),
            each.error.message if each.error is not None else "",
        )
        for each in found.tries
    ]
    if rows:
        lines += [Text(), table("try", "outcome", "started", "took", "", rows=rows)]
    return Group(*lines)


def explained(found: answers.Explained) -> RenderableType:
    """Return why everything stands where it stands."""
    head = Text.assemble(state(found.state), f"  {found.reason.sentence or found.reason.code}")
    rows = [(each.task, state(each.state), each.reason.sentence or each.reason.code) for each in found.tasks]
    return Group(head, Text(), table("task", "state", "", rows=rows))


def planned(found: answers.RerunPlan) -> RenderableType:
    """Return what a rerun would do."""
    rows = [(each.task, each.mode, each.reason.sentence or each.reason.code) for each in found.tasks]
    return table("task", "would", "", rows=rows)


def tokens(found: Sequence[answers.Token]) -> RenderableType:
    """Return a list of tokens."""
    rows = [
        (
            str(each.number),
            each.name,
            ", ".join(each.scopes),
            moment(each.created_at),
            moment(each.expires_at) or "never",
            Text("revoked", style="red") if each.revoked else Text("valid", style="green"),
        )
        for each in found
    ]
    return table("number", "name", "scopes", "created", "expires", "", rows=rows)


def task_types(found: Sequence[answers.TaskType]) -> RenderableType:
    """Return a list of task types."""
    rows = [
        (
            Text(each.type, style="" if each.available else "dim"),
            each.description if each.available else each.unavailable_because or "Not available.",
        )
        for each in found
    ]
    return table("type", "", rows=rows)


def task_type(found: answers.TaskType) -> RenderableType:
    """Return a task type with its ports."""
    lines: list[RenderableType] = [Text.assemble((found.type, "bold"), f"  {found.description}")]
    if not found.available:
        lines.append(Text(found.unavailable_because or "Not available.", style="yellow"))
    for title, ports in (("input", found.inputs), ("output", found.outputs)):
        rows = [
            (port.name, port.type, "required" if port.required else "", port.description) for port in ports
        ]
        if title == "output":
            rows = [(name, type, "", description) for name, type, _, description in rows]
        lines += [Text(), table(title, "type", "", "", rows=rows)]
    return Group(*lines)


def _why(run: answers.TaskRunView) -> str:
    if run.error is not None:
        return run.error.message
    return "" if run.reason is None else run.reason.sentence or run.reason.code


def _values(title: str, values: Mapping[str, Any]) -> list[RenderableType]:
    if not values:
        return []
    lines: list[RenderableType] = [Text(f"\n{title}", style="dim")]
    for name, value in values.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        text = text.rstrip("\n")
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]}…"
        between = "\n" if "\n" in text else " "
        lines.append(Text.assemble((f"{name}:", "bold"), between, text))
    return lines
