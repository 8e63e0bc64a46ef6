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

    async def test_what_is_due_is_claimed_once(self, store: Store) -> None:
        one = delivery(1, 5, is_last=True, secret_ref="hook", content_type="text/plain")
        await self._announced(store, one, delivery(2, 5, queue="later", next_try_at=300.0))

        assert await store.deliveries.next_due() == 100.0
        assert await store.deliveries.claim(99.0) == []
        assert await store.deliveries.claim(100.0) == [one]
        assert await store.deliveries.claim(100.0) == []
        assert await store.deliveries.next_due() == 300.0

    async def test_of_a_queue_one_is_in_flight(self, store: Store) -> None:
        late, early = delivery(1, 5, next_try_at=90.0), delivery(2, 5, 2, next_try_at=80.0)
        other = delivery(3, 6, queue="other")
        await self._announced(store, late, early, other)
        assert await store.deliveries.claim(95.0) == [early]
        assert await store.deliveries.claim(100.0, limit=1) == [other]
        assert await store.deliveries.claim(100.0) == []
        assert await store.deliveries.next_due() is None

        await store.deliveries.record(2, None, state="pending", next_try_at=99.0)
        assert await store.deliveries.next_due() == 90.0
        assert await store.deliveries.claim(100.0) == [late]
        await store.deliveries.record(1, None, state="delivered")

        assert [row.number for row in await store.deliveries.claim(100.0)] == [2]

    async def test_a_dead_endpoint_takes_no_more_than_its_share(self, store: Store) -> None:
        dead = [
            delivery(number, 5, number, queue=f"dead {number}", url=f"https://dead.example:8443/{number}")
            for number in range(1, 6)
        ]
        alive = delivery(9, 6, queue="alive", url="https://alive.example", next_try_at=103.0)
        await self._announced(store, *dead, alive)

        assert await store.deliveries.claim(102.0, limit=4, per_endpoint=2) == dead[:2]
        assert await store.deliveries.next_due(per_endpoint=2) == 103.0
        assert await store.deliveries.claim(103.0, per_endpoint=2) == [alive]
        await store.deliveries.record(2, None, state="failed")
        assert await store.deliveries.claim(103.0, per_endpoint=2) == [dead[2]]
        assert await store.deliveries.next_due(per_endpoint=2) is None

    async def test_a_retry_waits_for_its_time(self, store: Store) -> None:
        await self._announced(store, delivery(1, 5))
        await store.deliveries.claim(100.0)
        tried = rows.DeliveryAttempt(100.0, 503, None, 41)
        waiting = await store.deliveries.record(1, tried, state="pending", next_try_at=105.0)

        assert (waiting.attempts, waiting.next_try_at) == ((tried,), 105.0)
        assert await store.deliveries.claim(104.0) == []
        assert await store.deliveries.next_due() == 105.0
        assert await store.deliveries.claim(105.0) == [waiting]

    async def test_the_last_one_waits_until_the_earlier_ones_are_over(self, store: Store) -> None:
        await self._announced(
            store,
            delivery(1, 5, 3, queue="c", is_last=True),
            delivery(2, 5, 1, queue="a"),
            delivery(3, 5, 2, queue="b", next_try_at=150.0),
            delivery(4, 5, 1, queue="d", url="https://example.org", next_try_at=900.0),
            delivery(5, 6, 1, queue="e", next_try_at=900.0),
        )
        assert [row.number for row in await store.deliveries.claim(100.0)] == [2]
        await store.deliveries.record(2, None, state="delivered")
        assert await store.deliveries.claim(100.0) == []
        assert await store.deliveries.next_due() == 150.0
        await store.deliveries.record(3, None, state="failed")

        assert [row.number for row in await store.deliveries.claim(100.0)] == [1]

    async def test_those_that_wait_can_catch_up(self, store: Store) -> None:
        await self._announced(
            store,
            delivery(1, 5, 1, queue="a", next_try_at=700.0, catches_up=True),
            delivery(2, 5, 2, queue="b", next_try_at=700.0),
            delivery(3, 5, 3, queue="c", next_try_at=700.0, catches_up=True, url="https://example.org"),
            delivery(4, 6, 1, queue="d", next_try_at=700.0, catches_up=True),
        )

        assert await store.deliveries.catch_up(5, "https://example.com/hook", 300.0) == 1
        assert [row.number for row in await store.deliveries.claim(300.0)] == [1]
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

        assert [row.number for row in await store.deliveries.claim(100.0, limit=1)] == [4]
        assert await store.deliveries.claim(100.0) == []
        states = [row.state for row in (await store.deliveries.log(5)).rows]
        assert states == ["delivered", "failed", "pending", "failed", "failed"]

    async def test_a_url_is_taken_up_again_when_one_is_to_be_delivered_again(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(row, 2, deliveries=[delivery(1, 5)]))
        await store.deliveries.abandon(5, "https://example.com/hook")
        await store.deliveries.redeliver(1, 200.0)
        await store.commit(commit(row, 4, deliveries=[delivery(2, 5, 2, queue="b")]))

        assert [row.number for row in await store.deliveries.claim(200.0)] == [2, 1]

    async def test_what_is_in_flight_is_not_sent_twice_when_it_is_to_be_delivered_again(
        self, store: Store
    ) -> None:
        await self._announced(store, delivery(1, 5))
        await store.deliveries.claim(100.0)
        await store.deliveries.redeliver(1, 100.0)

        assert await store.deliveries.claim(100.0) == []

    async def test_what_was_in_flight_when_the_server_died_is_due_again(self, premises: Premises) -> None:
        former = premises.open()
        await self._announced(former, delivery(1, 5))
        await former.deliveries.claim(100.0)
        await former.close()
        store = premises.open()
        due = await store.deliveries.next_due()
        claimed = await store.deliveries.claim(100.0)
        await store.close()

        assert due == 100.0
        assert [row.number for row in claimed] == [1]

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
