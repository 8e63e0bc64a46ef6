"""The server itself: health, readiness, metrics, statistics, and the description of this API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from headrace.api import answers
from headrace.api.metrics import MEDIA_TYPE, Metrics
from headrace.api.operations import Operation, json_answer
from headrace.dialects.protocol import Application
from headrace.errors import NotFound
from headrace.orchestrator.services import Services


class ServerRoutes:
    """How the server is, and what it offers."""

    def __init__(
        self,
        services: Services,
        metrics: Metrics,
        description: Callable[[], dict[str, Any]],
        of_dialects: Mapping[str, Application],
    ) -> None:
        self._services = services
        self._metrics = metrics
        self._description = description
        self._of_dialects = of_dialects

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        health = answers.Health
        return [
            Operation(method="GET", path="/healthz", endpoint=self.health, scope="public", answer=health),
            Operation(method="GET", path="/readyz", endpoint=self.ready, scope="public", answer=health),
            Operation(
                method="GET", path="/metrics", endpoint=self.metrics, scope="read", media_type="text/plain"
            ),
            Operation(method="GET", path="/v1/openapi.json", endpoint=self.openapi, scope="read"),
            Operation(
                method="GET",
                path="/v1/dialects/{name}/openapi.json",
                endpoint=self.openapi_of_dialect,
                scope="read",
            ),
            Operation(
                method="GET",
                path="/v1/statistics",
                endpoint=self.statistics,
                scope="read",
                answer=answers.Statistics,
            ),
        ]

    async def health(self) -> Response:
        """Tell that the server runs."""
        return json_answer(answers.Health("ok"))

    async def ready(self) -> Response:
        """Tell whether the store answers."""
        await self._services.store.ping()
        return json_answer(answers.Health("ok"))

    async def metrics(self) -> Response:
        """Show the numbers of this server to Prometheus."""
        counts = await self._services.store.executions.counts()
        return Response(self._metrics.exposition(counts), media_type=MEDIA_TYPE)

    async def openapi(self) -> Response:
        """Describe this API (OpenAPI 3.1)."""
        return json_answer(self._description())

    async def openapi_of_dialect(self, name: str) -> Response:
        """Describe the doors of a dialect (OpenAPI 3.1)."""
        application = self._of_dialects.get(name)
        if not isinstance(application, FastAPI):
            known = ", ".join(self._of_dialects)
            raise NotFound(f"No dialect '{name[:40]}' is described here; there are {known}.")
        return json_answer(application.openapi())

    async def statistics(self) -> Response:
        """Tell how much there is."""
        shown = answers.Statistics(
            executions=await self._services.store.executions.counts(),
            task_types=len(self._services.library.specs()),
            runtimes=len(self._services.runtimes),
        )
        return json_answer(shown)
