"""The guard of the gate: requests that a browser may have been tricked into sending end here.

The judgement itself is `headrace.security.origin`; this file knows which header it is asked about.
"""

from __future__ import annotations

from headrace.api.refusals import Refusals
from headrace.dialects.protocol import Application, Receive, Scope, Send
from headrace.security.origin import Rules, Verdict, judge
from headrace.settings import Settings

HEALTH = frozenset({"/healthz", "/readyz", "/health", "/health/live", "/health/ready"})
"""Answered under any name: a load balancer asks for them by whatever address it has."""

_TOLD = {
    Verdict.MISDIRECTED: (
        "misdirected",
        "This server is not known by that Host; name it in 'allowed_hosts' if it should be.",
    ),
    Verdict.FORBIDDEN: (
        "origin_not_allowed",
        "Pages of that Origin may not call this server; name it in 'allowed_origins' if they should.",
    ),
}


class Gate:
    """Lets through what was sent to us, by ourselves or by no page at all."""

    def __init__(self, application: Application, settings: Settings, refusals: Refusals) -> None:
        self._application = application
        self._refusals = refusals
        self._rules = Rules(
            public_url=settings.public_url,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["path"] not in HEALTH:
            verdict = judge(_only(scope, b"host"), _only(scope, b"origin"), self._rules)
            if verdict is not Verdict.OK:
                await self._refusals.send(scope, send, int(verdict), *_TOLD[verdict])
                return
        await self._application(scope, receive, send)


def _only(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header; one that is sent twice is no name of ours."""
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return values[0] if len(values) == 1 else "".join(values) + " " if values else None
