"""What signed the webhooks of a run goes when nothing of it can be delivered any more, and not sooner."""

from __future__ import annotations

import asyncio

import pytest

from headrace.orchestrator import signing_secrets
from headrace.orchestrator.signing_secrets import SigningSecrets
from headrace.orchestrator.starts import Starts
from headrace.security.secrets import GLOBAL, SecretRecord
from headrace.testing.conformance.store_values import TurnedClock, commit, delivery, ended, started
from headrace.testing.memory_store import MemoryStore


class Kept:
    """A store with secrets of runs."""

    def __init__(self) -> None:
        self.store = MemoryStore(TurnedClock())
        self.starts = Starts()
        self.live: set[str] = set()
        self.was_looked_at = asyncio.Event()
        self.secrets = SigningSecrets(self.store, self.starts, self._look)

    def _look(self) -> set[str]:
        self.was_looked_at.set()
        return self.live

    async def keep(self, *scopes: str, at: float = 1.0) -> None:
        for scope in scopes:
            record = SecretRecord(scope=scope, name="s", sealed=b"x", created_at=at, updated_at=at)
            await self.store.secrets.put(record)

    async def left(self) -> list[str]:
        return sorted(each.scope for each in await self.store.secrets.of_runs(1e9))


@pytest.fixture
def kept() -> Kept:
    return Kept()


async def test_what_a_start_left_that_came_to_nothing_goes_by_its_age(kept: Kept) -> None:
    await kept.keep("webhook-old", at=1.0)
    await kept.keep("webhook-young", at=5.0)
    await kept.keep(GLOBAL)
    await kept.secrets.forget(5.0)

    assert await kept.left() == ["webhook-young"]
    assert len(await kept.store.secrets.list(GLOBAL)) == 1


async def test_a_secret_stays_while_a_delivery_or_a_live_run_needs_it(kept: Kept) -> None:
    await kept.keep("webhook-logged", "webhook-live", "webhook-over")
    row = await started(kept.store)
    told = delivery(1, row.number, secret_ref="webhook-logged#s")
    await kept.store.commit(commit(ended(row), 2, deliveries=[told]))
    kept.live.add("webhook-live")
    await kept.secrets.forget(5.0)

    assert await kept.left() == ["webhook-live", "webhook-logged"]


async def test_a_rerun_that_is_under_way_keeps_the_secret_of_the_run_that_it_repeats(kept: Kept) -> None:
    await kept.keep("webhook-again")
    async with kept.starts.start():
        sweep = asyncio.create_task(kept.secrets.forget(5.0))
        await asyncio.wait_for(kept.was_looked_at.wait(), 5)
        kept.live.add("webhook-again")  # as the mailbox of the rerun does
    await sweep

    assert await kept.left() == ["webhook-again"]


async def test_no_start_waits_where_nothing_is_to_be_forgotten(kept: Kept) -> None:
    await kept.keep("webhook-live")
    kept.live.add("webhook-live")
    async with kept.starts.start(), asyncio.timeout(5):
        await kept.secrets.forget(5.0)

    assert await kept.left() == ["webhook-live"]


async def test_however_many_stay_the_others_go(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_secrets, "BATCH", 2)
    scopes = [f"webhook-{number}" for number in range(9)]
    await kept.keep(*scopes)
    kept.live.update(scopes[:5])
    await kept.secrets.forget(5.0)

    assert await kept.left() == scopes[:5]
