from __future__ import annotations

import base64
import gc
import weakref
from typing import Any

import pytest

from headrace.api.authentication import ANYONE, CachedTokens, WithCaller
from headrace.clock import SystemClock
from headrace.dialects.protocol import Receive, Scope, Send
from headrace.errors import Forbidden, Unauthorized
from headrace.security.callers import CALLER, authorise
from headrace.security.tokens import SCOPES, TokenRecord, issue
from headrace.testing.credentials import TokensInMemory


class CountedTokens(TokensInMemory):
    """Counts how often somebody asks."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def find(self, hash: str) -> TokenRecord | None:
        self.asked += 1
        return await super().find(hash)


@pytest.fixture
def store() -> CountedTokens:
    return CountedTokens()


def made(scope: Any = "read", number: int = 1) -> tuple[str, TokenRecord]:
    return issue(number=number, name="me", scopes=[scope], now=SystemClock().now())


async def asked(store: Any, wanted: Any, *values: str, auth: str = "token") -> Scope:
    """The scope of a request with these `Authorization` headers, after a route asked for `wanted`."""
    scope: dict[str, Any] = {"headers": [(b"authorization", value.encode()) for value in values]}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await authorise(scope, wanted)
        await authorise(scope, wanted)

    await WithCaller(application, store, SystemClock(), auth=auth)(scope, None, None)  # type: ignore[arg-type]
    return scope


async def test_the_store_is_asked_once_for_a_token_that_it_knows(store: CountedTokens) -> None:
    token, record = made()
    await store.add(record)
    cached = CachedTokens(store)

    for _ in range(3):
        scope = await asked(cached, "read", f"Bearer {token}")

    assert scope[CALLER] == record
    assert store.asked == 1


async def test_a_revoked_token_is_refused_at_once(store: CountedTokens) -> None:
    token, record = made()
    cached = CachedTokens(store)
    await cached.add(record)
    await asked(cached, "read", f"Bearer {token}")

    await cached.revoke(record.number)

    with pytest.raises(Unauthorized):
        await asked(cached, "read", f"Bearer {token}")


async def test_unknown_tokens_take_no_room(store: CountedTokens) -> None:
    cached = CachedTokens(store)

    for number in range(5):
        with pytest.raises(Unauthorized):
            await asked(cached, "read", f"Bearer guess-{number}")

    assert store.asked == 5
    assert await cached.list() == []


@pytest.mark.parametrize("form", ["Bearer {}", "bearer  {}", "{}", "Basic {basic}"])
async def test_every_form_of_a_token_is_taken(store: CountedTokens, form: str) -> None:
    token, record = made()
    await store.add(record)
    basic = base64.b64encode(f"any:{token}".encode()).decode()

    scope = await asked(store, "read", form.format(token, basic=basic))

    assert scope[CALLER].number == record.number


async def test_two_authorization_headers_are_none(store: CountedTokens) -> None:
    token, record = made()
    await store.add(record)

    with pytest.raises(Unauthorized):
        await asked(store, "read", f"Bearer {token}", "Bearer other")


@pytest.mark.parametrize("granted", SCOPES)
@pytest.mark.parametrize("wanted", SCOPES)
async def test_a_scope_allows_itself_and_reading(store: CountedTokens, granted: Any, wanted: Any) -> None:
    token, record = made(granted)
    await store.add(record)

    if granted in (wanted, "admin") or wanted == "read":
        await asked(store, wanted, token)
    else:
        with pytest.raises(Forbidden):
            await asked(store, wanted, token)


async def test_switched_off_everybody_is_anyone(store: CountedTokens) -> None:
    scope = await asked(store, "admin", auth="off")

    assert scope[CALLER] == ANYONE
    assert store.asked == 0


class WeaklyKnown(dict[str, Any]):
    """A scope that can be referred to without being kept."""


async def test_a_request_is_freed_at_its_end_and_not_by_the_collector(store: CountedTokens) -> None:
    token, record = made()
    await store.add(record)
    scope = WeaklyKnown(headers=[(b"authorization", token.encode())])
    known = weakref.ref(scope)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await authorise(scope, "read")

    gc.disable()
    try:
        await WithCaller(application, store, SystemClock(), auth="token")(scope, None, None)  # type: ignore[arg-type]
        del scope
        assert known() is None
    finally:
        gc.enable()
