"""Listings share their flush with commits, and a bad one harms neither these nor other listings."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from headrace.errors import StoreError
from headrace.store.provenance_rows import Hashed, Listing
from headrace.store.sqlite import NAME, SqliteStore, open_sqlite
from headrace.testing.conformance.store_provenance import PLACE, listing, use, version
from headrace.testing.conformance.store_values import TurnedClock, commit, execution


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(tmp_path, clock=TurnedClock())
    yield store
    await store.close()


def with_a_file(store: SqliteStore, path: str) -> Listing:
    new = version(store, path)
    return listing(new, uses=[use(store, after=new.number)])


async def test_a_listing_that_cannot_be_written_fails_alone_and_as_a_whole(store: SqliteStore) -> None:
    good = [with_a_file(store, str(index)) for index in range(3)]
    twice = replace(with_a_file(store, "twice"), uses=good[0].uses)
    bad = [twice, with_a_file(store, "no name of a file \ud800"), listing(version(store, mtime_ns=2**63))]
    outcomes = await asyncio.gather(
        *(store.provenance.record(each) for each in [*good, *bad]),
        store.commit(commit(execution(store.numbers.take()))),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [type(None)] * 3 + [StoreError] * 3 + [type(None)]
    assert await store.provenance.current(PLACE) == [each.appeared[0] for each in good]
    assert len((await store.provenance.uses(7)).rows) == 3
    assert len(await store.executions.live()) == 1


async def test_a_hash_that_is_none_is_refused(store: SqliteStore) -> None:
    recorded = with_a_file(store, "a")
    await store.provenance.record(recorded)
    with pytest.raises(StoreError):
        await store.provenance.note_hashes([Hashed(version=recorded.appeared[0].number, sha256="no hash")])

    assert await store.provenance.to_read() == list(recorded.appeared)


async def test_what_waits_at_once_is_flushed_at_once(store: SqliteStore, tmp_path: Path) -> None:
    """As many transactions as listings would make every activity of a busy server wait for all the others."""
    other = sqlite3.connect(tmp_path / NAME)
    seen: set[int] = set()

    async def record(number: int) -> None:
        await store.provenance.record(with_a_file(store, str(number)))
        seen.add(other.execute("PRAGMA data_version").fetchone()[0])

    await asyncio.gather(*(record(number) for number in range(50)))
    other.close()

    assert len(seen) <= 10
    assert len(await store.provenance.current(PLACE)) == 50


async def test_a_directory_keeps_its_key(store: SqliteStore, tmp_path: Path) -> None:
    """Its path stands in one row, however many files it has and however often it is listed."""
    for number in range(5):
        await store.provenance.record(with_a_file(store, str(number)))
    other = sqlite3.connect(tmp_path / NAME)
    keys = other.execute("SELECT DISTINCT directory FROM file_versions").fetchall()
    known = other.execute("SELECT key, path FROM directories").fetchall()
    other.close()

    assert known == [(*keys[0], PLACE.encode())]
