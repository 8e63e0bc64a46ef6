"""Use cases of executions: start, look, wait, follow, cancel, pause, resume, answer, rerun."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from headrace.clock import Clock
from headrace.definition.model import RunGroup, RunWorkflow, TaskDefinition, WorkflowDefinition
from headrace.engine import events, messages
from headrace.engine.execution import Execution, TaskRun, blank
from headrace.engine.plans import Planned
from headrace.errors import InvalidInput, NotFound, Problem
from headrace.expressions import ExpressionError, Values, as_text, render
from headrace.ids import alias as new_alias, uuid7
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.dispatcher import Dispatcher
from headrace.orchestrator.feed import NumberedEvent
from headrace.orchestrator.house import House
from headrace.orchestrator.replay import decode_events
from headrace.store import cursors
from headrace.store.protocol import KeyTaken, Store
from headrace.store.rows import ExecutionFilter, ExecutionRow, IdempotencyRecord, Page

PART, MOST_PARTS = 500, 10
"""Executions that a search by name reads at once, and how often: no list may slow down with history."""


class ExecutionNames(Struct, frozen=True):
    """What an execution that is about to start is called, so that the answer can be made before."""

    number: int
    id: str
    alias: str | None


class StartRequest(Struct, frozen=True, kw_only=True):
    """Everything that a start needs; the inputs are complete and checked by whoever asks."""

    workflow: int
    version: int
    inputs: dict[str, Any]
    names: ExecutionNames
    labels: dict[str, str] = field(default_factory=dict)
    """What the door that asks wants to find again; `webhook` asks for deliveries."""
    plan: dict[str, Planned] = field(default_factory=dict)
    start_key: str | None = None
    """Unique for ever: a second start with it is the first."""
    credentials: dict[str, str] = field(default_factory=dict)
    """Secret values for this run only; kept in memory, while the run remembers their names."""
    lost_credentials: tuple[str, ...] = ()
    """Names of those that a child would have been given, had a restart not lost them."""
    parent: int | None = None
    depth: int = 0
    idempotency: IdempotencyRecord | None = None


class Executions:
    """The executions of this server."""

    def __init__(
        self, store: Store, house: House, shelf: Shelf, dispatcher: Dispatcher, clock: Clock
    ) -> None:
        self._store = store
        self._house = house
        self._shelf = shelf
        self._dispatcher = dispatcher
        self._clock = clock

    def name(self, prefix: str | None = None) -> ExecutionNames:
        """Return fresh names; `prefix` asks for an alias in a dialect's own form, as in `we`."""
        number = self._store.numbers.take()
        made = new_alias(prefix) if prefix is not None else None
        return ExecutionNames(number, uuid7(self._clock.now()), made)

    async def names_for(self, definition: WorkflowDefinition, prefix: str | None = None) -> ExecutionNames:
        """Return fresh names, of which the number is the first of as many as the definition asks for."""
        numbers, count = self._store.numbers, definition.numbers
        if count > 1:
            await numbers.prepare(count)
        made = new_alias(prefix) if prefix is not None else None
        return ExecutionNames(numbers.take(count), uuid7(self._clock.now()), made)

    async def start(self, asked: StartRequest) -> ExecutionRow:
        """Start an execution and return it once it is committed.

        Raises `NotFound`, `InvalidInput` (an unknown sub-workflow, a concurrency key that breaks) and
        `KeyTaken`.
        """
        definition, graph = await self._shelf.get(asked.workflow, asked.version)
        names = asked.names
        row = ExecutionRow(
            number=names.number,
            id=names.id,
            workflow=asked.workflow,
            version=asked.version,
            dialect=definition.dialect,
            alias=names.alias,
            name=definition.name,
            state="pending",
            created_at=self._clock.now(),
            start_key=asked.start_key,
            concurrency_key=concurrency_key(definition, asked.inputs),
            parent=asked.parent,
            labels=asked.labels,
        )
        message = messages.Start(
            number=names.number,
            id=names.id,
            workflow=asked.workflow,
            version=asked.version,
            inputs=asked.inputs,
            seed=secrets.randbits(63),
            depth=asked.depth,
            parent=asked.parent,
            plan=asked.plan,
            pins=await self._pins(definition),
            labels=asked.labels,
            credentials=tuple(sorted({*asked.credentials, *asked.lost_credentials})),
        )
        mailbox = self._house.admit(blank(definition, graph), row)
        if asked.credentials:
            self._dispatcher.credentials[names.number] = asked.credentials
        try:
            await mailbox.ask(message, asked.idempotency)
        except BaseException:
            self._house.dismiss(names.number)
            self._dispatcher.credentials.pop(names.number, None)
            raise
        return mailbox.row

    async def start_child(
        self, parent: Execution, run: TaskRun, action: RunWorkflow, inputs: dict[str, Any], start_key: str
    ) -> ExecutionRow:
        """Start the child of an attempt in the pinned version, or return the one that was started before."""
        workflow, version = parent.pins[action.workflow]
        definition, _ = await self._shelf.get(workflow, version)
        asked = StartRequest(
            workflow=workflow,
            version=version,
            inputs=inputs,
            names=await self.names_for(definition),
            start_key=start_key,
            credentials=self._dispatcher.credentials.get(parent.number, {}),
            lost_credentials=parent.credentials,
            parent=run.attempt,
            depth=parent.depth + 1,
        )
        try:
            return await self.start(asked)
        except KeyTaken:
            known = await self._store.executions.by_start_key(start_key)
            if known is None:
                raise
            return known

    async def get(self, key: int | str) -> ExecutionRow:
        """Return the execution with this number, UUID or alias; raises `NotFound`."""
        return await self._house.row(key)

    async def newest(
        self, which: ExecutionFilter, *, limit: int = 100, cursor: str | None = None
    ) -> Page[ExecutionRow]:
        """Return a page of executions, newest first."""
        return await self._store.executions.newest(which, limit=limit, cursor=cursor)

    async def newest_named(
        self, name: str, which: ExecutionFilter, *, limit: int = 100, cursor: str | None = None
    ) -> Page[ExecutionRow]:
        """Return a page of executions of this name, newest first.

        It looks through 5,000 executions at most and is cut short there, with a cursor that leads on.
        """
        found: list[ExecutionRow] = []
        for _ in range(MOST_PARTS):
            part = await self.newest(which, limit=PART, cursor=cursor)
            found += [row for row in part.rows if row.name == name]
            cursor = part.cursor
            if cursor is None or len(found) > limit:
                break
        shown = cursors.page(found, limit, cursors.EXECUTIONS, lambda row: row.number)
        return shown if shown.cursor is not None else Page(shown.rows, cursor)

    async def view(self, row: ExecutionRow) -> Execution:
        """Return an execution to look at now; it may be neither kept nor changed."""
        return await self._house.views.get(row)

    async def wait(self, row: ExecutionRow, seconds: float) -> Execution:
        """Return the execution when it has ended, or as it is after so many seconds."""
        until = self._clock.now() + seconds
        with self._house.feed.watching(row.number) as watch:
            while row.number in self._house.mailboxes and (left := until - self._clock.now()) > 0:
                await watch.change(left)
        return await self._house.views.get(row)

    async def events(self, row: ExecutionRow, after: int = 0) -> list[NumberedEvent]:
        """Return the committed events later than sequence number `after`.

        Of a live execution these are the ones that its views know too, so that whoever reads of its end and
        then looks at it finds it ended.
        """
        entries = await self._store.journal.read(row.number, after)
        mailbox = self._house.mailboxes.get(row.number)
        found: list[NumberedEvent] = []
        for entry in entries:
            if mailbox is not None and entry.seq > mailbox.announced:
                break
            for seq, event in enumerate(decode_events(entry.events), entry.first_seq):
                if seq > after:
                    found.append(NumberedEvent(seq, event))
        return found

    async def follow(
        self, row: ExecutionRow, after: int = 0, pulse: float = 15.0
    ) -> AsyncIterator[Sequence[NumberedEvent]]:
        """Yield events as they are committed, until the execution is over.

        An empty sequence comes when nothing happened for `pulse` seconds.
        All who follow are handed the same events of a commit; the journal is read to catch up, and where the
        execution is not in the care of this server.
        """
        with self._house.feed.watching(row.number) as watch:
            batch: Sequence[NumberedEvent] | None = await self.events(row, after)
            while True:
                if batch:
                    yield batch
                    after = batch[-1].seq
                    if isinstance(batch[-1].event, events.ExecutionEnded):
                        return
                elif await self._is_told(row.number, after):
                    return
                elif not await watch.change(pulse):
                    yield ()
                batch = watch.behind(after)
                if batch is None or not (batch or row.number in self._house.mailboxes):
                    batch = await self.events(row, after)

    async def _is_told(self, number: int, after: int) -> bool:
        """Tell whether nothing comes after a sequence number any more."""
        if number in self._house.mailboxes:
            return False
        row = await self._store.executions.get(number)
        return row.ended_at is not None and after >= row.seq

    async def cancel(
        self,
        row: ExecutionRow,
        reason: str = "",
        policy: Literal["cancel_running", "allow_finish"] | None = None,
    ) -> Execution:
        """Cancel an execution; raises `TransitionRefused` when it is over."""
        return await self._ask(row, messages.Cancel(reason=reason, policy=policy), "a cancel")

    async def cancel_task(self, row: ExecutionRow, run: int, reason: str = "") -> Execution:
        """Cancel one task run; raises `NotFound`, `TransitionRefused`."""
        return await self._ask(row, messages.CancelTask(run=run, reason=reason), "a cancel")

    async def pause(self, row: ExecutionRow, reason: str = "") -> Execution:
        """Start nothing new until resumed; raises `TransitionRefused`."""
        return await self._ask(row, messages.Pause(reason=reason), "a pause")

    async def resume(self, row: ExecutionRow) -> Execution:
        """Go on; raises `TransitionRefused`."""
        return await self._ask(row, messages.Resume(), "a resume")

    async def respond(self, row: ExecutionRow, run: int, outputs: dict[str, Any]) -> Execution:
        """Answer an approval; raises `NotFound`, `TransitionRefused`."""
        return await self._ask(row, messages.Respond(run=run, outputs=outputs), "an answer")

    async def withdraw(self, row: ExecutionRow, run: int, reason: str = "") -> Execution:
        """Take a wait back; raises `NotFound`, `TransitionRefused`."""
        return await self._ask(row, messages.Withdraw(run=run, reason=reason), "a withdrawal")

    async def signal(self, row: ExecutionRow, name: str, payload: Any = None) -> Execution:
        """Send a signal; raises `TransitionRefused` when the execution is over."""
        return await self._ask(row, messages.Signal(name=name, payload=payload), "a signal")

    def given_files(self) -> frozenset[str]:
        """Return the hashes of the files that live executions were given."""
        return self._house.given_files()

    def task_run(self, execution: Execution, key: str) -> TaskRun:
        """Return a task run by its number or the latest one of a task's name; raises `NotFound`."""
        if key.isdecimal() and int(key) in execution.runs:
            return execution.runs[int(key)]
        for task, run in execution.root_runs():
            if task.name == key and run is not None:
                return run
        raise NotFound(f"The execution has no task run '{key}'.")

    async def _ask(self, row: ExecutionRow, message: messages.Message, what: str) -> Execution:
        mailbox = await self._house.mailbox(row.number, what)
        await mailbox.ask(message)
        return await self._house.views.get(row)

    async def _pins(self, definition: WorkflowDefinition) -> dict[str, tuple[int, int]]:
        pins: dict[str, tuple[int, int]] = {}
        problems: list[Problem] = []
        for name in sub_workflows(definition.tasks):
            try:
                row = await self._store.definitions.get(name)
            except NotFound:
                message = f"There is no workflow '{name}', which a task runs."
                problems.append(Problem(path="", code="unknown_workflow", message=message))
            else:
                pins[name] = (row.number, row.version)
        if problems:
            raise InvalidInput(problems)
        return pins


def concurrency_key(definition: WorkflowDefinition, inputs: dict[str, Any]) -> str | None:
    """Return the key of which only one live execution may be; raises `InvalidInput` when it has no value."""
    if definition.concurrency_key is None:
        return None
    try:
        return as_text(render(definition.concurrency_key, Values({"inputs": inputs})))
    except ExpressionError as error:
        message = f"The concurrency key cannot be evaluated: {error.message}."
        raise InvalidInput([Problem(path="/inputs", code="expression", message=message)]) from None


def sub_workflows(tasks: Sequence[TaskDefinition]) -> Mapping[str, None]:
    """Return the workflows that tasks name, in order, those inside groups too."""
    found: dict[str, None] = {}
    todo = list(tasks)
    while todo:
        task = todo.pop()
        for action in (task.action, task.fallback):
            if isinstance(action, RunWorkflow):
                found[action.workflow] = None
            elif isinstance(action, RunGroup):
                todo.extend(action.tasks)
    return found
