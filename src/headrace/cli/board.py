"""What is known of a running execution, from its events: each task with its state and its times.

Reads events as the native API shows them, from a stream or from an engine in this process, and draws nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

ENDS = frozenset({"succeeded", "failed", "timed_out", "cancelled", "skipped"})
ROOT = 0
"""Scope of the tasks that stand in no group."""


class TaskLine:
    """One task as it stands now; of a repeated one the latest round."""

    def __init__(self, name: str, type: str = "") -> None:
        self.name = name
        self.type = type
        self.state = "waiting"
        self.visit = 1
        self.attempts = 0
        self.began: float | None = None
        """When it first ran, in Unix seconds; the time in the queue before that does not count."""
        self.ended: float | None = None
        self.reason = ""
        self.items = 0
        """Elements of its foreach; 0 when it has none."""
        self.item_states: Counter[str] = Counter()
        self.inner: dict[str, TaskLine] = {}
        """Tasks of its group, by name."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it in this round."""
        return self.state in ENDS


class Board:
    """All tasks of one execution."""

    def __init__(self, name: str = "", tasks: Iterable[tuple[str, str]] = ()) -> None:
        """`tasks` are names and types of the outermost tasks, in written order."""
        self.name = name
        self.state = "pending"
        self.reason = ""
        self.began: float | None = None
        self.ended: float | None = None
        self.tasks = {task: TaskLine(task, type) for task, type in tasks}
        self._groups: dict[int, TaskLine] = {}
        self._lines: dict[int, TaskLine] = {}
        self._items: dict[int, TaskLine] = {}
        self._item_states: dict[int, str] = {}

    @property
    def is_over(self) -> bool:
        """Whether the execution has ended."""
        return self.ended is not None

    @property
    def counts(self) -> Counter[str]:
        """How many of the outermost tasks are in each state."""
        return Counter(line.state for line in self.tasks.values())

    def take(self, event: Mapping[str, Any]) -> None:
        """Learn from one event; an event that is not known changes nothing."""
        kind = event["event"]
        if kind.startswith("execution_"):
            self._of_execution(kind, event)
        elif kind == "visit_began":
            self._began_visit(event)
        elif (run := event.get("run")) is not None and kind in _STATES:
            state = _STATES[kind] or event["state"]
            if run in self._items:
                self._of_item(run, state)
            elif run in self._lines:
                self._of_task(self._lines[run], kind, state, event)

    def _of_execution(self, kind: str, event: Mapping[str, Any]) -> None:
        match kind:
            case "execution_started":
                self.state, self.began = "running", _seconds(event["at"])
            case "execution_resumed":
                self.state = "running"
            case "execution_paused":
                self.state = "paused"
            case "execution_cancelling":
                self.state = "cancelling"
            case "execution_ended":
                self.state, self.ended = event["state"], _seconds(event["at"])
        if (reason := event.get("reason")) is not None:
            self.reason = _sentence(reason)

    def _began_visit(self, event: Mapping[str, Any]) -> None:
        scope, name, run = event["scope"], event["task"], event["run"]
        group = self._groups.get(scope)
        siblings = self.tasks if group is None else group.inner
        line = siblings.setdefault(name, TaskLine(name))
        if event.get("item", -1) not in (-1, None):
            self._items[run] = line
            return
        if event["visit"] > line.visit:
            # A new round begins on a clean line.
            line = siblings[name] = TaskLine(name, line.type)
            line.visit = event["visit"]
        self._lines[run] = line

    def _of_task(self, line: TaskLine, kind: str, state: str, event: Mapping[str, Any]) -> None:
        at = _seconds(event["at"])
        line.state = state
        match kind:
            case "task_queued":
                line.attempts += 1
            case "group_opened":
                line.inner = {}
                self._groups[event["attempt"]] = line
            case "items_expanded":
                line.items = event["count"]
            case "attempt_failed":
                line.reason = (event.get("failure") or {}).get("message") or ""
            case _:
                pass
        line.began = line.began or event.get("started_at") or (at if state in _BEGUN else None)
        if line.is_over:
            line.ended = at
            line.reason = _sentence(event.get("reason")) or (event.get("failure") or {}).get("message") or ""

    def _of_item(self, run: int, state: str) -> None:
        line = self._items[run]
        former = self._item_states.get(run)
        if former is not None:
            line.item_states[former] -= 1
        self._item_states[run] = state
        line.item_states[state] += 1


_BEGUN = ("running", "blocked")

_STATES: dict[str, str] = {
    "task_held": "queued",
    "task_queued": "queued",
    "task_started": "running",
    "task_blocked": "blocked",
    "group_opened": "running",
    "items_expanded": "running",
    "attempt_failed": "retrying",
    "task_succeeded": "succeeded",
    "task_failed": "",
    "task_skipped": "skipped",
    "task_reused": "",
}
"""Event to the state that it leads to; the empty ones say it themselves."""


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _sentence(reason: Mapping[str, Any] | None) -> str:
    return "" if reason is None else reason.get("sentence") or reason["code"]
