from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import Forbidden
from headrace.http.rates import RATES, RateLimited, Rates, admitted
from headrace.security.callers import IDENTIFY
from headrace.security.tokens import TokenRecord
from headrace.settings.quantities import Rate

HOURLY = Rate(2, timedelta(hours=1))


def request(rates: Rates, token: int = 1) -> dict[str, Any]:
    async def identify() -> TokenRecord:
        return TokenRecord(number=token, name="me", hash="", scopes=frozenset({"read"}), created_at=0.0)

    return {IDENTIFY: identify, RATES: rates}


async def test_a_request_counts_once_however_many_doors_it_passes() -> None:
    rates = Rates(HOURLY)

    for _ in range(2):
        scope = request(rates)
        await admitted(scope, "read")
        await admitted({**scope}, "read")

    with pytest.raises(RateLimited):
        await admitted(request(rates), "read")


async def test_a_door_that_refuses_leaves_the_next_one_to_refuse_too() -> None:
    rates = Rates(Rate(1, timedelta(hours=1)))
    await admitted(request(rates), "read")
    scope = request(rates)

    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            await admitted(scope, "read")

    assert 3590 < int(refused.value.headers()["retry-after"]) <= 3600
    assert refused.value.message.startswith("This token may send 1 requests in 3600 s; wait 3")


async def test_every_token_has_a_rate_of_its_own_and_what_is_not_allowed_takes_nothing() -> None:
    rates = Rates(HOURLY)
    for _ in range(3):
        with pytest.raises(Forbidden):
            await admitted(request(rates), "write")

    callers = [await admitted(request(rates, token), "read") for token in (1, 2, 1, 2)]

    assert [caller.number for caller in callers] == [1, 2, 1, 2]
    with pytest.raises(RateLimited):
        await admitted(request(rates), "read")


async def test_without_a_limit_nothing_is_counted() -> None:
    rates = Rates(None)

    callers = [await admitted(request(rates), "read") for _ in range(100)]

    assert [caller.number for caller in callers] == [1] * 100
