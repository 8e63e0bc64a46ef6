"""Who follows an execution misses nothing, whenever it happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace.engine.events import ExecutionEnded
from headrace.orchestrator.feed import Feed


async def test_what_happens_while_a_follower_reads_is_seen_at_once(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a")))
    await words.until(lambda: bool(workshop.local.jobs))
    read = workshop.store.executions.get

    async def read_just_before_the_end(number: Any) -> Any:
        found = await read(number)
        if row.number in workshop.house.mailboxes:
            workshop.local.report(words.succeeded(next(iter(workshop.local.jobs))))
            await workshop.end_of(row)
        return found

    monkeypatch.setattr(workshop.store.executions, "get", read_just_before_the_end)
    async with asyncio.timeout(10):
        batches = [batch async for batch in workshop.executions.follow(row, pulse=60)]

    assert isinstance(batches[-1][-1].event, ExecutionEnded)


async def test_whoever_reads_of_the_end_finds_it_ended(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    executions = workshop.executions
    commit = workshop.store.commit
    seen: list[tuple[bool, str, str]] = []

    async def look(number: int) -> None:
        row = await executions.get(number)
        is_told = any(isinstance(numbered.event, ExecutionEnded) for numbered in await executions.events(row))
        found, view = await executions.get(number), await executions.view(row)
        seen.append((is_told, found.state, view.state))

    async def commit_and_look(asked: Any) -> None:
        await commit(asked)
        if asked.row.ended_at is not None:
            await look(asked.execution)

    monkeypatch.setattr(workshop.store, "commit", commit_and_look)
    row = await workshop.start(words.workflow(words.step("a")))
    await look(row.number)
    await workshop.end_of(row)
    await look(row.number)

    assert seen[-2:] == [(False, "running", "running"), (True, "succeeded", "succeeded")]


async def test_a_watch_that_sees_nothing_says_so_and_leaves_nothing(workshop: Any, words: Any) -> None:
    feed = Feed()
    execution = await workshop.run(words.workflow(words.call("a")))
    with feed.watching(execution.number) as watch, feed.watching(execution.number + 1) as other:
        feed.announce(execution, 0)
        seen = [await watch.change(0), await watch.change(0), await other.change(0)]

    feed.announce(execution, 0)
    assert seen == [True, False, False]
    assert await watch.change(0) is False
