"""The embedded store: one SQLite database in the data directory, one server at a time.

Everything that only SQLite needs to be told (pragmas, its transactions, its file) is said here and in
`statements`.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    QueuePool,
    StaticPool,
    create_engine,
    event,
    exc,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from headrace.clock import Clock
from headrace.errors import StoreError
from headrace.security.secrets import SecretStore
from headrace.security.tokens import TokenStore
from headrace.store import schema
from headrace.store.credentials import SqlSecrets, SqlTokens
from headrace.store.definitions import SqlDefinitions
from headrace.store.directory_lock import DirectoryLock
from headrace.store.failures import unusable
from headrace.store.files import SqlFiles
from headrace.store.idempotency import SqlIdempotency
from headrace.store.migrating import bring_up
from headrace.store.numbering import FIRST, BlockNumbers
from headrace.store.outbox import SqlDeliveries, release_deliveries
from headrace.store.placements import SqlPlacements
from headrace.store.projections import SqlExecutions, SqlJournal
from headrace.store.protocol import (
    Definitions,
    Deliveries,
    Executions,
    Files,
    Idempotency,
    Journal,
    Numbers,
    Placements,
    Provenance,
)
from headrace.store.provenance import SqlProvenance
from headrace.store.reading import READERS, Readers
from headrace.store.rows import Commit
from headrace.store.writer import Writer

NAME = "headrace.db"

BUSY_TIMEOUT = 5000
"""Milliseconds that a connection waits for a lock: only a backup or a curious person can hold one."""

_EVERYONE = ("PRAGMA journal_mode = WAL", f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
_WRITER = (
    *_EVERYONE,
    # What was acknowledged survives a power cut.
    "PRAGMA synchronous = FULL",
)
_READER = (*_EVERYONE, "PRAGMA query_only = ON")


def open_sqlite(directory: Path, *, clock: Clock) -> SqliteStore:
    """Open the store of a data directory, making or migrating it; raises `StoreError`.

    The executions that are live become this server's at once.
    """
    lock = _locked(directory)
    path = directory / NAME
    writing = _engine(path, _WRITER, poolclass=StaticPool)
    try:
        # Not for others to read; what SQLite puts beside it is made alike.
        path.touch(mode=0o600)
        connection = writing.connect()
        with connection.begin():
            bring_up(connection)
            epoch = _take_over(connection)
    except BaseException as error:
        writing.dispose()
        lock.release()
        if isinstance(error, exc.SQLAlchemyError | sqlite3.Error | OSError):
            raise unusable(path, error) from error
        raise
    reading = _engine(path, _READER, poolclass=QueuePool, pool_size=READERS)
    return SqliteStore(Writer(connection, epoch), Readers(reading), lock, epoch=epoch, clock=clock)


def _locked(directory: Path) -> DirectoryLock:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return DirectoryLock(directory)
    except OSError as error:
        raise StoreError(f"The data directory {directory} cannot be used: {error.strerror}.") from error


class SqliteStore:
    """The store of one data directory; a `Store`."""

    def __init__(
        self, writer: Writer, readers: Readers, lock: DirectoryLock, *, epoch: int, clock: Clock
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._lock = lock
        self._numbers = BlockNumbers(self._reserve)
        self.epoch = epoch
        self.numbers: Numbers = self._numbers
        self.journal: Journal = SqlJournal(readers)
        self.executions: Executions = SqlExecutions(readers)
        self.definitions: Definitions = SqlDefinitions(readers, writer, clock)
        self.deliveries: Deliveries = SqlDeliveries(readers, writer)
        self.idempotency: Idempotency = SqlIdempotency(readers, writer, clock)
        self.files: Files = SqlFiles(readers, writer, clock)
        self.provenance: Provenance = SqlProvenance(readers, writer)
        self.placements: Placements = SqlPlacements(readers, writer)
        self.tokens: TokenStore = SqlTokens(readers, writer)
        self.secrets: SecretStore = SqlSecrets(readers, writer)

    async def commit(self, commit: Commit) -> None:
        """Remember all of it durably; see `Store.commit`."""
        await self._writer.commit(commit)

    async def ping(self) -> None:
        """Return when both the reader and the writer answer."""
        await self._readers.read(_one)
        await self._writer.write(_one)

    async def close(self) -> None:
        """Flush what waits, and let go of the data directory."""
        unused = self._numbers.unused()
        # A disk that fails now, or a second call, leaves a gap in the sequence and nothing else.
        with suppress(StoreError):
            await self._writer.write(lambda connection: _give_back(connection, unused))
        await self._writer.close()
        await self._readers.close()
        self._lock.release()

    def _reserve(self, count: int) -> Future[range]:
        return self._writer.submit(lambda connection: _reserve(connection, "numbers", count))


def _engine(path: Path, pragmas: tuple[str, ...], **pool: Any) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in pragmas:
            connection.execute(pragma)
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, **pool)
    if pragmas is _WRITER:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _take_over(connection: Connection) -> int:
    """Return a new epoch, after giving it all live executions; the lock says that no other server lives.

    What a former one had in flight is due again.
    """
    for name, first in (("numbers", FIRST), ("epochs", 1)):
        connection.execute(insert(schema.sequences).values(name=name, next=first).on_conflict_do_nothing())
    epoch = _reserve(connection, "epochs", 1).start
    executions = schema.executions
    connection.execute(update(executions).where(executions.c.ended_at.is_(None)).values(epoch=epoch))
    connection.execute(release_deliveries())
    return epoch


def _one(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _reserve(connection: Connection, name: str, count: int) -> range:
    sequences = schema.sequences
    after = connection.execute(
        update(sequences)
        .where(sequences.c.name == name)
        .values(next=sequences.c.next + count)
        .returning(sequences.c.next)
    ).scalar_one()
    return range(after - count, after)


def _give_back(connection: Connection, unused: range) -> None:
    """Shorten the sequence by what was never handed out, unless somebody has reserved since."""
    sequences = schema.sequences
    if unused:
        connection.execute(
            update(sequences)
            .where(sequences.c.name == "numbers", sequences.c.next == unused.stop)
            .values(next=unused.start)
        )
