"""Sub-workflows as jobs: the parent's attempt is the child's start key, so that two starts are one child."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from headrace.definition.model import RunWorkflow
from headrace.definition.outcomes import Failure
from headrace.engine import messages
from headrace.engine.execution import Execution, TaskRun
from headrace.engine.states import EXECUTION_ENDS
from headrace.errors import RequestError
from headrace.orchestrator.house import House
from headrace.orchestrator.mailbox import Mailbox
from headrace.store.protocol import Store
from headrace.store.rows import ExecutionRow

log = structlog.get_logger(__name__)

DEEPEST = 20
"""Levels of executions above which a child is refused (docs/engine.md)."""

StartChild = Callable[[Mailbox, TaskRun, RunWorkflow, dict[str, Any], str], Awaitable[ExecutionRow]]
"""Starts the child of a run's attempt under a start key, or returns the one that has it."""


class ChildExecutions:
    """Starts, follows and ends the children of attempts."""

    def __init__(self, store: Store, house: House, start: StartChild) -> None:
        self._store = store
        self._house = house
        self._start = start
        self._children: dict[int, int] = {}
        """Attempt of the parent to number of the child."""
        self._parents: dict[int, tuple[int, Mailbox]] = {}
        """Number of the child to the attempt and the mailbox of its parent."""
        self._beginning: dict[int, messages.Cancel | None] = {}
        """Attempts whose child is being started, with the cancel that came meanwhile."""
        self._tasks: set[asyncio.Task[None]] = set()
        house.feed.follow(self._child_moved)

    def begin(self, mailbox: Mailbox, run: TaskRun, action: RunWorkflow, input: dict[str, Any]) -> None:
        """Start the child of the run's attempt, or find the one that was started before."""
        self._beginning[run.attempt] = None
        self._later(self._begin(mailbox, run, action, input))

    def cancel(self, mailbox: Mailbox, run: TaskRun) -> None:
        """Cancel the child by the parent's policy; its end is the end of the attempt."""
        policy = mailbox.execution.policy if mailbox.execution.state == "cancelling" else None
        asked = messages.Cancel(reason="The parent execution was cancelled.", policy=policy)
        if run.attempt in self._beginning:
            self._beginning[run.attempt] = asked
            return
        child = self._house.mailboxes.get(self._children.get(run.attempt, 0))
        if child is not None:
            child.post(asked)
        else:
            self._later(self._cancel_unknown(mailbox, run.attempt, asked))

    def relay(self, attempt: int, wanted: str) -> None:
        """Pause or resume the child."""
        child = self._house.mailboxes.get(self._children.get(attempt, 0))
        if child is not None:
            paused = messages.Pause(reason="The parent execution is paused.")
            child.post(paused if wanted == "paused" else messages.Resume())

    async def _begin(
        self, mailbox: Mailbox, run: TaskRun, action: RunWorkflow, input: dict[str, Any]
    ) -> None:
        attempt = run.attempt
        if mailbox.execution.depth >= DEEPEST:
            self._beginning.pop(attempt)
            message = f"Executions are nested more than {DEEPEST} levels deep."
            self._fail(mailbox, attempt, Failure(code="nested_too_deep", message=message, final=True))
            return
        try:
            row = await self._start(mailbox, run, action, input, f"attempt:{attempt}")
        except RequestError as refusal:
            self._beginning.pop(attempt)
            self._fail(mailbox, attempt, Failure(code=refusal.code, message=refusal.message, final=True))
            return
        self._children[attempt] = row.number
        self._parents[row.number] = (attempt, mailbox)
        mailbox.post(messages.AttemptStarted(attempt=attempt, at=row.created_at, native=row.id))
        cancelled = self._beginning.pop(attempt)
        if cancelled is not None and row.number in self._house.mailboxes:
            self._house.mailboxes[row.number].post(cancelled)
        if row.number not in self._house.mailboxes:
            row = await self._store.executions.get(row.number)
            if row.ended_at is not None:
                self._report_end(await self._house.views.get(row))

    async def _cancel_unknown(self, mailbox: Mailbox, attempt: int, asked: messages.Cancel) -> None:
        row = await self._store.executions.by_start_key(f"attempt:{attempt}")
        child = self._house.mailboxes.get(row.number) if row is not None else None
        if child is not None:
            child.post(asked)
        elif row is None:
            now = self._house.clock.now()
            mailbox.post(
                messages.AttemptEnded(attempt=attempt, outcome="cancelled", started_at=None, ended_at=now)
            )

    def _child_moved(self, execution: Execution, _before: int) -> None:
        if execution.number in self._parents and execution.state in EXECUTION_ENDS:
            self._report_end(execution)

    def _report_end(self, execution: Execution) -> None:
        attempt, mailbox = self._parents.pop(execution.number)
        self._children.pop(attempt, None)
        failure = None
        if execution.state != "succeeded":
            told = execution.reason.sentence if execution.reason is not None else f"It {execution.state}."
            failure = Failure(code="workflow_failed", message=f"Execution {execution.id}: {told}")
        mailbox.post(
            messages.AttemptEnded(
                attempt=attempt,
                outcome=execution.state,  # type: ignore[arg-type]  # an end, by the callers
                started_at=execution.started_at,
                ended_at=execution.ended_at or execution.at,
                outputs=execution.outputs,
                failure=failure,
                native=execution.id,
            )
        )

    def _fail(self, mailbox: Mailbox, attempt: int, failure: Failure) -> None:
        now = self._house.clock.now()
        mailbox.post(
            messages.AttemptEnded(
                attempt=attempt, outcome="failed", started_at=None, ended_at=now, failure=failure
            )
        )

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
