"""Limits how many requests one token may send (setting `dataflow.rate_limit`, off unless it is given)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from headrace.dialects.dataflow.routes.refusals import Refusal
from headrace.settings.quantities import Rate

_MOST_KEPT = 10_000
"""Tokens whose allowance is remembered; the one that was silent the longest is forgotten first."""


class Rates:
    """A bucket for each token: it holds as many requests as the limit allows at once, and fills steadily."""

    def __init__(self, limit: Rate | None) -> None:
        self._limit = limit
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()
        """Token to what its bucket held, and when."""

    def spend(self, token: int) -> None:
        """Take one request out of the bucket; raises Refusal 429 when it is empty."""
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
            wait = math.ceil((1 - held) / per_second)
            seconds = f"{self._limit.period.total_seconds():g}"
            message = f"This token may send {self._limit.requests} requests in {seconds} s; wait {wait} s."
            raise Refusal(429, "rate_limited", message, headers={"retry-after": str(wait)})
