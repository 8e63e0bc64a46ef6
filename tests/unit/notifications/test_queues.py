"""Who waits for whom: nobody for a dead receiver, a run's deliveries for each other."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from headrace.testing.web_server import Request, serve
from headrace.testing.webhook_receiver import Silence, receive

NEVER = timedelta(minutes=5)


async def test_of_a_queue_one_is_in_flight_and_the_order_is_kept(office: Any) -> None:
    async with receive() as receiver:
        execution = await office.announce(*[receiver.url] * 12)
        await office.over(execution)

    assert [request.body for request in receiver.requests] == [b'{"sequence":%d}' % n for n in range(1, 13)]
    assert receiver.most_at_once == 1


async def test_a_delivery_that_waits_for_its_retry_holds_nobody_back(office: Any) -> None:
    async with receive(503) as receiver:
        execution = await office.announce(receiver.url, receiver.url, receiver.url)
        await office.tried(execution, 3)
        await office.turn(5)
        rows = await office.over(execution)

    sequence = [request.body[-2:-1] for request in receiver.requests]
    assert sequence == [b"1", b"2", b"3", b"1"]
    assert [len(row.attempts) for row in rows] == [2, 1, 1]


async def test_a_receiver_that_never_answers_delays_nobody(open_office: Any) -> None:
    office = open_office(patience=NEVER)
    async with receive(*[Silence()] * 50) as dead, receive() as alive:
        for _ in range(30):
            await office.announce(dead.url, dead.url)
        execution = await office.announce(alive.url, alive.url)
        rows = await office.over(execution)

    assert [row.state for row in rows] == ["delivered", "delivered"]
    assert len(dead.requests) == dead.most_at_once == 1


async def test_a_receiver_that_does_not_answer_in_time_is_tried_again(open_office: Any) -> None:
    office = open_office(patience=timedelta(milliseconds=50))
    async with receive(Silence()) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.tried(execution, 1)

    assert (row.state, row.next_try_at) == ("pending", office.clock.moment + 5)
    assert row.attempts[0].error == "The receiver did not answer within 0.05 seconds."


async def test_a_receiver_that_is_not_there_is_tried_again(office: Any) -> None:
    async with receive() as gone:
        url = gone.url
    async with receive() as alive:
        execution = await office.announce(url, f"{url}?token=abc", alive.url)
        rows = await office.tried(execution, 3)

    assert [row.state for row in rows] == ["pending", "pending", "delivered"]
    assert rows[0].attempts[0].error.startswith("The receiver cannot be reached")


async def test_a_receiver_that_breaks_off_is_tried_again(office: Any) -> None:
    async def hang_up(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 20")

    async with serve(hang_up) as url:
        execution = await office.announce(url)
        [row] = await office.tried(execution, 1)

    assert (row.state, row.attempts[0].status_code) == ("pending", None)
    assert row.attempts[0].error.startswith("The receiver broke off")


async def test_a_body_that_never_ends_changes_nothing(office: Any) -> None:
    async def dawdle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nwell")
        await asyncio.Event().wait()

    async with serve(dawdle) as url:
        execution = await office.announce(url)
        [row] = await office.over(execution)

    assert (row.state, row.attempts[0].response) == ("delivered", "well")


async def test_the_last_one_comes_when_the_others_are_over(office: Any) -> None:
    async with receive(503) as receiver:
        execution = await office.start()
        await office.commit(
            execution,
            office.new(execution, 1, receiver.url, queue="lane 1"),
            office.new(execution, 2, receiver.url, queue="lane 2"),
            office.new(execution, 3, receiver.url, queue="lane 3", is_last=True),
        )
        await office.tried(execution, 2)
        await office.turn(5)
        await office.over(execution)

    assert len(receiver.requests) == 4
    assert receiver.requests[-1].body == b'{"sequence":3}'


async def test_a_success_brings_the_waiting_ones_that_want_it(office: Any) -> None:
    async with receive(503) as receiver:
        execution = await office.announce(receiver.url, receiver.url, catches_up=True)
        rows = await office.over(execution)

    assert [len(row.attempts) for row in rows] == [2, 1]


async def test_one_run_has_as_many_in_flight_as_it_has_queues(open_office: Any) -> None:
    office = open_office(patience=NEVER)
    async with receive(200, *[Silence()] * 4) as receiver:
        execution = await office.announce(receiver.url)
        await office.over(execution)
        lanes = [office.new(execution, n, receiver.url, queue=f"lane {n % 4}") for n in range(2, 10)]
        await office.commit(execution, *lanes)
        await receiver.received(5)

    assert receiver.most_at_once == 4
