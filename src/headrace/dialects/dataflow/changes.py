"""The changes of a run that this dialect tells: by webhook, as JSON and as a stream (section 8).

They are numbered from 1 in the order of the journal, whether anybody wants to hear of them or not, so the
numbers are the same wherever they are told.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headrace.dialects.dataflow.spelling import moment, run_status
from headrace.dialects.dataflow.webhooks import EventName
from headrace.engine import events
from headrace.engine.execution import NO_ITEM, ROOT, Execution

_TASK_ENDS: dict[str, EventName] = {
    "succeeded": "task.completed",
    "failed": "task.failed",
    "timed_out": "task.failed",
    "skipped": "task.skipped",
    "cancelled": "task.cancelled",
}
_RUN_ENDS: dict[str, EventName] = {
    "succeeded": "execution.completed",
    "failed": "execution.failed",
    "timed_out": "execution.failed",
    "cancelled": "execution.cancelled",
}


class Change(Struct, frozen=True):
    """One change of a run."""

    sequence: int
    """From 1, without gaps."""
    event: EventName
    at: float
    """Unix seconds."""
    status: str
    """The run's status right after it."""
    task: str | None


class Changes:
    """Numbers the changes of one run."""

    def __init__(self, execution: Execution, count: int = 0) -> None:
        """Take the execution as it is after all events that will be shown; `count` were told before them."""
        self._execution = execution
        self._count = count

    def of(self, happened: events.AnyEvent) -> list[Change]:
        """Return the changes that the next event is: none, one, or several at the end of a cancelled run."""
        match happened:
            case events.ExecutionStarted():
                return [self._change("execution.running", happened.at, "RUNNING")]
            case events.TaskSucceeded(run=run):
                return self._task(run, "succeeded", happened.at)
            case events.TaskFailed(run=run, state=state) | events.TaskReused(run=run, state=state):
                return self._task(run, state, happened.at)
            case events.TaskSkipped(run=run):
                return self._task(run, "skipped", happened.at)
            case events.ExecutionEnded(state=state):
                return self._end(state, happened.at)
            case _:
                return []

    def _task(self, number: int, state: str, at: float) -> list[Change]:
        run = self._execution.runs[number]
        is_told = run.scope == ROOT and run.item == NO_ITEM
        return [self._change(_TASK_ENDS[state], at, "RUNNING", run.task)] if is_told else []

    def _end(self, state: str, at: float) -> list[Change]:
        status = run_status(state)
        cancelled = [
            self._change("task.cancelled", at, status, task) for task in never_begun(self._execution)
        ]
        return [*cancelled, self._change(_RUN_ENDS[state], at, status)]

    def _change(self, event: EventName, at: float, status: str, task: str | None = None) -> Change:
        self._count += 1
        return Change(self._count, event, at, status, task)


def never_begun(execution: Execution) -> list[str]:
    """Return the tasks without a run, in document order; when the run is over they count as cancelled."""
    return [task.name for task, run in execution.root_runs() if run is None]


def count_of(execution: Execution) -> int:
    """Return how many changes a run has had so far."""
    root = execution.scopes.get(ROOT)
    if root is None:
        return 0
    ended = len(root.finished)
    return ended + 1 if execution.ended_at is None else ended + 2 + len(never_begun(execution))


def told(change: Change) -> dict[str, Any]:
    """Return a change as `GET R/events` shows it."""
    return {
        "sequence": change.sequence,
        "event": change.event,
        "timestamp": moment(change.at),
        "status": change.status,
        "task": change.task,
    }


def webhook_body(shown: dict[str, Any], change: Change) -> dict[str, Any]:
    """Return the body of a webhook: the details right after the change, and the change."""
    head = {
        "event": change.event,
        "timestamp": moment(change.at),
        "sequence": change.sequence,
        "task": change.task,
    }
    return {**shown, **head}
