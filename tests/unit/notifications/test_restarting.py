"""A server that dies or stops in the middle, and a store that cannot answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import StoreError
from headrace.notifications import notifier
from headrace.testing.webhook_receiver import Silence, receive

NEVER = timedelta(minutes=5)


async def test_retries_go_on_after_a_restart_with_the_same_id(open_office: Any) -> None:
    former = open_office()
    async with receive(503, 503) as receiver:
        execution = await former.announce(receiver.url)
        await former.tried(execution, 1)
        await former.notifier.close()
        office = open_office(former)
        await office.turn(5)
        await office.tried(execution, 2)
        await office.turn(30)
        [row] = await office.over(execution)

    assert (row.state, len(row.attempts)) == ("delivered", 3)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_what_was_in_flight_when_a_server_died_is_sent_again(open_office: Any) -> None:
    """The former server is still there and holds its connection, but the store has forgotten its claim."""
    former = open_office(patience=NEVER)
    async with receive(Silence()) as receiver:
        execution = await former.announce(receiver.url)
        await receiver.received(1)
        office = open_office(former)
        [row] = await office.over(execution)

        assert (row.state, len(row.attempts)) == ("delivered", 1)
        first, second = receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_what_is_in_flight_when_a_server_stops_is_due_again(
    open_office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "CLOSING", timedelta(milliseconds=20))
    office = open_office(patience=NEVER)
    async with receive(Silence()) as receiver:
        execution = await office.announce(receiver.url)
        await receiver.received(1)
        await office.notifier.close()
        [row] = await office.log(execution)

    assert (row.state, row.attempts) == ("pending", ())
    assert await office.store.deliveries.next_due() == office.clock.moment


async def test_a_server_that_stops_hears_the_answers_that_are_under_way(open_office: Any) -> None:
    office = open_office()
    async with receive() as receiver:
        execution = await office.announce(receiver.url)
        await receiver.received(1)
        await office.notifier.close()
        [row] = await office.log(execution)

    assert row.state == "delivered"


async def test_a_store_that_cannot_answer_is_asked_again(
    open_office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "STORE_PATIENCE", timedelta(milliseconds=5))
    office = open_office()
    broken = iter([True, False, True, False, True, True])  # a look, a claim, then twice its record

    def at_times(method: Any) -> Any:
        async def asked(*arguments: Any, **named: Any) -> Any:
            if next(broken, False):
                raise StoreError
            return await method(*arguments, **named)

        return asked

    deliveries = office.store.deliveries
    for name in ("due", "take", "record"):
        monkeypatch.setattr(deliveries, name, at_times(getattr(deliveries, name)))
    async with receive() as receiver:
        execution = await office.announce(receiver.url)
        await office.over(execution)

    assert len(receiver.requests) == 1
