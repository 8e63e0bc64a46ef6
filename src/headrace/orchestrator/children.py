"""Sub-workflows as jobs: the parent's attempt is the child's start key, so that two starts are one child.

Children are reported as the jobs of a runtime are, to the one observer that all runtimes have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import chain, repeat
from typing import Any, Literal

import structlog

from headrace.definition.model import RunWorkflow
from headrace.definition.outcomes import Failure
from headrace.engine import messages
from headrace.engine.execution import Execution, TaskRun
from headrace.engine.states import EXECUTION_ENDS
from headrace.errors import RequestError, StoreError
from headrace.orchestrator.house import House
from headrace.orchestrator.jobs import CannotDispatch
from headrace.orchestrator.mailbox import PATIENCE, Mailbox
from headrace.runtimes.protocol import JobEnded, JobStarted, Observer
from headrace.store.protocol import Store
from headrace.store.rows import ExecutionRow

log = structlog.get_logger(__name__)

DEEPEST = 20
"""Levels of executions above which a child is refused (docs/engine.md)."""

_PAUSED = "The parent execution is paused."

StartChild = Callable[[Execution, TaskRun, RunWorkflow, dict[str, Any], str], Awaitable[ExecutionRow]]
"""Starts the child of a run's attempt under a start key, or returns the one that has it."""


class _Wishes:
    """What a child that is being started is to be told when it is there."""

    __slots__ = ("cancel", "pause")

    def __init__(self) -> None:
        self.cancel: messages.Cancel | None = None
        self.pause: Literal["paused", "running"] | None = None


class ChildExecutions:
    """Starts, follows and ends the children of attempts."""

    def __init__(self, store: Store, house: House, start: StartChild) -> None:
        self._store = store
        self._house = house
        self._start = start
        self._children: dict[int, int] = {}
        """Attempt of the parent to number of the child."""
        self._parents: dict[int, int] = {}
        """Number of the child to attempt of the parent."""
        self._beginning: dict[int, _Wishes] = {}
        """Attempts whose child is being started."""
        self._tasks: set[asyncio.Task[None]] = set()
        house.feed.follow(self._child_moved)

    def open(self, observer: Observer) -> None:
        """Begin to start children; all reports go to the observer."""
        self._observer = observer

    def close(self) -> None:
        """Start nothing more; the next server finds by the start key what was being started."""
        for task in self._tasks:
            task.cancel()

    def begin(self, parent: Execution, run: TaskRun, action: RunWorkflow) -> None:
        """Start the child of the run's attempt, or find the one that was started before.

        Raises CannotDispatch where there may be no child.
        """
        if parent.depth >= DEEPEST:
            message = f"Executions are nested more than {DEEPEST} levels deep."
            raise CannotDispatch(Failure(code="nested_too_deep", message=message, final=True))
        if run.sealed is not None:  # the child's journal keeps its inputs, and is no place for a secret
            raise CannotDispatch(_secret_given(run.sealed.entries, action.workflow))
        self._beginning[run.attempt] = _Wishes()
        self._later(self._begin(parent, run, action))

    def cancel(self, attempt: int, policy: Literal["cancel_running", "allow_finish"] | None) -> None:
        """Cancel the child, by its own policy where None is given; its end is the end of the attempt."""
        asked = messages.Cancel(reason="The parent execution was cancelled.", policy=policy)
        if attempt in self._beginning:
            self._beginning[attempt].cancel = asked
        elif child := self._child(attempt):
            child.post(asked)

    def relay(self, attempt: int, wanted: Literal["paused", "running"]) -> None:
        """Pause or resume the child."""
        if attempt in self._beginning:
            self._beginning[attempt].pause = wanted
        elif child := self._child(attempt):
            child.post(messages.Pause(reason=_PAUSED) if wanted == "paused" else messages.Resume())

    def _child(self, attempt: int) -> Mailbox | None:
        return self._house.mailboxes.get(self._children.get(attempt, 0))

    async def _begin(self, parent: Execution, run: TaskRun, action: RunWorkflow) -> None:
        """Start or find the child, however often the store must be asked."""
        attempt = run.attempt
        try:
            for seconds in chain(PATIENCE, repeat(PATIENCE[-1])):
                try:
                    if await self._try_to_begin(parent, run, action):
                        return
                except StoreError as error:
                    log.warning("store_unavailable", attempt=attempt, error=error.message)
                await asyncio.sleep(seconds)
        except RequestError as refusal:
            self._fail(attempt, Failure(code=refusal.code, message=refusal.message, final=True))
        except Exception as error:  # whatever broke here, the task must end and say so
            log.exception("child_broke", attempt=attempt)
            message = f"The sub-workflow could not be started: {error}"
            self._fail(attempt, Failure(code="dispatch_failed", message=message))
        finally:
            del self._beginning[attempt]

    async def _try_to_begin(self, parent: Execution, run: TaskRun, action: RunWorkflow) -> bool:
        """Start or find the child; False where it lives and recovery has not come to it yet."""
        attempt, key = run.attempt, f"attempt:{run.attempt}"
        row = await self._store.executions.by_start_key(key)
        if row is None:
            input = await self._house.values.fill_in(run.input)
            if self._beginning[attempt].cancel is not None:
                now = self._house.clock.now()
                self._observer(JobEnded(attempt=attempt, outcome="cancelled", started_at=None, ended_at=now))
                return True
            row = await self._start(parent, run, action, input, key)
        child = self._house.mailboxes.get(row.number)
        if child is not None:
            self._follow(attempt, child)
            return True
        row = await self._store.executions.get(row.number)
        if row.ended_at is None:
            return False
        self._report_end(attempt, await self._house.views.get(row))
        return True

    def _follow(self, attempt: int, child: Mailbox) -> None:
        """Take up a child that lives, and tell it what was wanted of it meanwhile."""
        row, wishes = child.row, self._beginning[attempt]
        self._children[attempt] = row.number
        self._parents[row.number] = attempt
        self._observer(JobStarted(attempt=attempt, at=row.created_at, native=row.id))
        if wishes.pause == "paused":
            child.post(messages.Pause(reason=_PAUSED))
        elif wishes.pause == "running" and _is_held(child.execution):
            child.post(messages.Resume())
        if wishes.cancel is not None:
            child.post(wishes.cancel)

    def _child_moved(self, execution: Execution, _before: int) -> None:
        if execution.number in self._parents and execution.state in EXECUTION_ENDS:
            attempt = self._parents.pop(execution.number)
            del self._children[attempt]
            self._report_end(attempt, execution)

    def _report_end(self, attempt: int, execution: Execution) -> None:
        failure = None
        if execution.state != "succeeded":
            told = execution.reason.sentence if execution.reason is not None else f"It {execution.state}."
            failure = Failure(code="workflow_failed", message=f"Execution {execution.id}: {told}")
        self._observer(
            JobEnded(
                attempt=attempt,
                outcome=execution.state,  # type: ignore[arg-type]  # an end, by the callers
                started_at=execution.started_at,
                ended_at=execution.ended_at or execution.at,
                outputs=execution.outputs,
                failure=failure,
                native=execution.id,
            )
        )

    def _fail(self, attempt: int, failure: Failure) -> None:
        now = self._house.clock.now()
        self._observer(
            JobEnded(attempt=attempt, outcome="failed", started_at=None, ended_at=now, failure=failure)
        )

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _secret_given(ports: Iterable[str], workflow: str) -> Failure:
    named = ", ".join(f"'{port}'" for port in ports)
    message = (
        f"A secret stands in the input {named} of the sub-workflow '{workflow}', which would keep it in its "
        "journal; name the secret in the tasks of the sub-workflow instead."
    )
    return Failure(code="secret_not_allowed", message=message, final=True)


def _is_held(child: Execution) -> bool:
    """Tell whether the parent's pause holds the child: one that somebody asked for outlasts a restart."""
    return child.state == "paused" and child.reason is not None and child.reason.sentence == _PAUSED
