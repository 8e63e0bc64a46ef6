"""The embedded store: its lock, its lease, and what a bad disk or a bad commit may not do."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from headrace.errors import RequestError, StaleVersion, StoreError
from headrace.store import failures, writer
from headrace.store.sqlite import NAME, SqliteStore, open_sqlite
from headrace.testing.conformance.store_values import (
    TurnedClock,
    commit,
    defined,
    draft,
    execution,
    started,
    task_run,
)

CLOCK = TurnedClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(tmp_path, clock=CLOCK)
    yield store
    await store.close()


async def test_a_directory_belongs_to_one_server(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"in use by process {os.getpid()} on "):
        open_sqlite(tmp_path, clock=CLOCK)


def test_a_server_that_was_killed_is_followed_at_once(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\n"
        "from headrace.clock import SystemClock\n"
        "from headrace.store.sqlite import open_sqlite\n"
        "store = open_sqlite(pathlib.Path(sys.argv[1]), clock=SystemClock())\n"
        "store.numbers.take()\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE) as former:
        assert former.stdout is not None
        assert former.stdout.readline() == b"ready\n"
        with pytest.raises(StoreError, match=f"process {former.pid} "):
            open_sqlite(tmp_path, clock=CLOCK)
        former.kill()
    store = open_sqlite(tmp_path, clock=CLOCK)

    assert store.numbers.take() > 1001
    asyncio.run(store.close())


def test_what_was_acknowledged_survives_a_kill_and_nothing_is_halved(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        "from headrace.store.sqlite import open_sqlite\n"
        "from headrace.testing.conformance.store_values import TurnedClock, commit, started, task_run\n"
        "async def run(store):\n"
        "    row = await started(store)\n"
        "    for seq in range(2, 1_000_000):\n"
        "        runs = [task_run(store.numbers.take(), row.number)]\n"
        "        await store.commit(commit(row, seq, 1, task_runs=runs))\n"
        "        print(row.number, seq + 1, flush=True)\n"
        "async def main():\n"
        "    store = open_sqlite(pathlib.Path(sys.argv[1]), clock=TurnedClock())\n"
        "    await asyncio.gather(*(run(store) for _ in range(5)))\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE) as former:
        assert former.stdout is not None
        lines = [former.stdout.readline().split() for _ in range(300)]
        former.kill()
    acknowledged = {int(number): int(seq) for number, seq in lines}

    async def found() -> None:
        store = open_sqlite(tmp_path, clock=CLOCK)
        for number, seq in acknowledged.items():
            row = await store.executions.get(number)
            journal = await store.journal.read(number)
            runs = (await store.executions.task_runs(number)).rows

            assert row.seq >= seq
            assert journal[-1].seq == row.seq
            assert len(runs) == row.seq - 2
        await store.close()

    assert len(acknowledged) == 5
    asyncio.run(found())


async def test_what_is_no_database_is_refused_and_the_directory_let_go(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("a letter, not a database" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"cannot be opened\. The file is no database of Headrace"):
            open_sqlite(tmp_path, clock=CLOCK)


async def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match="file/data cannot be used: Not a directory"):
        open_sqlite(tmp_path / "file" / "data", clock=CLOCK)


def modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.glob(f"{NAME}*")}


async def test_what_is_kept_is_for_its_owner_only(store: SqliteStore, tmp_path: Path) -> None:
    await started(store)

    assert set(modes(tmp_path).values()) == {0o600}


async def test_a_closed_store_leaves_one_whole_file(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=CLOCK)
    await started(store)
    await store.executions.live()
    await store.close()

    assert list(modes(tmp_path)) == [NAME]


async def test_an_execution_of_another_epoch_is_stale(store: SqliteStore, tmp_path: Path) -> None:
    row = await started(store)
    with sqlite3.connect(tmp_path / NAME) as other:
        other.execute("UPDATE executions SET epoch = epoch + 1")
    other.close()

    with pytest.raises(StaleVersion):
        await store.commit(commit(row, 2))


async def test_a_full_disk_fails_those_who_wait_and_nobody_later(store: SqliteStore) -> None:
    row = await started(store)
    pages = store._writer._raw.execute("PRAGMA page_count").fetchone()[0]
    store._writer._raw.execute(f"PRAGMA max_page_count = {pages}")
    big = commit(row, 2, events=b"e" * 1_000_000)
    with pytest.raises(StoreError, match="full"):
        await store.commit(big)
    with pytest.raises(StoreError, match="full"):
        await store.definitions.create(
            replace(draft(), source=b"s" * 1_000_000), number=5, id="five", dialect="peak"
        )
    assert (await store.executions.get(row.number)).seq == 2
    store._writer._raw.execute("PRAGMA max_page_count = 1000000")
    await store.commit(big)

    assert (await store.executions.get(row.number)).seq == 4
    assert (await store.journal.read(row.number))[-1].events == big.events


async def test_a_disk_that_fills_while_a_batch_is_split_fails_the_batch(store: SqliteStore) -> None:
    row = await started(store, start_key="k")
    pages = store._writer._raw.execute("PRAGMA page_count").fetchone()[0]
    store._writer._raw.execute(f"PRAGMA max_page_count = {pages}")
    outcomes = await asyncio.gather(
        store.commit(commit(execution(store.numbers.take(), start_key="k"))),
        store.commit(commit(row, 2, events=b"e" * 1_000_000)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes][1] is StoreError
    assert [found.seq for found in await store.executions.live()] == [2]


async def test_a_damaged_database_fails_those_who_wait_and_nobody_later(
    store: SqliteStore, tmp_path: Path
) -> None:
    """SQLite tells damage at BEGIN by an error of another class than that of a full disk."""
    row = await started(store)
    raw = store._writer._raw
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.execute("PRAGMA shrink_memory")
    whole = (tmp_path / NAME).read_bytes()
    with (tmp_path / NAME).open("r+b") as file:
        file.write(b"a letter, not a database" * 100)
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(
            store.commit(commit(row, 2)),
            store.commit(commit(execution(store.numbers.take()))),
            return_exceptions=True,
        )
    with (tmp_path / NAME).open("r+b") as file:
        file.write(whole)
    raw.execute("PRAGMA shrink_memory")
    async with asyncio.timeout(20):
        await store.commit(commit(row, 2))

    assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
    assert (await store.executions.get(row.number)).seq == 4


@contextmanager
def full_log() -> Iterator[Any]:
    """A log in a file on a disk without room."""
    file = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - closing it fails, too
    yield structlog.wrap_logger(structlog.WriteLogger(file))
    with suppress(OSError):
        file.close()


async def test_a_log_that_is_full_as_well_keeps_nobody_waiting(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await started(store)
    pages = store._writer._raw.execute("PRAGMA page_count").fetchone()[0]
    store._writer._raw.execute(f"PRAGMA max_page_count = {pages}")
    with full_log() as log:
        monkeypatch.setattr(failures, "log", log)
        async with asyncio.timeout(20):
            with pytest.raises(StoreError, match="full"):
                await store.commit(commit(row, 2, events=b"e" * 1_000_000))
    store._writer._raw.execute("PRAGMA max_page_count = 1000000")
    async with asyncio.timeout(20):
        await store.commit(commit(row, 2))


async def test_whatever_breaks_in_the_writer_is_told_to_whoever_waits(store: SqliteStore) -> None:
    def leave(_: object) -> None:
        raise SystemExit

    async with asyncio.timeout(20):
        with pytest.raises(StoreError):
            await store._writer.commit(leave)
        with pytest.raises(StoreError):
            await store._writer.write(leave)
        await started(store)

    assert len(await store.executions.live()) == 1


async def test_a_locked_database_fails_those_who_wait(store: SqliteStore, tmp_path: Path) -> None:
    row = await started(store)
    store._writer._raw.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.commit(commit(row, 2))
    with pytest.raises(StoreError, match="locked"):
        await store.definitions.delete(5)
    other.execute("ROLLBACK")
    other.close()
    await store.commit(commit(row, 2))

    assert (await store.executions.get(row.number)).seq == 4


async def test_a_commit_that_cannot_be_written_fails_alone(store: SqliteStore) -> None:
    good = [execution(number) for number in store_numbers(store, 5)]
    bad = [
        commit(execution(store.numbers.take(), name="half a pair \ud800")),
        commit(execution(store.numbers.take(), workflow=2**70)),
        commit(execution(store.numbers.take(), name=None)),
    ]
    outcomes = await asyncio.gather(
        *(store.commit(each) for each in [*map(commit, good), *bad]), return_exceptions=True
    )

    assert outcomes[:5] == [None] * 5
    assert all(type(outcome) is StoreError for outcome in outcomes[5:])
    assert len(await store.executions.live()) == 5


def store_numbers(store: SqliteStore, count: int) -> range:
    first = store.numbers.take(count)
    return range(first, first + count)


async def test_what_was_rolled_back_is_written_again(store: SqliteStore) -> None:
    """The applier remembers what the lists show; a rollback must not leave it believing too much."""
    row = await started(store)
    paused = replace(row, state="paused")
    broken = commit(paused, 2, task_runs=[task_run(5, row.number, task="\ud800")])
    with pytest.raises(StoreError):
        await store.commit(broken)
    await store.commit(commit(paused, 2))

    assert (await store.executions.get(row.number)).state == "paused"


async def test_too_many_that_wait_are_held_back_and_all_come_through(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 4)
    monkeypatch.setattr(writer, "MAX_BATCH", 3)
    most = 0

    async def observed(number: int) -> None:
        nonlocal most
        await store.commit(commit(execution(number)))
        most = max(most, store._writer._waiting)

    await asyncio.gather(*(observed(number) for number in store_numbers(store, 50)))

    assert most <= 4
    assert len(await store.executions.live()) == 50


async def test_whoever_stops_waiting_for_a_commit_disturbs_nobody(store: SqliteStore) -> None:
    numbers = store_numbers(store, 3)
    tasks = [asyncio.create_task(store.commit(commit(execution(number)))) for number in numbers]
    await asyncio.sleep(0)
    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [type(None), asyncio.CancelledError, type(None)]
    assert len(await store.executions.live()) == 3


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=CLOCK)
    await store.close()
    await store.close()

    with pytest.raises(StoreError, match="closed"):
        await store.commit(commit(execution(5)))
    with pytest.raises(StoreError, match="closed"):
        await defined(store)
    with pytest.raises(StoreError, match="closed"):
        await store.executions.live()
    with pytest.raises(StoreError, match="closed"):
        await store.ping()


async def test_a_question_with_impossible_values_is_the_callers_fault(store: SqliteStore) -> None:
    with pytest.raises(RequestError):
        await store.executions.task_run(2**70)
    with pytest.raises(RequestError):
        await store.executions.by_start_key("\ud800")


async def test_a_clean_stop_leaves_no_gap_in_the_numbers(tmp_path: Path) -> None:
    former = open_sqlite(tmp_path, clock=CLOCK)
    last = former.numbers.take(3) + 2
    await former.close()
    store = open_sqlite(tmp_path, clock=CLOCK)

    assert store.numbers.take() == last + 1
    await store.close()
