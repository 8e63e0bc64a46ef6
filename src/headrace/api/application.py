"""The whole ASGI application: access log, gate, caller, table of doors, and what is behind each door."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headrace.api.access_log import AccessLog
from headrace.api.authentication import CachedTokens, WithCaller
from headrace.api.doors import Doors
from headrace.api.metrics import Metrics
from headrace.api.native import Native
from headrace.api.origins import Gate
from headrace.api.refusals import Refusals
from headrace.api.shared_door import PATH, SharedDoor
from headrace.dialects import protocol
from headrace.dialects.protocol import Dialect, Receive, Scope, Send
from headrace.http.streaming import STREAMS, Streams
from headrace.orchestrator.services import Services


class Application:
    """What a web server calls, and what it must close before it stops."""

    def __init__(
        self, services: Services, dialects: Mapping[str, Dialect], metrics: Metrics | None = None
    ) -> None:
        services = msgspec.structs.replace(services, tokens=CachedTokens(services.tokens))
        self.services = services
        """The services as the doors have them."""
        self.streams = Streams()
        """To be closed when the server stops, else it waits for every client that follows something."""
        self.metrics = metrics or Metrics()
        """To be told of commits, and of numbers to show."""
        applications = {name: dialect.application(services) for name, dialect in dialects.items()}
        self.native = Native(services, dialects, self.streams, self.metrics, applications)
        doors = Doors(table_of(services, dialects, applications), self.native.application)
        settings = services.settings
        refusals = Refusals(dialects.values())
        rate_limit = settings.rate_limit or settings.dataflow.rate_limit
        known = WithCaller(doors, services.tokens, services.clock, auth=settings.auth, rate_limit=rate_limit)
        self._entrance: protocol.Application = AccessLog(Gate(known, settings, refusals), refusals)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        assert scope["type"] == "http", "the server speaks HTTP only and has no lifespan"
        scope[STREAMS] = self.streams
        await self._entrance(scope, receive, send)


def application(
    services: Services, dialects: Mapping[str, Dialect], metrics: Metrics | None = None
) -> Application:
    """Return the ASGI application of a server."""
    return Application(services, dialects, metrics)


def table_of(
    services: Services, dialects: Mapping[str, Dialect], applications: Mapping[str, protocol.Application]
) -> dict[str, protocol.Application]:
    """Return the table of doors: prefix to application."""
    table: dict[str, protocol.Application] = {}
    for name, dialect in dialects.items():
        table |= dict.fromkeys(dialect.prefixes, applications[name])
    if {"dataflow", "akoflow"} <= applications.keys():
        limit = max(dialects[name].max_body(services.settings) for name in ("dataflow", "akoflow"))
        table[PATH] = SharedDoor(applications["dataflow"], applications["akoflow"], max_body=limit)
    return table
