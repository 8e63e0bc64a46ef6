"""Limits how many requests one token may send, whatever doors it sends them to (setting `rate_limit`)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any

from headrace.errors import RequestError
from headrace.security.callers import authorise
from headrace.security.tokens import Scope, TokenRecord
from headrace.settings.quantities import Rate

RATES = "headrace.rates"
"""Key of the server's one `Rates` in the ASGI scope of a request that is not counted yet."""

_MOST_KEPT = 10_000
"""Tokens whose allowance is remembered; the one that was silent the longest is forgotten first."""


class RateLimited(RequestError):
    """The token has sent as many requests as it may for now."""

    code = "rate_limited"
    status = 429

    def __init__(self, limit: Rate, wait: int) -> None:
        """Take the limit and the seconds after which there is room for one more request."""
        seconds = f"{limit.period.total_seconds():g}"
        super().__init__(f"This token may send {limit.requests} requests in {seconds} s; wait {wait} s.")
        self.wait = wait

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        return {"retry-after": str(self.wait)}


class Rates:
    """A bucket for each token: it holds as many requests as the limit allows at once, and fills steadily."""

    def __init__(self, limit: Rate | None) -> None:
        """Take the limit; None is none."""
        self._limit = limit
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()
        """Token to what its bucket held, and when."""

    def spend(self, token: int) -> None:
        """Take one request out of the bucket; raises `RateLimited` when it is empty."""
        if self._limit is None:
            return
        now = time.monotonic()
        per_second = self._limit.requests / self._limit.period.total_seconds()
        held, at = self._buckets.pop(token, (float(self._limit.requests), now))
        held = min(float(self._limit.requests), held + (now - at) * per_second)
        self._buckets[token] = (held - 1 if held >= 1 else held, now)
        if len(self._buckets) > _MOST_KEPT:
            self._buckets.popitem(last=False)
        if held < 1:
            raise RateLimited(self._limit, math.ceil((1 - held) / per_second))


async def admitted(scope: MutableMapping[str, Any], wanted: Scope) -> TokenRecord:
    """Return who sends the request of this ASGI scope, as `authorise` does, and count it.

    A request that passes two doors is counted by the first.
    Raises what `authorise` raises, and `RateLimited`.
    """
    caller = await authorise(scope, wanted)
    rates: Rates | None = scope.get(RATES)
    if rates is not None:
        rates.spend(caller.number)
        del scope[RATES]
    return caller
