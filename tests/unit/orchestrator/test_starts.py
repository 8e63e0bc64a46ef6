"""Starts and deletions never overlap, and neither waits for ever."""

from __future__ import annotations

import asyncio

from headrace.orchestrator.starts import Starts


async def test_a_deletion_waits_for_starts_and_holds_those_that_come() -> None:
    starts, told = Starts(), []
    go = asyncio.Event()

    async def start(name: str) -> None:
        async with starts.start():
            told.append(f"{name} began")
            await go.wait()
        told.append(f"{name} ended")

    async def delete() -> None:
        async with starts.deletion():
            told.append("deleted")

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(start("first"))
        group.create_task(start("second"))
        await asyncio.sleep(0)
        group.create_task(delete())
        await asyncio.sleep(0)
        group.create_task(start("late"))
        await asyncio.sleep(0)
        before = list(told)
        go.set()

    assert before == ["first began", "second began"]
    assert told.index("deleted") < told.index("late began")
    assert told.index("deleted") > max(told.index("first ended"), told.index("second ended")) - 1


async def test_deletions_come_one_by_one_and_a_broken_start_holds_nothing() -> None:
    starts = Starts()
    inside = most = 0

    async def delete() -> None:
        nonlocal inside, most
        async with starts.deletion():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def break_off() -> None:
        try:
            async with starts.start():
                raise RuntimeError("broken")
        except RuntimeError:
            return

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(delete())
            group.create_task(break_off())

    assert most == 1
