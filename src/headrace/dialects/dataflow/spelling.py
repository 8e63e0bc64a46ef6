"""How answers are spelled: key case, ids, times, statuses (sections 1, 2 and 7 of the specification)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal as OneOf, assert_never

from msgspec.structs import replace

from headrace.dialects.dataflow.wire import Style
from headrace.engine.states import ExecutionState, TaskState

RunStatus = OneOf["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
TaskStatus = OneOf["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED"]

RUN_STATES: dict[RunStatus, tuple[ExecutionState, ...]] = {
    "PENDING": ("pending",),
    "RUNNING": ("running", "paused", "cancelling"),
    "COMPLETED": ("succeeded",),
    "FAILED": ("failed", "timed_out"),
    "CANCELLED": ("cancelled",),
}
"""What a list with `?status=` asks the store for."""
_STATUSES: dict[str, RunStatus] = {state: status for status, states in RUN_STATES.items() for state in states}


def ours(style: Style, answer: dict[str, Any]) -> dict[str, Any]:
    """Spell the keys of one object of the page; values are the caller's, and names in them stay."""
    if not style.camel_case:
        return answer
    return {_camel(key): value for key, value in answer.items()}


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(map(str.capitalize, others))


def style_for(style: Style, execution_id: str) -> Style:
    """Return the style of a route with an execution id: its prefix decides, unless keys are in camel case."""
    if style.camel_case:
        return style
    return replace(style, family="A" if execution_id.startswith("we-") else "B")


def execution_id(style: Style, alias: str) -> str:
    """Return an execution's id by the family; `alias` is either of its two names."""
    return f"{'we' if style.family == 'A' else 'ex'}-{alias[3:]}"


def execution_key(style: Style) -> str:
    """Return the key of an execution's id, before the key case."""
    return "workflow_execution_id" if style.family == "A" else "execution_id"


def title_key(style: Style) -> str:
    """Return the key of a workflow's title."""
    return "title" if style.family == "A" else "name"


def moment(at: float | None) -> str | None:
    """Return a moment in whole seconds, as in `2024-01-01T00:00:00Z`; null stays null."""
    return None if at is None else datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(start: float | None, end: float | None) -> int | None:
    """Return an exact length, null as long as it has none."""
    return None if start is None or end is None else round((end - start) * 1000)


def run_status(state: str) -> RunStatus:
    """Return the page's word for the state of an execution."""
    return _STATUSES[state]


def task_status(state: TaskState, tries: int) -> TaskStatus:
    """Return the page's word for the state of a task run that has begun; `tries` counts all attempts."""
    match state:
        case "queued" if tries > 1:
            return "RUNNING"
        case "waiting" | "queued" | "blocked":
            return "PENDING"
        case "running" | "retrying":
            return "RUNNING"
        case "succeeded":
            return "COMPLETED"
        case "failed" | "timed_out":
            return "FAILED"
        case "skipped":
            return "SKIPPED"
        case "cancelled":
            return "CANCELLED"
        case _:
            assert_never(state)
