"""The mailboxes of all live executions, and what stands around them: store, feed, timers, dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter

import structlog

from headrace.clock import Clock
from headrace.engine import commands, events, messages
from headrace.engine.execution import Execution, blank
from headrace.errors import NotFound, TransitionRefused
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.dispatcher import Dispatcher
from headrace.orchestrator.feed import Feed
from headrace.orchestrator.kept_contents import files_in
from headrace.orchestrator.large_values import LargeValues
from headrace.orchestrator.mailbox import Announce, Mailbox
from headrace.orchestrator.recent_rows import RecentRows
from headrace.orchestrator.replay import replay
from headrace.orchestrator.timers import Timers
from headrace.orchestrator.views import Views
from headrace.store.protocol import Store
from headrace.store.rows import Commit, ExecutionRow

log = structlog.get_logger(__name__)


Observer = Callable[[Commit, float], None]


class House:
    """Where executions live while they are not over."""

    def __init__(
        self,
        *,
        store: Store,
        shelf: Shelf,
        values: LargeValues,
        dispatcher: Dispatcher,
        feed: Feed,
        clock: Clock,
        announcers: Mapping[str, Announce],
        kept_alias: Callable[[str], str | None] = lambda alias: alias,
    ) -> None:
        self.clock = clock
        self.values = values
        self.feed = feed
        self.rows: RecentRows[ExecutionRow] = RecentRows()
        """Committed rows of executions that moved last."""
        self.observers: list[Observer] = []
        """Told of each commit and how many seconds it took."""
        self.mailboxes: dict[int, Mailbox] = {}
        """Live executions by number."""
        self.views = Views(store, shelf)
        """What others may look at."""
        self._store = store
        self._shelf = shelf
        self._dispatcher = dispatcher
        self._announcers = announcers
        self._kept_alias = kept_alias
        self._timers = Timers(clock, self._ring)

    def take(self) -> int:
        """Return the next unused number."""
        return self._store.numbers.take()

    async def commit(self, commit: Commit) -> None:
        """Remember durably."""
        began = perf_counter()
        await self._store.commit(commit)
        for observe in self.observers:
            observe(commit, perf_counter() - began)

    async def read_again(self, row: ExecutionRow) -> Execution:
        """Return the execution as the journal has it."""
        if row.seq == 0:
            return blank(*await self._shelf.get(row.workflow, row.version))
        return await replay(self._store, self._shelf, row)

    async def owns(self, row: ExecutionRow) -> bool:
        """Tell whether the execution is still in the care of this server."""
        if row.seq == 0:
            return True
        return (await self._store.executions.get(row.number)).epoch == self._store.epoch

    def announcer(self, row: ExecutionRow) -> Announce | None:
        """Return who makes the deliveries of this execution."""
        return self._announcers.get(row.dialect) if "webhook" in row.labels else None

    def perform(
        self,
        mailbox: Mailbox,
        happened: list[events.AnyEvent],
        todo: list[commands.Command],
        commit: Commit,
    ) -> None:
        """Do what the committed events call for, and tell those who follow."""
        self.rows.keep(commit.row)
        self.views.advance(commit.execution, happened, commit.expected_seq)
        self._set_timers(mailbox.execution)
        if commit.row.ended_at is not None:
            self._retire(mailbox)
        self._dispatcher.perform(mailbox, todo)
        mailbox.announced = commit.row.seq
        self.feed.announce(mailbox.execution, happened, commit.expected_seq)

    def admit(self, execution: Execution, row: ExecutionRow) -> Mailbox:
        """Give a new or recovered execution its mailbox."""
        mailbox = Mailbox(self, execution, row)
        self.mailboxes[row.number] = mailbox
        return mailbox

    async def row(self, key: int | str) -> ExecutionRow:
        """Return the execution with this number, UUID or any of its aliases; raises `NotFound`."""
        if isinstance(key, str):
            key = self._kept_alias(key) or key
        return self.rows.get(key) or await self._store.executions.get(key)

    def dismiss(self, number: int) -> None:
        """Forget an execution that is not, or no longer, in the care of this server."""
        self.mailboxes.pop(number, None)
        self.rows.forget(number)

    async def recover(self) -> int:
        """Take up every live execution of an earlier server; return how many."""
        rows = await self._store.executions.live()
        for row in rows:
            execution = await replay(self._store, self._shelf, row)
            mailbox = self.admit(execution, row)
            self._set_timers(execution)
            self._dispatcher.perform(mailbox, commands.outstanding(execution), recovering=True)
            await asyncio.sleep(0)
        return len(rows)

    async def mailbox(self, number: int, message: str) -> Mailbox:
        """Return the mailbox of a live execution; raises `TransitionRefused` when it is over."""
        found = self.mailboxes.get(number)
        if found is not None:
            return found
        row = await self.row(number)
        if row.ended_at is not None:
            raise TransitionRefused(f"Execution {row.id}", row.state, message)
        raise NotFound(f"Execution {row.id} is not in the care of this server.")

    def given_files(self) -> frozenset[str]:
        """Return the hashes of the files that live executions were given, at whatever door."""
        inputs = [mailbox.execution.inputs for mailbox in self.mailboxes.values()]
        return frozenset(file.sha256 for file in files_in(inputs))

    def label_values(self) -> frozenset[str]:
        """Return everything that labels of live executions say."""
        return frozenset(
            value for mailbox in self.mailboxes.values() for value in mailbox.row.labels.values()
        )

    def close(self) -> None:
        """Ring no more timers."""
        self._timers.close()

    def _set_timers(self, execution: Execution) -> None:
        timers = execution.changes.timers
        for key, due_at in timers.items():
            if due_at is None:
                self._timers.clear(execution.number, key)
            else:
                self._timers.set(execution.number, key, due_at)
        timers.clear()

    def _ring(self, number: int, key: str) -> None:
        mailbox = self.mailboxes.get(number)
        if mailbox is not None:
            mailbox.post(messages.TimerFired(key=key))

    def _retire(self, mailbox: Mailbox) -> None:
        number = mailbox.row.number
        self.mailboxes.pop(number, None)
        self._dispatcher.credentials.pop(number, None)
        self.views.finish(mailbox.execution)
