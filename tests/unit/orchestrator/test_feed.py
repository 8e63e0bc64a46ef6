"""Who follows an execution misses nothing, whenever it happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace.engine.events import ExecutionEnded, ExecutionResumed
from headrace.orchestrator.feed import Feed, NumberedEvent, Watch

RESUMED = ExecutionResumed(at=0.0)


def count(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """Return the calls of a coroutine function from now on."""
    calls: list[tuple[Any, ...]] = []
    original = getattr(owner, name)

    async def counted(*args: Any) -> Any:
        calls.append(args)
        return await original(*args)

    monkeypatch.setattr(owner, name, counted)
    return calls


async def followed(workshop: Any, row: Any, after: int = 0) -> list[Any]:
    """Return all that a follower is told."""
    async with asyncio.timeout(10):
        return [told async for batch in workshop.executions.follow(row, after) for told in batch]


async def test_what_happens_while_a_follower_reads_is_seen_at_once(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a")))
    await words.until(lambda: bool(workshop.local.jobs))
    read = workshop.store.journal.read

    async def read_just_before_the_end(number: int, after: int = 0) -> Any:
        found = await read(number, after)
        if row.number in workshop.house.mailboxes:
            workshop.local.report(words.succeeded(next(iter(workshop.local.jobs))))
            await workshop.end_of(row)
        return found

    monkeypatch.setattr(workshop.store.journal, "read", read_just_before_the_end)
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
        feed.announce(execution, [RESUMED], 0)
        seen = [await watch.change(0), await watch.change(0), await other.change(0)]

    feed.announce(execution, [RESUMED], 0)
    assert seen == [True, False, False]
    assert await watch.change(0) is False


async def test_all_who_follow_are_handed_what_is_committed_without_a_query(
    workshop: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.local.behaviour = lambda job: None
    steps = [words.step(f"s{number}") for number in range(20)]
    row = await workshop.start(words.workflow(*steps))
    reads = count(monkeypatch, workshop.store.journal, "read")
    rows = count(monkeypatch, workshop.store.executions, "get")
    followers = [asyncio.create_task(followed(workshop, row)) for _ in range(5)]
    await words.until(lambda: len(workshop.local.jobs) == 20 and len(reads) == 5)
    for attempt in list(workshop.local.jobs):
        workshop.local.report(words.succeeded(attempt))
        await asyncio.sleep(0)
    told = await asyncio.gather(*followers)

    assert (len(reads), rows) == (5, [])
    journal = await workshop.executions.events(row)
    assert all(each == journal for each in told)
    assert [numbered.seq for numbered in journal] == list(range(1, len(journal) + 1))


async def test_who_is_slower_than_the_commits_reads_what_is_not_held_any_more(
    workshop: Any, words: Any
) -> None:
    workshop.local.behaviour = lambda job: None
    steps = [words.step(f"s{number}") for number in range(100)]
    row = await workshop.start(words.workflow(*steps))
    await words.until(lambda: len(workshop.local.jobs) == 100)
    told: list[Any] = []
    async with asyncio.timeout(20):
        async for batch in workshop.executions.follow(row):
            told += batch
            while workshop.local.jobs:
                attempt, _ = workshop.local.jobs.popitem()
                seq = workshop.house.mailboxes[row.number].announced
                workshop.local.report(words.succeeded(attempt))
                await words.until(lambda before=seq: is_past(workshop, row, before))

    assert told == await workshop.executions.events(row)


def is_past(workshop: Any, row: Any, before: int) -> bool:
    """Tell whether more was committed, or the execution is over."""
    mailbox = workshop.house.mailboxes.get(row.number)
    return mailbox is None or mailbox.announced > before


async def test_what_is_followed_from_the_middle_begins_there(workshop: Any, words: Any) -> None:
    row = await workshop.start(words.workflow(words.step("a"), words.step("b")))
    told = await followed(workshop, row, 3)
    late = await followed(workshop, row, 3)
    await workshop.end_of(row)

    assert told == late == await workshop.executions.events(row, 3)


def test_a_watch_hands_over_each_event_once_and_says_where_some_are_missing() -> None:
    watch = Watch()
    batch = [NumberedEvent(seq, RESUMED) for seq in (4, 5, 6)]
    found = []
    for after in (2, 3, 4, 6):
        watch.tell(batch)
        found.append(watch.behind(after))
        assert watch.behind(6) == ()

    assert found == [None, batch, batch[1:], ()]
    assert found[1] is batch
