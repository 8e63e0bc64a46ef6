"""What every store does with deliveries: the outbox's part of the suite of stores.

Sequence numbers, queues and moments are small, so that a test can be read without arithmetic.
"""

# ruff: noqa: D102 - a test's name is its sentence
# ruff: noqa: S106 - the name of a secret is none

from __future__ import annotations

import pytest

from headrace.errors import InvalidInput, NotFound
from headrace.store import rows
from headrace.store.protocol import Store
from headrace.testing.conformance.store import Premises, WithStore
from headrace.testing.conformance.store_values import commit, delivery, ended, started


class DeliveriesConformance(WithStore):
    """Give the fixture `premises`."""

    async def _announced(self, store: Store, *deliveries: rows.Delivery) -> None:
        row = await started(store)
        await store.commit(commit(row, 2, deliveries=deliveries))

    async def _take(self, store: Store, now: float) -> list[rows.Delivery]:
        """Have all in flight that is due, abandoned or not."""
        return await store.deliveries.take([head.number for head in await store.deliveries.due(now)])

    async def test_what_is_due_is_taken_once(self, store: Store) -> None:
        one = delivery(1, 5, is_last=True, secret_ref="hook", content_type="text/plain")
        await self._announced(store, one, delivery(2, 5, queue="later", next_try_at=300.0))

        assert await store.deliveries.next_due() == 100.0
        assert await store.deliveries.due(99.0) == []
        assert await self._take(store, 100.0) == [one]
        assert await self._take(store, 100.0) == []
        assert await store.deliveries.next_due() == 300.0

    async def test_signing_secrets_that_deliveries_name_are_found(self, store: Store) -> None:
        await self._announced(
            store, delivery(1, 5, secret_ref="a#s"), delivery(2, 5, 2, secret_ref="a#s"), delivery(3, 5, 3)
        )

        assert await store.deliveries.signed(["a#s", "b#s"]) == {"a#s"}
        assert await store.deliveries.signed([]) == set()

    async def test_the_longest_due_comes_first(self, store: Store) -> None:
        await self._announced(
            store,
            delivery(3, 5, 1, next_try_at=90.0),
            delivery(2, 5, 2, next_try_at=80.0),
            delivery(1, 5, 3, next_try_at=90.0),
        )

        assert [head.number for head in await store.deliveries.due(95.0, limit=2)] == [2, 1]
        assert [row.number for row in await store.deliveries.take([1, 2, 3])] == [2, 1, 3]

    async def test_what_is_looked_at_says_whom_it_is_for(self, store: Store) -> None:
        url = "https://User@Example.com:8443/Hook/1?token=a/b#c"
        await self._announced(store, delivery(1, 5, url=url, queue="q"))

        [head] = await store.deliveries.due(100.0)

        assert (head.number, head.execution, head.url, head.queue) == (1, 5, url, "q")
        assert (head.endpoint, head.host) == ("https://example.com:8443/Hook/1", "https://example.com:8443")
        assert (head.waits_for, head.has_earlier, head.is_behind, head.is_abandoned) == (None, *[False] * 3)

    async def test_what_waits_for_a_key_is_found_by_it_and_not_by_its_time(self, store: Store) -> None:
        await self._announced(store, *[delivery(number, 5, number) for number in range(1, 7)])
        assert await store.deliveries.take([], {3: "a", 1: "b", 2: "a", 4: "c"}) == []

        assert [head.number for head in await store.deliveries.due(100.0)] == [5, 6]
        assert await store.deliveries.awaited(["a", "b", "d"]) == {"a", "b"}
        assert await store.deliveries.awaited([]) == set()
        found = await store.deliveries.waiting(["a", "b"])
        assert [(head.number, head.waits_for) for head in found] == [(1, "b"), (2, "a"), (3, "a")]
        assert [head.number for head in await store.deliveries.waiting(["b", "a"], limit=2)] == [1, 2]
        assert await store.deliveries.waiting(["d"]) == []

    async def test_what_waits_may_be_taken_or_wait_for_something_else(self, store: Store) -> None:
        await self._announced(store, *[delivery(number, 5, number) for number in range(1, 5)])
        await store.deliveries.take([], {1: "a", 2: "a", 3: "a"})
        taken = await store.deliveries.take([2], {1: "b", 4: "a"})

        assert [row.number for row in taken] == [2]
        assert [head.number for head in await store.deliveries.waiting(["a"])] == [3, 4]
        assert [head.number for head in await store.deliveries.waiting(["b"])] == [1]
        assert await store.deliveries.next_due() is None

    async def test_for_a_place_the_longest_waiting_comes_first(self, store: Store) -> None:
        one, other = f"{rows.PLACE}x", f"{rows.PLACE}y"
        await self._announced(store, *[delivery(number, 5, number) for number in range(1, 5)])
        await store.deliveries.take([], {3: one, 1: other, 2: one})
        await store.deliveries.take([], {4: one, 3: other})

        assert [head.number for head in await store.deliveries.waiting([one, other])] == [1, 2, 4, 3]
        assert [head.number for head in await store.deliveries.waiting([one])] == [2, 4]

    async def test_what_is_over_neither_flies_nor_waits(self, store: Store) -> None:
        await self._announced(store, delivery(1, 5), delivery(2, 5, 2))
        await store.deliveries.abandon(5, "https://example.com/hook")

        assert await store.deliveries.take([1], {2: "a"}) == []
        assert await store.deliveries.awaited(["a"]) == set()

    async def test_what_waits_and_is_given_up_waits_no_more(self, store: Store) -> None:
        await self._announced(store, delivery(1, 5))
        await store.deliveries.take([], {1: "a"})
        await store.deliveries.abandon(5, "https://example.com/hook")
        await store.deliveries.redeliver(1, 200.0)

        assert await store.deliveries.awaited(["a"]) == set()
        assert await store.deliveries.next_due() == 200.0

    async def test_one_of_an_endpoint_that_waits_for_a_place_stands_before_the_others(
        self, store: Store
    ) -> None:
        await self._announced(
            store,
            delivery(1, 5, 1, url="https://example.com/hook?1"),
            delivery(2, 5, 2, url="https://example.com/hook?2"),
            delivery(3, 5, 3, url="https://example.com/other"),
        )

        async def behind() -> list[int]:
            heads = await store.deliveries.due(100.0) + await store.deliveries.waiting(
                [f"{rows.PLACE}x", "y"]
            )
            return [head.number for head in heads if head.is_behind]

        await store.deliveries.take([], {1: "y"})
        assert await behind() == []
        await store.deliveries.take([], {1: f"{rows.PLACE}x"})
        assert await behind() == [2]
        await store.deliveries.take([1])
        assert await behind() == []

    async def test_a_retry_waits_for_its_time(self, store: Store) -> None:
        await self._announced(store, delivery(1, 5))
        await self._take(store, 100.0)
        tried = rows.DeliveryAttempt(100.0, 503, None, 41)
        waiting = await store.deliveries.record(1, tried, state="pending", next_try_at=105.0)

        assert (waiting.attempts, waiting.next_try_at) == ((tried,), 105.0)
        assert await self._take(store, 104.0) == []
        assert await store.deliveries.next_due() == 105.0
        assert await self._take(store, 105.0) == [waiting]

    async def test_the_last_one_has_earlier_ones_until_they_are_over(self, store: Store) -> None:
        await self._announced(
            store,
            delivery(1, 5, 3, queue="c", is_last=True),
            delivery(2, 5, 1, queue="a"),
            delivery(3, 5, 2, queue="b", next_try_at=150.0),
            delivery(4, 5, 1, queue="d", url="https://example.org", next_try_at=900.0),
            delivery(5, 6, 1, queue="e", next_try_at=900.0),
        )

        async def with_earlier() -> list[int]:
            return [head.number for head in await store.deliveries.due(150.0) if head.has_earlier]

        assert await with_earlier() == [1]
        await store.deliveries.record(2, None, state="delivered")
        assert await with_earlier() == [1]
        await store.deliveries.record(3, None, state="failed")
        assert await with_earlier() == []

    async def test_those_that_wait_can_catch_up(self, store: Store) -> None:
        await self._announced(
            store,
            delivery(1, 5, 1, queue="a", next_try_at=700.0, catches_up=True),
            delivery(2, 5, 2, queue="b", next_try_at=700.0),
            delivery(3, 5, 3, queue="c", next_try_at=700.0, catches_up=True, url="https://example.org"),
            delivery(4, 6, 1, queue="d", next_try_at=700.0, catches_up=True),
        )

        assert await store.deliveries.catch_up(5, "https://example.com/hook", 300.0) == 1
        assert [row.number for row in await self._take(store, 300.0)] == [1]
        assert await store.deliveries.catch_up(5, "https://example.com/hook", 200.0) == 0

    async def test_attempts_add_up_and_a_delivery_can_be_made_again(self, store: Store) -> None:
        await self._announced(store, delivery(1, 5), delivery(2, 6))
        first = rows.DeliveryAttempt(100.0, None, "timeout", 10_000)
        last = rows.DeliveryAttempt(105.0, 410, None, 30, "Gone for good.")
        await store.deliveries.record(1, first, state="pending", next_try_at=105.0)
        over = await store.deliveries.record(1, last, state="failed")
        assert (over.attempts, over.next_try_at) == ((first, last), None)

        again = await store.deliveries.redeliver(1, 400.0)

        assert (again.state, again.attempts, again.next_try_at) == ("pending", (first, last), 400.0)
        assert [row.next_try_at for row in (await store.deliveries.log(5)).rows] == [400.0]
        with pytest.raises(NotFound):
            await store.deliveries.redeliver(9, 1.0)
        with pytest.raises(NotFound):
            await store.deliveries.record(9, None, state="failed")

    async def test_a_url_can_be_given_up_for_a_run(self, store: Store) -> None:
        url = "https://example.com/hook"
        row = await started(store)
        await store.commit(
            commit(
                row,
                2,
                deliveries=[
                    delivery(1, 5),
                    delivery(2, 5, 2),
                    delivery(3, 5, 3, url="https://example.org", next_try_at=900.0),
                    delivery(4, 6, queue="other run"),
                ],
            )
        )
        await store.deliveries.record(1, None, state="delivered")
        assert await store.deliveries.abandon(5, url) == [2]
        assert await store.deliveries.abandon(5, url) == []
        await store.commit(commit(row, 4, deliveries=[delivery(5, 5, 5), delivery(6, 5, 6)]))

        heads = await store.deliveries.due(100.0)
        assert [(head.number, head.is_abandoned) for head in heads] == [(4, False), (5, True), (6, True)]
        assert await store.deliveries.abandon(5, url) == [5, 6]
        assert [head.number for head in await store.deliveries.due(100.0)] == [4]
        states = [row.state for row in (await store.deliveries.log(5)).rows]
        assert states == ["delivered", "failed", "pending", "failed", "failed"]

    async def test_a_url_is_taken_up_again_when_one_is_to_be_delivered_again(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(row, 2, deliveries=[delivery(1, 5)]))
        await store.deliveries.abandon(5, "https://example.com/hook")
        await store.deliveries.redeliver(1, 200.0)
        await store.commit(commit(row, 4, deliveries=[delivery(2, 5, 2, queue="b")]))

        heads = await store.deliveries.due(200.0)
        assert [(head.number, head.is_abandoned) for head in heads] == [(2, False), (1, False)]

    async def test_what_is_in_flight_is_not_sent_twice_when_it_is_to_be_delivered_again(
        self, store: Store
    ) -> None:
        await self._announced(store, delivery(1, 5))
        await self._take(store, 100.0)
        await store.deliveries.redeliver(1, 100.0)

        assert await store.deliveries.due(100.0) == []

    async def test_what_was_in_flight_when_the_server_died_is_due_again(self, premises: Premises) -> None:
        former = premises.open()
        await self._announced(former, delivery(1, 5), delivery(2, 5, 2), delivery(3, 5, 3))
        await former.deliveries.take([1], {2: "a"})
        await former.close()
        store = premises.open()
        due = await store.deliveries.next_due()
        heads = await store.deliveries.due(100.0)
        awaited = await store.deliveries.awaited(["a"])
        await store.close()

        assert due == 100.0
        assert [(head.number, head.waits_for) for head in heads] == [(1, None), (2, None), (3, None)]
        assert awaited == set()

    async def test_a_body_is_sent_as_it_was_given_however_large_it_is(self, store: Store) -> None:
        bodies = [b"", b"{}", b'{"state": "running"}' * 10_000, b"\xff", b"\xff" * 10_000]
        given = [delivery(number, 5, number, body=body) for number, body in enumerate(bodies, 1)]
        await self._announced(store, *given)
        taken = await self._take(store, 100.0)
        again = await store.deliveries.redeliver(3, 200.0)

        assert [row.body for row in taken] == bodies
        assert again.body == bodies[2]
        assert await store.deliveries.bodies(range(1, 6)) == dict(enumerate(bodies, 1))

    async def test_the_log_has_no_bodies_and_comes_in_pages(self, store: Store) -> None:
        await self._announced(store, delivery(7, 5, 1), delivery(3, 5, 2), delivery(9, 5, 1), delivery(4, 6))
        first = await store.deliveries.log(5, limit=2)
        last = await store.deliveries.log(5, limit=2, cursor=first.cursor)

        assert [row.number for row in first.rows] == [7, 9]
        assert [row.number for row in last.rows] == [3]
        assert last.cursor is None
        assert not hasattr(first.rows[0], "body")
        assert await store.deliveries.bodies([7, 8]) == {7: delivery(7, 5).body}
        with pytest.raises(InvalidInput):
            await store.deliveries.log(6, cursor=first.cursor)

    async def test_what_is_long_over_is_forgotten(self, store: Store) -> None:
        over, live = await started(store), await started(store)
        told = [delivery(n, over.number, n, created_at=100.0) for n in (1, 2, 3)]
        await store.commit(commit(live, 2, deliveries=[delivery(4, live.number, created_at=100.0)]))
        await store.commit(commit(ended(over), 2, deliveries=told))
        for number in (1, 2, 4):
            await store.deliveries.record(number, None, state="delivered")

        assert await store.deliveries.forget_ended(200.0) == 0
        assert await store.deliveries.forget_ended(201.0, limit=1) == 1
        assert await store.deliveries.forget_ended(201.0) == 1
        assert [row.number for row in (await store.deliveries.log(over.number)).rows] == [3]
        assert [row.number for row in (await store.deliveries.log(live.number)).rows] == [4]
