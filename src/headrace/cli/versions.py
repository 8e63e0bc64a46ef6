"""`headrace versions` and `headrace diff`: the versions of a workflow, and what is different between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.connecting import connected
from headrace.cli.options import Json, Limit, Token, Url
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from headrace.client.answers import Differences
    from headrace.definition.differences import TaskDifference

Workflow = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Number, UUID or alias of the workflow.")]
From = Annotated[
    int | None, typer.Argument(metavar="[FROM]", min=1, help="The older version; else the one before TO.")
]
To = Annotated[
    int | None, typer.Argument(metavar="[TO]", min=1, help="The newer version; else the current one.")
]

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def versions(
    workflow: Workflow, *, limit: Limit = 20, url: Url = None, token: Token = None, json: Json = False
) -> None:
    """List the versions of a workflow, newest first."""
    from headrace.cli import views

    with connected(url, token) as server:
        found = server.versions(workflow, limit=limit)
    rows = [(str(each.version), views.moment(each.created_at), each.sha256[:12]) for each in found.items]
    Terminal(json=json).answer(found, lambda: views.table("version", "created", "sha256", rows=rows))


def diff(
    workflow: Workflow,
    since: From = None,
    to: To = None,
    *,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Tell what is different between two versions of a workflow."""
    with connected(url, token) as server:
        number = to or server.workflow(workflow).version
        found = server.differences(workflow, number, since=since)
    Terminal(json=json).answer(found, lambda: _shown(found))


def _shown(found: Differences) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from headrace.cli import views

    if not found.changes and not found.tasks and not found.text:
        return Text(f"Versions {found.from_version} and {found.to_version} are the same.")
    parts: list[RenderableType] = []
    if found.tasks:
        rows = [
            (each.task, each.kind, ", ".join(change.path for change in each.changes) or _why(each))
            for each in found.tasks
        ]
        parts += [views.table("task", "", "where", rows=rows), Text()]
    if found.text is None:
        parts.append(Text("The documents are too long to be compared as text; --json has all changes."))
    else:
        parts += [Text(line, style=_COLOURS.get(line[:1], "")) for line in found.text.splitlines()]
    return Group(*parts)


def _why(task: TaskDifference) -> str:
    if task.kind != "changed":
        return ""
    before, after = (", ".join(names) or "nothing" for names in (task.waited_for, task.waits_for))
    return f"waits for {after}, and waited for {before}"
