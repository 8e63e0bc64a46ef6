"""Who sends a request: what every door asks before it does anything, with the same answer at each.

The server puts a question into the scope of each request; asking it costs nothing where nobody asks.
This file knows no wire form of a refusal: each door tells `Unauthorized` and `Forbidden` in its own words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from headrace.security.tokens import Scope, TokenRecord, require

IDENTIFY = "headrace.identify"
"""Key of the question in the ASGI scope of a request."""

CALLER = "headrace.caller"
"""Key under which the answer stands for the access log, once somebody asked."""

Identify = Callable[[], Awaitable[TokenRecord]]
"""Returns the record of the presented token; raises `Unauthorized`, or `StoreError`."""


async def authorise(scope: Mapping[str, Any], wanted: Scope) -> TokenRecord:
    """Return who sends the request of this ASGI scope, when that token allows what is wanted.

    To be called before the body is read; raises `Unauthorized`, `Forbidden` or `StoreError`.
    """
    identify: Identify = scope[IDENTIFY]
    caller = await identify()
    require(caller, wanted)
    return caller
