"""Whatever receivers answer, nothing is left behind: what waits for something gets it."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.errors import NotFound
from headrace.notifications import notifier as notifying
from headrace.notifications.notifier import Notifier
from headrace.notifications.places import SHARES, Standing
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import Delivery
from headrace.store.sqlite import open_sqlite
from headrace.testing.conformance.store_values import TurnedClock, commit, delivery, started
from headrace.testing.memory_store import Contents, MemoryStore

DEADLINE = 60.0
HOSTS = 2
PATHS = 24
RUNS = 20


class World:
    """Receivers that answer by chance, some better than others."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.badness = {f"/{n}": chance.choice([0.0, 0.0, 0.3, 0.9]) for n in range(PATHS)}
        self.first_tries: dict[str, list[int]] = defaultdict(list)
        self.open: dict[str, int] = defaultdict(int)
        self.most = 0

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        self.open[host] += 1
        self.most = max(self.most, self.open[host])
        queue, sequence = request.content.decode().split()
        if int(sequence) not in self.first_tries[queue]:
            self.first_tries[queue].append(int(sequence))
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        self.open[host] -= 1
        if self.chance.random() < self.badness[request.url.path]:
            return httpx2.Response(410 if self.chance.random() < 0.05 else 503, stream=httpx2.ByteStream(b""))
        return httpx2.Response(204, stream=httpx2.ByteStream(b""))


def told(run: int, store: Any, chance: random.Random) -> list[Delivery]:
    """Return what a run tells two receivers, in one or two lanes each."""
    found = []
    for place in range(2):
        url = f"http://host{chance.randrange(HOSTS)}.example/{chance.randrange(PATHS)}?run={run}"
        lanes, count = chance.randint(1, 2), chance.randint(1, 6)
        for sequence in range(1, count + 1):
            queue = f"{run}/{place}/{sequence % lanes}"
            fields = {"url": url, "queue": queue, "body": f"{queue} {sequence}".encode()}
            is_last = sequence == count and chance.random() < 0.5
            found.append(delivery(store.numbers.take(), run, sequence, is_last=is_last, **fields))
    return found


@pytest.mark.parametrize(("kind", "seed"), [("memory", 1), ("memory", 2), ("memory", 3), ("sqlite", 4)])
async def test_everything_is_over_in_the_end_and_in_order(
    kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "LOOK", 7)
    chance, clock = random.Random(seed), TurnedClock(1000.0)
    store: Any = MemoryStore(clock, Contents()) if kind == "memory" else open_sqlite(tmp_path, clock=clock)
    world = World(chance)

    async def no_secret(scope: str, name: str) -> str:
        raise NotFound(name)

    sender = Notifier(
        store.deliveries,
        lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(world.answer)),
        reveal=no_secret,
        operator=None,
        secrets_in_use=SecretsInUse(),
        clock=clock,
        chance=chance.random,
    )
    sender.open()
    runs = []
    for _ in range(RUNS):
        row = await started(store)
        runs.append(row.number)
        await store.commit(commit(row, 2, deliveries=told(row.number, store, chance)))
        sender.wake()

    async def pending() -> int:
        logs = [(await store.deliveries.log(run)).rows for run in runs]
        return sum(row.state == "pending" for rows in logs for row in rows)

    async with asyncio.timeout(DEADLINE):
        while await pending():
            clock.moment += 3600
            sender.wake()
            while sender._awake.is_set() or sender._in_flight:  # noqa: ASYNC110 - has no event
                await asyncio.sleep(0.001)
    await sender.close()
    await store.close()

    assert all(tries == sorted(tries) for tries in world.first_tries.values())
    assert world.most <= SHARES[Standing.PROMPT].of_host
