"""A real server that kills itself with SIGKILL at a chosen commit, again and again, in its own process.

Run as a program: `python mortal_server.py DIRECTORY` kills one server before and one after every commit of a
mixed workflow, lets the next server finish the work, and writes what it found to `trials.json`.
It forks before anything runs, so that a life costs no imports.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from headrace.app import Server
from headrace.definition.model import (
    AwaitTime,
    CallTask,
    ForEach,
    Retry,
    RunCommand,
    RunGroup,
    RunWorkflow,
    TaskDefinition,
    Transition,
    WorkflowDefinition,
)
from headrace.definition.templates import Literal
from headrace.orchestrator.executions import StartRequest
from headrace.settings import load
from headrace.store.rows import EVERY, Commit

DEADLINE = 30.0
LEDGER = 'echo "$HEADRACE_ATTEMPT_DIR" >> "{ledger}"'


def mixed(ledger: Path, marker: Path, child: str) -> WorkflowDefinition:
    """Return a workflow with a step, a foreach, a group, a retry, a wait, an inline call and a child."""
    line = LEDGER.format(ledger=ledger)

    def step(name: str, *to: str, script: str = line, **fields: Any) -> TaskDefinition:
        return TaskDefinition(name=name, action=RunCommand(script=script), next=_to(to), **fields)

    flaky = f'{line}; test -e "{marker}" || {{ touch "{marker}"; exit 1; }}'
    return WorkflowDefinition(
        name="mixed",
        dialect="test",
        tasks=(
            step("a", "each", "group", "flaky", "call"),
            step("each", "end", items=ForEach(items=Literal([1, 2, 3]), concurrency=2)),
            TaskDefinition(
                name="group", action=RunGroup(tasks=(step("x", "y"), step("y"))), next=_to(("wait",))
            ),
            step("flaky", "end", script=flaky, retry=Retry(count=2, delay=timedelta(milliseconds=10))),
            TaskDefinition(name="call", action=CallTask(type="core.noop"), next=_to(("child",))),
            TaskDefinition(name="child", action=RunWorkflow(workflow=child), next=_to(("end",))),
            TaskDefinition(name="wait", action=AwaitTime(seconds=Literal(0.01)), next=_to(("end",))),
            step("end", join="all"),
        ),
    )


def _to(names: tuple[str, ...]) -> tuple[Transition, ...]:
    return (Transition(to=names),) if names else ()


async def live(directory: Path, kill_at: int | None, *, before: bool) -> dict[str, Any]:
    """Run one life of a server on a data directory, and return what there is at its natural end."""
    server = Server(load({"data_dir": str(directory / "data"), "local.cpus": 4}))
    commits = 0
    remember = server.store.commit

    async def commit(commit: Commit) -> None:
        nonlocal commits
        commits += 1
        is_the_one = commits == kill_at
        if before and is_the_one:
            os.kill(os.getpid(), signal.SIGKILL)
        await remember(commit)
        if is_the_one:
            os.kill(os.getpid(), signal.SIGKILL)

    server.store.commit = commit  # type: ignore[method-assign]
    await server.open()
    services = server.services
    page = await services.executions.newest(EVERY)
    parents = [row for row in page.rows if row.parent is None]
    if not parents and kill_at is None and before:
        raise AssertionError("an acknowledged start was lost")
    if not parents:
        parents = [await _start(server, directory)]
    execution = await services.executions.wait(parents[0], DEADLINE)
    found = {
        "state": execution.state,
        "commits": commits,
        "runs": {str(run.number): [run.task, run.state] for run in execution.runs.values()},
        "outcomes": [str(t.outcome) for run in execution.runs.values() for t in run.tries],
        "steps": sum(
            1
            for run in execution.runs.values()
            for tried in run.tries
            if run.task in ("a", "each", "x", "y", "flaky", "end") and tried.outcome != "lost"
        ),
        "executions": len((await services.executions.newest(EVERY)).rows),
    }
    await server.close()
    return found


async def _start(server: Server, directory: Path) -> Any:
    services = server.services
    ledger = directory / "ledger"
    child_step = TaskDefinition(name="inner", action=RunCommand(script=LEDGER.format(ledger=ledger)))
    inner = WorkflowDefinition(name="inner", dialect="test", tasks=(child_step,))
    child = await services.workflows.create(inner, b"inner", "text/plain")
    definition = mixed(ledger, directory / "marker", child.id)
    made = await services.workflows.create(definition, b"mixed", "text/plain")
    asked = StartRequest(workflow=made.number, version=1, inputs={}, names=services.executions.name())
    row = await services.executions.start(asked)
    (directory / "acknowledged").touch()
    return row


def life(directory: Path, kill_at: int | None, *, before: bool = False) -> dict[str, Any] | None:
    """Fork a server; return what it found, or None when it was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 1
        try:
            found = asyncio.run(live(directory, kill_at, before=before))
            os.write(writing, json.dumps(found).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, wait_status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(wait_status):
        assert os.WTERMSIG(wait_status) == signal.SIGKILL
        return None
    if os.WEXITSTATUS(wait_status):
        raise RuntimeError(f"the server at {directory} failed; its traceback is above")
    return json.loads(content)  # type: ignore[no-any-return]


def trial(root: Path, kill_at: int, *, before: bool) -> dict[str, Any]:
    """Kill a server at one commit, let the next one finish, and return what both left behind."""
    directory = root / f"{'before' if before else 'after'}-{kill_at}"
    directory.mkdir(parents=True)
    found = life(directory, kill_at, before=before)
    was_killed = found is None
    acknowledged = (directory / "acknowledged").exists()
    if found is None:
        found = life(directory, None, before=acknowledged)
    assert found is not None
    ledger = (directory / "ledger").read_text().split()
    return {**found, "killed": was_killed, "kill_at": kill_at, "before": before, "ledger": ledger}


def main() -> None:
    """Try every commit boundary until a server ends before it is killed."""
    root = Path(sys.argv[1])
    trials: list[dict[str, Any]] = []
    for before in (True, False):
        kill_at = 0
        while True:
            kill_at += 1
            trials.append(trial(root, kill_at, before=before))
            if not trials[-1]["killed"]:
                break
    (root / "trials.json").write_text(json.dumps(trials))


if __name__ == "__main__":
    main()
