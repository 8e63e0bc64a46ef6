"""The changes of a run that this dialect tells: by webhook, as JSON and as a stream (section 8).

They are numbered from 1 in the order of the journal, whether anybody wants to hear of them or not, so the
numbers are the same wherever they are told.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.dataflow.runs import RunView, details
from headrace.dialects.dataflow.spelling import moment, run_status
from headrace.dialects.dataflow.webhooks import EventName
from headrace.engine import events
from headrace.engine.execution import NO_ITEM, ROOT

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
    """Numbers the changes of one run; fed with its journal from the beginning."""

    def __init__(self, definition: WorkflowDefinition) -> None:
        self._waiting = dict.fromkeys(task.name for task in definition.tasks)
        """Tasks that have not begun, in document order."""
        self._tasks: dict[int, str] = {}
        """Run to its task, for the tasks of the document itself."""
        self._count = 0

    def take(self, happened: events.AnyEvent) -> list[Change]:
        """Return the changes that an event is: none, one, or several at the end of a cancelled run."""
        match happened:
            case events.VisitBegan(run=run, scope=scope, task=task, item=item):
                if scope == ROOT and item == NO_ITEM:
                    self._tasks[run] = task
                    self._waiting.pop(task, None)
                return []
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

    def _task(self, run: int, state: str, at: float) -> list[Change]:
        task = self._tasks.get(run)
        return [] if task is None else [self._change(_TASK_ENDS[state], at, "RUNNING", task)]

    def _end(self, state: str, at: float) -> list[Change]:
        status = run_status(state)
        never_begun = [self._change("task.cancelled", at, status, task) for task in self._waiting]
        self._waiting.clear()
        return [*never_begun, self._change(_RUN_ENDS[state], at, status)]

    def _change(self, event: EventName, at: float, status: str, task: str | None = None) -> Change:
        self._count += 1
        return Change(self._count, event, at, status, task)


def told(change: Change) -> dict[str, Any]:
    """Return a change as `GET R/events` shows it."""
    return {
        "sequence": change.sequence,
        "event": change.event,
        "timestamp": moment(change.at),
        "status": change.status,
        "task": change.task,
    }


def webhook_body(view: RunView, change: Change) -> dict[str, Any]:
    """Return the body of a webhook: the details right after the change, and the change."""
    head = {
        "event": change.event,
        "timestamp": moment(change.at),
        "sequence": change.sequence,
        "task": change.task,
    }
    return {**details(view), **head}
