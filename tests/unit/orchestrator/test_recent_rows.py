"""Rows that are kept in memory are never older than what was committed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace.errors import NotFound
from headrace.orchestrator import recent_rows


async def test_an_execution_is_found_by_each_of_its_names_without_a_read(workshop: Any, words: Any) -> None:
    execution = await workshop.run(words.workflow(words.call("a")))

    async def fail(key: Any) -> Any:
        raise AssertionError(key)

    workshop.store.executions.get = fail
    by_number = await workshop.executions.get(execution.number)
    by_id = await workshop.executions.get(execution.id)

    assert by_number is by_id
    assert by_number.state == "succeeded"


async def test_the_oldest_row_makes_room(workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_rows, "KEPT", 1)
    first = await workshop.run(words.workflow(words.call("a")))
    second = await workshop.run(words.workflow(words.call("a")))

    assert workshop.house.rows.get(first.number) is None
    assert workshop.house.rows.get(first.id) is None
    assert workshop.house.rows.get(second.id) is not None


async def test_a_changed_workflow_is_seen_at_once(workshop: Any, words: Any) -> None:
    made = await workshop.workflows.create(words.workflow(words.call("a")), b"one", "text/plain")
    await workshop.workflows.get(made.id)

    await workshop.workflows.update(made.number, words.workflow(words.call("b")), b"two", "text/plain")
    changed = await workshop.workflows.get(made.id)
    await workshop.workflows.delete(made.number)

    assert changed.version == 2
    with pytest.raises(NotFound):
        await workshop.workflows.get(made.id)


async def test_a_read_beside_a_write_is_not_kept(workshop: Any, words: Any) -> None:
    made = await workshop.workflows.create(words.workflow(words.call("a")), b"one", "text/plain")
    workshop.workflows._rows.forget(made.number)
    read = workshop.store.definitions.get
    has_read, may_return = asyncio.Event(), asyncio.Event()

    async def slowly(key: Any) -> Any:
        row = await read(key)
        if not has_read.is_set():
            has_read.set()
            await may_return.wait()
        return row

    workshop.store.definitions.get = slowly
    looking = asyncio.create_task(workshop.workflows.get(made.id))
    await has_read.wait()
    await workshop.workflows.update(made.number, words.workflow(words.call("b")), b"two", "text/plain")
    may_return.set()
    await looking
    workshop.store.definitions.get = read

    assert (await workshop.workflows.get(made.id)).version == 2


async def test_observers_are_told_of_commits(workshop: Any, words: Any) -> None:
    seen: list[tuple[int, float]] = []
    workshop.house.observers.append(lambda commit, seconds: seen.append((commit.seq, seconds)))

    execution = await workshop.run(words.workflow(words.call("a")))

    assert seen[-1][0] == execution.seq
    assert all(seconds >= 0 for _, seconds in seen)
