"""What others see of an execution: the committed state, never what is being decided."""

from __future__ import annotations

import asyncio
from typing import Any

from headrace.store.rows import Commit


async def test_what_is_not_committed_is_not_shown(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a")))
    before = await workshop.executions.view(row)
    remember = workshop.store.commit
    asked = asyncio.Event()
    may_go_on = asyncio.Event()

    async def commit(commit: Commit) -> None:
        asked.set()
        await may_go_on.wait()
        await remember(commit)

    workshop.store.commit = commit
    workshop.local.report(words.succeeded(next(iter(workshop.local.jobs))))
    await asked.wait()
    meanwhile = await workshop.executions.view(row)
    states = [meanwhile.state, *(run.state for run in meanwhile.runs.values())]
    may_go_on.set()
    ended = await workshop.end_of(row)

    assert before is meanwhile
    assert states == ["running", "queued"]
    assert ended.state == "succeeded"
    assert (await workshop.store.executions.get(row.number)).state == "succeeded"


async def test_a_view_that_is_read_while_commits_come_misses_none(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a", "b"), words.step("b")))
    read = workshop.store.journal.read
    has_read = asyncio.Event()
    may_return = asyncio.Event()

    async def slowly(execution: int, after: int = 0) -> Any:
        entries = await read(execution, after)
        has_read.set()
        await may_return.wait()
        return entries

    workshop.store.journal.read = slowly
    looking = [asyncio.create_task(workshop.executions.view(row)) for _ in range(2)]
    await has_read.wait()
    workshop.local.report(words.succeeded(next(iter(workshop.local.jobs))))
    await words.until(lambda: len(workshop.local.jobs) == 2)
    may_return.set()
    one, other = await asyncio.gather(*looking)

    assert one is other
    assert {run.task: run.state for run in one.runs.values()} == {"a": "succeeded", "b": "queued"}


async def test_a_kept_view_follows_the_commits(workshop: Any, words: Any) -> None:
    workshop.local.behaviour = lambda job: None
    row = await workshop.start(words.workflow(words.step("a", "b"), words.step("b")))
    view = await workshop.executions.view(row)

    workshop.local.report(words.succeeded(next(iter(workshop.local.jobs))))
    await words.until(lambda: len(workshop.local.jobs) == 2)

    assert await workshop.executions.view(row) is view
    assert view.seq == workshop.house.mailboxes[row.number].row.seq
