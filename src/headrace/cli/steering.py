"""Commands that change what an execution does: cancel, pause, resume, rerun, signal, respond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli import inputs
from headrace.cli.connecting import connected
from headrace.cli.looking import watched
from headrace.cli.options import Execution, Json, Reason, Token, Url
from headrace.cli.statuses import UsageError
from headrace.cli.submitting import Watch
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from headrace.client.answers import Execution as Found, TaskRun

LetEnd = Annotated[bool, typer.Option("--let-running-end", help="Let running jobs end by themselves.")]
From = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="failed|start|TASK", help="Where to begin; a task may be repeated."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would run, and start nothing.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the signal.")]
Payload = Annotated[str | None, typer.Option("--payload", help="JSON that goes with it.")]
Task = Annotated[str, typer.Argument(metavar="TASK", help="Name or number of the task run that waits.")]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output", "-o", metavar="NAME=VALUE", help="Part of the answer, JSON or text. Repeatable."
    ),
]
Withdraw = Annotated[bool, typer.Option("--withdraw", help="Take the wait back instead; the task fails.")]


def cancel(
    id: Execution,
    *,
    reason: Reason = "",
    let_running_end: LetEnd = False,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """End an execution early."""
    with connected(url, token) as server:
        found = server.cancel(id, reason=reason, policy="allow_finish" if let_running_end else None)
    _tell(found, json=json)


def pause(
    id: Execution, *, reason: Reason = "", url: Url = None, token: Token = None, json: Json = False
) -> None:
    """Start nothing new of an execution until it is resumed."""
    with connected(url, token) as server:
        found = server.pause(id, reason=reason)
    _tell(found, json=json)


def resume(id: Execution, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Let a paused execution go on."""
    with connected(url, token) as server:
        found = server.resume(id)
    _tell(found, json=json)


def rerun(
    id: Execution,
    *,
    from_: From = None,
    dry_run: DryRun = False,
    watch: Watch = False,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Run an ended execution again, from what failed, from the start, or from some tasks on."""
    from rich.text import Text

    from headrace.cli import views

    terminal = Terminal(json=json)
    tasks: Any = from_ or "failed"
    if from_ in (["failed"], ["start"]):
        [tasks] = from_
    with connected(url, token) as server:
        if dry_run:
            plan = server.plan_rerun(id, tasks=tasks)
            terminal.answer(plan, lambda: views.planned(plan))
            return
        started = server.rerun(id, tasks=tasks)
        if watch:
            watched(terminal, server, started.number)
    terminal.answer(started, lambda: Text(f"Execution {started.number} runs again what execution {id} ran."))


def signal(
    id: Execution,
    name: Name,
    *,
    payload: Payload = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Tell an execution that something happened."""
    content = None if payload is None else _json(payload)
    with connected(url, token) as server:
        found = server.signal(id, name, content)
    _tell(found, json=json)


def respond(
    id: Execution,
    task: Task,
    *,
    output: Output = None,
    withdraw: Withdraw = False,
    reason: Reason = "",
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Answer a task that waits for an approval."""
    from headrace.cli import views

    given = inputs.pairs(output, what="output")
    if withdraw and given:
        raise UsageError("A wait that is taken back has no outputs.")
    with connected(url, token) as server:
        found: TaskRun
        if withdraw:
            found = server.withdraw(id, task, reason=reason)
        else:
            found = server.respond(id, task, inputs.typed(given, dict.fromkeys(given, "any")))
    Terminal(json=json).answer(found, lambda: views.task_run(found))


def _tell(found: Found, *, json: bool) -> None:
    from rich.text import Text

    state = found.state.replace("_", " ")
    Terminal(json=json).answer(found, lambda: Text(f"Execution {found.number} ({found.name}) is {state}."))


def _json(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        raise UsageError(f"The payload is no JSON: {text[:60]}") from None
