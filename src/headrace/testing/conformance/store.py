"""What every store must keep: the suite of commits, journal, projections and leases."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from msgspec.structs import replace

from headrace.errors import InvalidInput, NotFound, StaleVersion
from headrace.store import rows
from headrace.store.protocol import KeyTaken, Store
from headrace.testing.conformance.store_values import (
    TurnedClock,
    answer,
    commit,
    delivery,
    ended,
    execution,
    started,
    task_run,
)


class Premises(Protocol):
    """Where a store lives; all its stores find what earlier ones remembered."""

    clock: TurnedClock

    def open(self) -> Store:
        """Open the store there; called again only after the former one was closed or has died."""


class WithStore:
    """Opens the store of the premises."""

    @pytest.fixture
    async def store(self, premises: Premises) -> AsyncIterator[Store]:
        """A store, closed afterwards."""
        store = premises.open()
        yield store
        await store.close()


class NumbersConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_numbers_begin_at_1001_and_none_is_given_twice(self, store: Store) -> None:
        first = store.numbers.take()
        others = [store.numbers.take() for _ in range(50)]

        assert first == 1001
        assert others == list(range(1002, 1052))

    async def test_a_block_is_consecutive_however_large(self, store: Store) -> None:
        store.numbers.take()
        first = store.numbers.take(30_000)

        assert store.numbers.take() >= first + 30_000

    async def test_numbers_can_be_prepared(self, store: Store) -> None:
        await store.numbers.prepare(50_000)
        first = store.numbers.take(50_000)

        assert store.numbers.take() >= first + 50_000

    async def test_a_restarted_server_gives_none_again(self, premises: Premises) -> None:
        former = premises.open()
        last = former.numbers.take(10) + 9
        await former.close()
        store = premises.open()
        again = store.numbers.take()
        await store.close()

        assert again > last


class CommitConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_the_journal_gives_back_what_was_committed_in_order(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(row, 2, 3))

        assert await store.journal.read(row.number) == [
            rows.JournalEntry(1, 2, 102.0, b"events to 2"),
            rows.JournalEntry(3, 5, 105.0, b"events to 5"),
        ]

    async def test_the_journal_can_be_read_from_a_place_on(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(row, 2, 3))

        assert [entry.seq for entry in await store.journal.read(row.number, after=2)] == [5]
        assert [entry.seq for entry in await store.journal.read(row.number, after=3)] == [5]
        assert await store.journal.read(row.number, after=5) == []
        assert await store.journal.read(99) == []

    async def test_the_row_shows_the_execution_as_it_is_after_the_events(self, store: Store) -> None:
        row = await started(store, alias="we-1", labels={"team": "sea"}, parent=7)
        await store.commit(commit(replace(row, state="paused", reason="asked"), 2))
        found = await store.executions.get(row.number)

        assert found == replace(row, state="paused", reason="asked", seq=4, epoch=store.epoch)

    async def test_only_what_may_change_changes(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(replace(row, name="Other", workflow=9), 2))

        assert (await store.executions.get(row.number)).name == row.name
        assert (await store.executions.get(row.number)).workflow == row.workflow

    async def test_who_commits_second_is_stale_and_changes_nothing(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(row, 2))
        with pytest.raises(StaleVersion):
            await store.commit(commit(replace(row, state="failed"), 2, 5))

        assert (await store.executions.get(row.number)).seq == 4
        assert len(await store.journal.read(row.number)) == 2

    async def test_a_second_start_of_one_execution_is_stale(self, store: Store) -> None:
        row = await started(store)

        with pytest.raises(StaleVersion):
            await store.commit(commit(row))

    async def test_a_commit_to_an_unknown_execution_is_stale(self, store: Store) -> None:
        with pytest.raises(StaleVersion):
            await store.commit(commit(execution(9), 4))

    @pytest.mark.parametrize("key", ["start_key", "concurrency_key", "alias"])
    async def test_a_key_that_is_in_use_refuses_the_start(self, store: Store, key: str) -> None:
        await started(store, **{key: "k"})
        second = execution(store.numbers.take(), **{key: "k"})
        with pytest.raises(KeyTaken) as refused:
            await store.commit(commit(second))

        assert refused.value.key == key
        with pytest.raises(NotFound):
            await store.executions.get(second.number)

    async def test_a_concurrency_key_is_free_again_after_the_end(self, store: Store) -> None:
        first = await started(store, concurrency_key="k", start_key="s")
        await store.commit(commit(ended(first), 2))
        second = await started(store, concurrency_key="k")

        assert (await store.executions.get(second.number)).concurrency_key == "k"
        with pytest.raises(KeyTaken):
            await started(store, start_key="s")

    async def test_one_that_fails_fails_nobody_else(self, store: Store) -> None:
        taken = await started(store, start_key="k")
        many = [execution(store.numbers.take()) for _ in range(20)]
        commits = [commit(row) for row in many]
        commits.insert(3, commit(execution(store.numbers.take(), start_key="k")))
        commits.insert(9, commit(taken, 7))
        outcomes = await asyncio.gather(*map(store.commit, commits), return_exceptions=True)

        assert isinstance(outcomes.pop(9), StaleVersion)
        assert isinstance(outcomes.pop(3), KeyTaken)
        assert outcomes == [None] * 20
        assert len(await store.executions.live()) == 21

    async def test_two_commits_of_one_execution_wait_for_each_other(self, store: Store) -> None:
        row = await started(store)
        await asyncio.gather(store.commit(commit(row, 2, 1)), store.commit(commit(row, 3, 1)))

        assert (await store.executions.get(row.number)).seq == 4

    async def test_a_commit_is_all_or_nothing(self, store: Store) -> None:
        row = await started(store)
        await store.idempotency.remember(answer())
        number = store.numbers.take(2)
        refused = commit(
            replace(row, state="paused"),
            2,
            task_runs=(task_run(number, row.number),),
            deliveries=(delivery(number + 1, row.number),),
            idempotency=answer(),
        )
        with pytest.raises(KeyTaken) as reason:
            await store.commit(refused)

        assert reason.value.key == "idempotency_key"
        assert (await store.executions.get(row.number)).state == "running"
        assert (await store.executions.task_runs(row.number)).rows == []
        assert (await store.deliveries.log(row.number)).rows == []
        await store.commit(replace(refused, idempotency=None))

    async def test_a_restarted_server_finds_everything_and_owns_what_is_live(
        self, premises: Premises
    ) -> None:
        former = premises.open()
        row = await started(former)
        await former.close()
        store = premises.open()
        await store.commit(commit(row, 2))
        found = await store.executions.live()
        await store.close()

        assert found == [replace(row, seq=4, epoch=store.epoch)]
        assert store.epoch > former.epoch

    async def test_a_closed_store_has_flushed(self, premises: Premises) -> None:
        former = premises.open()
        row = execution(former.numbers.take())
        waiting = asyncio.ensure_future(former.commit(commit(row)))
        await asyncio.sleep(0)
        await former.close()
        await waiting
        store = premises.open()
        found = await store.executions.get(row.number)
        await store.close()

        assert found.seq == 2


class ProjectionsConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_an_execution_is_found_by_number_uuid_alias_and_start_key(self, store: Store) -> None:
        row = await started(store, alias="we-abc", start_key="cron 5")

        for key in (row.number, row.id, "we-abc"):
            assert (await store.executions.get(key)).number == row.number
        found = await store.executions.by_start_key("cron 5")
        assert found is not None
        assert found.number == row.number
        assert await store.executions.by_start_key("cron 6") is None

    @pytest.mark.parametrize("key", [5, -1, 10**30, "we-nobody", "", "\udcff"])
    async def test_what_is_not_there_is_not_found(self, store: Store, key: int | str) -> None:
        with pytest.raises(NotFound):
            await store.executions.get(key)

    async def test_lists_are_newest_first_and_go_on_at_the_cursor(self, store: Store) -> None:
        numbers = [(await started(store)).number for _ in range(5)]
        first = await store.executions.newest(limit=2)
        second = await store.executions.newest(limit=2, cursor=first.cursor)
        third = await store.executions.newest(limit=2, cursor=second.cursor)

        shown = [row.number for page in (first, second, third) for row in page.rows]
        assert shown == numbers[::-1]
        assert third.cursor is None

    async def test_a_full_last_page_has_no_cursor(self, store: Store) -> None:
        for _ in range(2):
            await started(store)

        assert (await store.executions.newest(limit=2)).cursor is None

    @pytest.mark.parametrize(
        "cursor", ["", "x", "eHg6eA==", "é", "ZXhlY3V0aW9uczoxMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="]
    )
    async def test_a_cursor_of_nobody_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidInput):
            await store.executions.newest(cursor=cursor)

    async def test_a_cursor_of_another_list_is_refused(self, store: Store) -> None:
        for _ in range(2):
            await started(store)
        cursor = (await store.executions.newest(limit=1)).cursor

        with pytest.raises(InvalidInput):
            await store.definitions.newest(cursor=cursor)

    async def test_lists_are_filtered(self, store: Store) -> None:
        one = await started(store, workflow=1, dialect="dataflow")
        two = await started(store, workflow=2, dialect="peak", parent=77)
        over = ended(await started(store, workflow=2, dialect="peak"), "failed")
        await store.commit(commit(over, 2))

        async def shown(**which: object) -> list[int]:
            page = await store.executions.newest(rows.ExecutionFilter(**which))  # type: ignore[arg-type]
            return [row.number for row in page.rows]

        assert await shown(workflow=2) == [over.number, two.number]
        assert await shown(dialect="dataflow") == [one.number]
        assert await shown(states=("running",)) == [two.number, one.number]
        assert await shown(states=("failed", "running"), workflow=2) == [over.number, two.number]
        assert await shown(states=("failed",), dialect="dataflow") == []
        assert await shown(states=()) == []
        assert await shown(parent=77) == [two.number]
        assert await shown(parent=77, states=("failed",)) == []
        assert await shown(dialect="peak", workflow=1) == []

    async def test_live_ones_are_those_that_are_not_over(self, store: Store) -> None:
        first, second = await started(store), await started(store)
        await store.commit(commit(ended(first), 2))

        assert [row.number for row in await store.executions.live()] == [second.number]

    async def test_executions_are_counted_by_state(self, store: Store) -> None:
        await started(store, workflow=1)
        over = await started(store, workflow=2)
        await store.commit(commit(ended(over), 2))

        assert await store.executions.counts() == {"running": 1, "succeeded": 1}
        assert await store.executions.counts(workflow=2) == {"succeeded": 1}
        assert await store.executions.counts(dialect="peak") == {}

    @pytest.mark.parametrize("count", [1, 9, 63, 64, 200])
    async def test_task_runs_are_shown_as_they_are_now(self, store: Store, count: int) -> None:
        row = await started(store)
        first = store.numbers.take(count)
        runs = [task_run(first + index, row.number) for index in range(count)]
        await store.commit(commit(row, 2, task_runs=runs))
        done = [
            replace(run, state="failed", reason="exit_code", attempts=2, started_at=1.0, ended_at=2.5)
            for run in runs
        ]
        await store.commit(commit(row, 4, task_runs=done))

        assert (await store.executions.task_runs(row.number)).rows == done
        assert await store.executions.task_run(first) == done[0]

    async def test_task_runs_come_oldest_first_in_pages(self, store: Store) -> None:
        row, other = await started(store), await started(store)
        first = store.numbers.take(5)
        await store.commit(commit(row, 2, task_runs=[task_run(first + i, row.number) for i in range(5)]))
        page = await store.executions.task_runs(row.number, limit=3)
        rest = await store.executions.task_runs(row.number, limit=3, cursor=page.cursor)

        assert [run.number - first for run in page.rows + rest.rows] == [0, 1, 2, 3, 4]
        assert rest.cursor is None
        with pytest.raises(InvalidInput):
            await store.executions.task_runs(other.number, cursor=page.cursor)
        with pytest.raises(NotFound):
            await store.executions.task_run(row.number)
