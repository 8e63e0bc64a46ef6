"""What must be done about events, and what is still to be done after a crash.

Timers are no commands: `Execution.timers` is the list of them.
Every command that `commands` returns is also among `outstanding` until what it asks for is reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from headrace.definition.model import RunWorkflow
from headrace.engine import events
from headrace.engine.execution import Execution, TaskRun
from headrace.engine.states import EXECUTION_ENDS


class StartJob(Struct, frozen=True):
    """Give the current attempt of a run to its runtime."""

    run: int
    attempt: int


class CancelJob(Struct, frozen=True):
    """End an attempt early."""

    run: int
    attempt: int


class RelayPause(Struct, frozen=True):
    """Pause or resume the child execution of an attempt."""

    run: int
    attempt: int
    wanted: Literal["paused", "running"]


Command = StartJob | CancelJob | RelayPause


def commands(execution: Execution, happened: Iterable[events.AnyEvent]) -> list[Command]:
    """Return what the events call for, in order; what a later event of the batch made void is left out."""
    found: list[Command] = []
    for event in happened:
        match event:
            case events.TaskQueued() if event.attempt in execution.attempts:
                found.append(StartJob(event.run, event.attempt))
            case events.EndRequested():
                run = execution.runs[event.run]
                if run.ending is not None and is_job(execution, run):
                    found.append(CancelJob(run.number, run.attempt))
            case events.ExecutionPaused() | events.ExecutionResumed():
                found.extend(_relays(execution))
            case _:
                pass
    return found


def outstanding(execution: Execution) -> list[Command]:
    """Return everything that is to be done about the execution as it stands."""
    found: list[Command] = []
    if execution.state in EXECUTION_ENDS:
        return found
    for run in execution.live_runs():
        if is_job(execution, run):
            found.append(StartJob(run.number, run.attempt))
            if run.ending is not None:
                found.append(CancelJob(run.number, run.attempt))
    found.extend(_relays(execution))
    return found


def is_job(execution: Execution, run: TaskRun) -> bool:
    """Tell whether the current attempt of a run is a job that a runtime has or is to be given."""
    return (
        run.number in execution.live
        and run.state in ("queued", "running")
        and run.attempt in execution.attempts
        and run.attempt not in execution.scopes
    )


def is_child(execution: Execution, run: TaskRun) -> bool:
    """Tell whether the current attempt of a run is a child execution."""
    return is_job(execution, run) and isinstance(execution.action(run), RunWorkflow)


def _relays(execution: Execution) -> list[Command]:
    wanted: Literal["paused", "running"] = "paused" if execution.state == "paused" else "running"
    return [
        RelayPause(run.number, run.attempt, wanted)
        for run in execution.live_runs()
        if is_child(execution, run)
    ]
