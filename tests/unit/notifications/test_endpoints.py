"""Receivers on one host: none waits for a dead one, and none is sent more at once than it has earned."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from headrace.notifications.places import SHARES, Standing
from headrace.testing.web_server import Request, response, serve

NEVER = timedelta(minutes=5)
SOON = timedelta(milliseconds=50)


class Gateway:
    """Many receivers on one host: what a path begins with says how it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.arrived: list[str] = []
        self.is_dead: Callable[[str], bool] = lambda path: path.startswith("/dead")

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.arrived.append(request.path)
        if self.is_dead(request.path):
            await asyncio.Event().wait()
        writer.write(response(b"", 200))

    def count(self, beginning: str) -> int:
        return sum(path.startswith(beginning) for path in self.arrived)


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    async with serve(made.answer) as made.url:
        yield made


def in_flight(office: Any, url: str) -> int:
    """Count what is sent to URLs that begin so; what is logged as arrived may be counted a moment longer."""
    return sum(each.url.startswith(url) for each in office.notifier._in_flight.values())


async def held_by_a_receiver_that_stopped_answering(office: Any, host: Gateway, standing: Standing) -> int:
    """Wait until a receiver that has answered once holds all its places, and return how many it holds then.

    By then another receiver on its host has been served.
    """
    hook = f"{host.url}/hook"
    await office.over(await office.announce(hook))
    host.is_dead = lambda path: path == "/hook"
    for _ in range(20):
        await office.announce(hook)
    await office.until(lambda: in_flight(office, hook) == SHARES[standing].of_endpoint)
    await office.over(await office.announce(f"{host.url}/other"))
    return in_flight(office, hook)


def tries(office: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in office.contents.deliveries.values():
        found[each.url] += len(each.attempts)
    return found


async def test_a_dead_receiver_delays_nobody_on_its_host(open_office: Any) -> None:
    office = open_office(patience=NEVER)
    async with gateway() as host:
        for _ in range(40):
            await office.announce(*[f"{host.url}/dead"] * 3)
        others = [await office.announce(f"{host.url}/{name}") for name in ("fast", "fast", "fast", "other")]
        logs = [await office.over(each) for each in others]

        assert [row.state for [row] in logs] == ["delivered"] * 4
        assert in_flight(office, f"{host.url}/dead") == 1


async def test_dead_receivers_of_which_nothing_is_known_leave_places_for_those_that_answer(
    open_office: Any,
) -> None:
    office = open_office(patience=NEVER)
    async with gateway() as host:
        await office.over(await office.announce(f"{host.url}/good"))
        for number in range(100):
            await office.announce(f"{host.url}/dead/{number}", f"{host.url}/dead/{number}")
        await office.until(lambda: host.count("/dead") == SHARES[Standing.NEW].of_host)
        await office.over(await office.announce(*[f"{host.url}/good"] * 3))

        assert in_flight(office, f"{host.url}/dead") == host.count("/dead") == SHARES[Standing.NEW].of_host


async def test_receivers_that_fail_leave_places_for_new_ones(open_office: Any) -> None:
    office = open_office(patience=SOON)
    async with gateway() as host:
        runs = [await office.announce(f"{host.url}/dead/{number}") for number in range(30)]
        for run in runs:
            await office.tried(run, 1)
        office.notifier._patience = NEVER
        await office.turn(6)
        dead = f"{host.url}/dead"
        await office.until(lambda: in_flight(office, dead) == SHARES[Standing.FAILING].of_host)
        [row] = await office.over(await office.announce(f"{host.url}/new"))

        assert row.state == "delivered"
        assert in_flight(office, dead) == SHARES[Standing.FAILING].of_host


async def test_tokens_of_runs_in_the_query_make_no_new_receivers(open_office: Any) -> None:
    office = open_office(patience=NEVER)
    async with gateway() as host:
        for number in range(20):
            await office.announce(f"{host.url}/dead?token={number}")
        await office.over(await office.announce(f"{host.url}/good?token=0"))

        assert in_flight(office, f"{host.url}/dead") == 1


async def test_a_receiver_is_sent_more_at_once_when_it_has_answered(open_office: Any) -> None:
    office = open_office(patience=NEVER)
    async with gateway() as host:
        held = await held_by_a_receiver_that_stopped_answering(office, host, Standing.PROMPT)

        assert held == SHARES[Standing.PROMPT].of_endpoint


async def test_a_receiver_that_fails_is_tried_one_by_one_until_it_answers(open_office: Any) -> None:
    office = open_office(patience=SOON)
    async with gateway() as host:
        await office.over(await office.announce(f"{host.url}/hook"))
        host.is_dead = lambda path: path == "/hook"
        run = await office.announce(f"{host.url}/hook")
        await office.tried(run, 1)
        office.notifier._patience = NEVER
        for _ in range(10):
            await office.announce(f"{host.url}/hook")
        await office.over(await office.announce(f"{host.url}/other"))

        assert in_flight(office, f"{host.url}/hook") == 1


async def test_what_waited_for_a_receiver_that_failed_is_sent_when_it_answers(open_office: Any) -> None:
    office = open_office(patience=SOON)
    async with gateway() as host:
        runs = [await office.announce(f"{host.url}/dead") for _ in range(10)]
        await office.tried(runs[2], 1)
        host.is_dead = lambda _: False
        office.notifier._patience = NEVER
        await office.turn(6)
        logs = [await office.over(each) for each in runs]

        assert all(row.state == "delivered" for [row] in logs)


async def test_receivers_that_fail_come_in_turn(open_office: Any) -> None:
    """However much waits for each of them."""
    office = open_office(patience=SOON)
    names = [f"/dead/{number}" for number in range(3 * SHARES[Standing.FAILING].of_host)]
    async with gateway() as host:
        for name in names[:-1]:
            for _ in range(10):
                await office.announce(f"{host.url}{name}")
        last = await office.announce(f"{host.url}{names[-1]}")
        before = tries(office)
        await office.tried(last, 1)

        assert max((tries(office) - before).values()) <= 3


async def test_a_slow_receiver_has_fewer_places(open_office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("headrace.notifications.notifier.PROMPTLY", timedelta(0))
    office = open_office(patience=NEVER)
    async with gateway() as host:
        held = await held_by_a_receiver_that_stopped_answering(office, host, Standing.SLOW)

        assert held == SHARES[Standing.SLOW].of_endpoint
