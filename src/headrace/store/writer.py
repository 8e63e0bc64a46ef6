"""The one writer: a thread that groups the commits that wait into transactions, and flushes each in one hop.

SQLite has one writer at a time anyway, so it gets one thread with one synchronous connection; what is not hot
goes through the same thread as a small closure with a transaction of its own.
This file knows how to group, split and answer; what a commit looks like as rows is the Applier's.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, assert_never

from sqlalchemy import Connection, exc

from headrace.errors import HeadraceError, StoreError
from headrace.store.applying import Applier
from headrace.store.collisions import collision
from headrace.store.failures import unavailable
from headrace.store.rows import Commit

T = TypeVar("T")

MAX_BATCH = 256
"""Commits per transaction: by then the flush costs less than a hundredth of each, and a batch that must be
split or that the disk refuses still stays short (some ten milliseconds).

Nobody lingers for company: while one flush runs the next batch gathers by itself, and a lone chain of tasks
would pay the wait at every step.
"""

MAX_WAITING = 4096
"""Commits that may wait before the next one is held back: bounds the memory when the disk stalls, and is far
more than one flush can take, so it never limits a disk that works."""


Change = Commit | Callable[[sqlite3.Cursor], None]
"""What is written in a transaction that others share."""


class _Waiting:
    """A change and whoever waits for it."""

    __slots__ = ("change", "future")

    def __init__(self, change: Change, future: asyncio.Future[None]) -> None:
        self.change = change
        self.future = future


class _Work:
    """A closure that wants a transaction of its own."""

    __slots__ = ("function", "future")

    def __init__(self, function: Callable[[Connection], Any], future: Future[Any]) -> None:
        self.function = function
        self.future = future


class _Stop:
    """The last item of the queue."""


_Item = _Waiting | _Work | _Stop
_Outcome = HeadraceError | None


class Writer:
    """Owns the connection that writes, and the thread that owns it."""

    def __init__(self, connection: Connection, epoch: int) -> None:
        self._connection = connection
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            raise TypeError("the writer speaks to SQLite")
        self._raw = raw
        self._cursor = raw.cursor()
        self._applier = Applier(self._cursor, epoch)
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._waiting = 0
        self._room: asyncio.Future[None] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def commit(self, change: Change) -> None:
        """Return when the change is durable; see `Store.commit`.

        A function has no other effect than what it writes: it is run again when the batch is split.
        """
        loop = asyncio.get_running_loop()
        while self._waiting >= MAX_WAITING and not self._closed:
            if self._room is None:
                self._room = loop.create_future()
            await asyncio.shield(self._room)
        self._refuse_when_closed()
        self._waiting += 1
        future: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Waiting(change, future))
        await future

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Run `work` in a transaction of its own, on the writer's thread."""
        self._refuse_when_closed()
        future: Future[T] = Future()
        self._queue.put(_Work(work, future))
        return future

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns, once its transaction is durable."""
        return await asyncio.wrap_future(self.submit(work))

    async def close(self) -> None:
        """Flush what waits, end the thread and close the connection."""
        if not self._closed:
            self._closed = True
            self._queue.put(_Stop())
        await asyncio.to_thread(self._thread.join)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise StoreError("The store is closed.")

    def _run(self) -> None:
        item: _Item | None = None
        while True:
            item = item or self._queue.get()
            match item:
                case _Waiting():
                    batch, item = self._gather(item)
                    self._flush(batch)
                case _Work():
                    self._perform(item)
                    item = None
                case _Stop():
                    break
                case _:
                    assert_never(item)
        self._connection.close()
        self._connection.engine.dispose()

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], _Item | None]:
        """Return the batch that begins with `first`, and the item that was met but does not belong to it.

        Two commits of one execution never share a batch: the later one must find the earlier one's rows.
        """
        batch = [first]
        executions = {_execution(first.change)}
        with suppress(Empty):
            while len(batch) < MAX_BATCH:
                item = self._queue.get_nowait()
                if not isinstance(item, _Waiting):
                    return batch, item
                execution = _execution(item.change)
                if execution is not None and execution in executions:
                    return batch, item
                batch.append(item)
                executions.add(execution)
        return batch, None

    def _flush(self, batch: list[_Waiting]) -> None:
        outcomes: Sequence[_Outcome]
        try:
            outcomes = self._written(batch)
        except BaseException as error:  # noqa: BLE001 - a thread that ended would leave all who come to wait for ever
            self._roll_back()
            outcomes = [_told(error)] * len(batch)
        # The loop may be gone when the process is on its way out; then nobody waits.
        with suppress(RuntimeError):
            batch[0].future.get_loop().call_soon_threadsafe(self._settle, batch, outcomes)

    def _written(self, batch: list[_Waiting]) -> Sequence[_Outcome]:
        """Return what became of each change; raises what all of them fail with."""
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            self._apply([waiting.change for waiting in batch])
            self._cursor.execute("COMMIT")
        except sqlite3.OperationalError:
            raise
        except Exception:
            if len(batch) == 1:
                raise
            self._roll_back()
            return self._written_singly(batch)
        return [None] * len(batch)

    def _written_singly(self, batch: list[_Waiting]) -> Sequence[_Outcome]:
        """Find out whose fault it was: each commit in a savepoint, all in one transaction."""
        self._cursor.execute("BEGIN IMMEDIATE")
        outcomes = [self._apply_in_savepoint(waiting.change) for waiting in batch]
        self._cursor.execute("COMMIT")
        return outcomes

    def _apply(self, changes: Sequence[Change]) -> None:
        commits = [change for change in changes if isinstance(change, Commit)]
        if commits:
            self._applier.apply(commits)
        for change in changes:
            if not isinstance(change, Commit):
                change(self._cursor)

    def _apply_in_savepoint(self, change: Change) -> _Outcome:
        self._cursor.execute("SAVEPOINT one")
        try:
            self._apply([change])
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is this change's alone
            self._applier.forget()
            self._cursor.execute("ROLLBACK TO one")
            self._cursor.execute("RELEASE one")
            return _told(error)
        self._cursor.execute("RELEASE one")
        return None

    def _roll_back(self) -> None:
        self._applier.forget()
        # A full disk has already rolled back; a disk that fails here too will fail the next BEGIN, loudly.
        with suppress(sqlite3.Error):
            if self._raw.in_transaction:
                self._cursor.execute("ROLLBACK")

    def _settle(self, batch: list[_Waiting], outcomes: Sequence[_Outcome]) -> None:
        self._waiting -= len(batch)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.future.done():
                continue
            if outcome is None:
                waiting.future.set_result(None)
            else:
                waiting.future.set_exception(outcome)
        if self._room is not None and self._waiting < MAX_WAITING:
            self._room.set_result(None)
            self._room = None

    def _perform(self, work: _Work) -> None:
        if not work.future.set_running_or_notify_cancel():
            return
        try:
            with self._connection.begin():
                result = work.function(self._connection)
        except BaseException as error:  # noqa: BLE001 - whoever asked is told; the thread goes on
            self._roll_back()
            work.future.set_exception(_told(error))
        else:
            work.future.set_result(result)


def _execution(change: Change) -> int | None:
    return change.execution if isinstance(change, Commit) else None


def _told(error: BaseException) -> HeadraceError:
    """Return the error in our words."""
    match error:
        case HeadraceError():
            return error
        case exc.IntegrityError():
            return collision(error.orig or error)
        case _:
            return unavailable(error)
