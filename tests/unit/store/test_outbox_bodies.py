"""Large bodies of deliveries take less room than they have, and those of before are read as they are."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from headrace.store.outbox_bodies import LARGEST_PLAIN, packed, unpacked
from headrace.store.sqlite import NAME, open_sqlite
from headrace.testing.conformance.store_values import TurnedClock, commit, delivery, started

CLOCK = TurnedClock()


def body(tasks: int) -> bytes:
    """Return what a run with so many tasks is told as."""
    listed = [{"name": f"task {number}", "status": "COMPLETED", "tries": number} for number in range(tasks)]
    return json.dumps({"status": "RUNNING", "tasks": listed}).encode()


async def test_the_bodies_of_a_long_run_take_a_small_part_of_their_size(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=CLOCK)
    given = [delivery(number, 5, number, body=body(100 * number)) for number in range(1, 21)]
    await store.commit(commit(await started(store), 2, deliveries=given))
    await store.close()
    with sqlite3.connect(tmp_path / NAME) as database:
        ((kept,),) = database.execute("SELECT sum(length(body)) FROM deliveries").fetchall()

    assert kept * 5 < sum(len(each.body) for each in given)


async def test_a_body_that_was_kept_before_is_sent_as_it_is(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=CLOCK)
    await store.commit(commit(await started(store), 2, deliveries=[delivery(1, 5)]))
    await store.close()
    former = body(1000)
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("UPDATE deliveries SET body = ?", (former,))
    store = open_sqlite(tmp_path, clock=CLOCK)
    bodies = await store.deliveries.bodies([1])
    [taken] = await store.deliveries.take([1])
    await store.close()

    assert bodies == {1: former}
    assert taken.body == former


def test_a_small_body_is_kept_as_it_is_sent() -> None:
    small, large = b"x" * LARGEST_PLAIN, b"x" * (LARGEST_PLAIN + 1)

    assert packed(small) == small
    assert len(packed(large)) < 100
    assert unpacked(packed(large)) == large
