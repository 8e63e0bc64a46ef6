"""The two tables of states.  Everything that may become of an execution and of a task run stands here.

Laws:
1. A state changes only along a row of these tables, and only when an event is evolved.
2. Ends absorb: no row leads out of one, so a late or repeated report decides nothing.
3. A paused execution still ends when nothing is left to do; only a cancelling one ends early, and a closing
   task that fails makes it failed.
4. A task run that needs no machine may end straight from `waiting` (skipped, reused, a broken expression).

This file must never know what causes a change.  The diagrams in the docs are drawn from these tables.
"""

from __future__ import annotations

from typing import Final, Literal

ExecutionState = Literal[
    "pending", "running", "paused", "cancelling", "succeeded", "failed", "cancelled", "timed_out"
]
TaskState = Literal[
    "waiting",
    "queued",
    "running",
    "retrying",
    "blocked",
    "succeeded",
    "failed",
    "timed_out",
    "skipped",
    "cancelled",
]

EXECUTION_ENDS: Final[frozenset[str]] = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
TASK_ENDS: Final[frozenset[str]] = frozenset({"succeeded", "failed", "timed_out", "skipped", "cancelled"})
TASK_FAILURES: Final[frozenset[str]] = frozenset({"failed", "timed_out", "cancelled"})

EXECUTION: Final[dict[str, frozenset[str]]] = {
    "pending": frozenset({"running"}),
    "running": frozenset({"paused", "cancelling", "succeeded", "failed"}),
    "paused": frozenset({"running", "cancelling", "succeeded", "failed"}),
    "cancelling": frozenset({"cancelled", "timed_out", "failed"}),
    **{end: frozenset() for end in EXECUTION_ENDS},
}

TASK: Final[dict[str, frozenset[str]]] = {
    "waiting": frozenset({"queued", "running", "blocked", *TASK_ENDS}),
    "queued": frozenset({"queued", "running", "retrying", "blocked", "succeeded", *TASK_FAILURES}),
    "running": frozenset({"retrying", "succeeded", *TASK_FAILURES}),
    "retrying": frozenset({"queued", "running", "blocked", "succeeded", "failed", "cancelled"}),
    "blocked": frozenset({"retrying", "succeeded", *TASK_FAILURES}),
    **{end: frozenset() for end in TASK_ENDS},
}


class IllegalTransition(AssertionError):
    """An event asks for a change of state that no row allows: a defect of the engine, never of a caller."""


def next_execution_state(state: str, wanted: ExecutionState) -> ExecutionState:
    """Return `wanted`; raises IllegalTransition when the table has no such row."""
    if wanted not in EXECUTION[state]:
        raise IllegalTransition(f"execution: {state} -> {wanted}")
    return wanted


def next_task_state(state: str, wanted: TaskState) -> TaskState:
    """Return `wanted`; raises IllegalTransition when the table has no such row."""
    if wanted not in TASK[state]:
        raise IllegalTransition(f"task run: {state} -> {wanted}")
    return wanted
