"""The administrator's token over the starts of a server."""

from __future__ import annotations

import itertools
from typing import Any

from headrace.api.server import greet
from headrace.clock import SystemClock
from headrace.security.tokens import hash_of
from headrace.settings import load
from headrace.testing.credentials import TokensInMemory

FIRST = "the-first-token-of-the-operator-0001"
SECOND = "the-second-token-of-the-operator-02"


class Numbers:
    """Numbers, one after the other."""

    def __init__(self) -> None:
        self._next = itertools.count(1001)

    def take(self) -> int:
        return next(self._next)


class Starts:
    """The starts of one server."""

    def __init__(self) -> None:
        self.tokens = TokensInMemory()
        self._numbers: Any = Numbers()

    async def start(self, token: str | None) -> str | None:
        return await greet(load({"admin_token": token}), self.tokens, self._numbers, SystemClock())


async def test_the_same_token_keeps_its_one_record() -> None:
    starts = Starts()
    await starts.start(FIRST)
    before = await starts.tokens.list()
    await starts.start(FIRST)

    assert await starts.tokens.list() == before
    assert len(before) == 1


async def test_another_token_revokes_the_earlier_one_and_an_earlier_one_comes_back_as_itself() -> None:
    starts = Starts()
    await starts.start(FIRST)
    first = await starts.tokens.find(hash_of(FIRST))
    await starts.start(SECOND)
    revoked = await starts.tokens.find(hash_of(FIRST))
    await starts.start(FIRST)
    back = await starts.tokens.find(hash_of(FIRST))
    second = await starts.tokens.find(hash_of(SECOND))

    assert first is not None
    assert revoked is not None
    assert second is not None
    assert (revoked.number, revoked.revoked) == (first.number, True)
    assert back == first
    assert second.revoked
    assert second.number != first.number
    assert len(await starts.tokens.list()) == 2


async def test_a_token_that_the_server_made_is_revoked_by_the_operators_own() -> None:
    starts = Starts()
    made = await starts.start(None)
    assert made is not None
    await starts.start(FIRST)
    former = await starts.tokens.find(hash_of(made))

    assert former is not None
    assert former.revoked
