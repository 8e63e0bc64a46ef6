"""Routes about the server: whether it is there, and what it can run on."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace import __version__
from headrace.dialects.akoflow.judging import taking_commands
from headrace.dialects.akoflow.routes.operations import Operation, data_answer
from headrace.orchestrator.services import Services
from headrace.runtimes.protocol import Capabilities


class ServerRoutes:
    """The server itself."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [
            Operation("GET", "/akoflow-server/check-service", "public", self.check),
            Operation("POST", "/akoflow-server/check-service", "public", self.check),
            Operation("GET", "/akoflow-api/runtimes", "read", self.list_runtimes),
        ]

    async def check(self, _: Request) -> Response:
        """Say that the server is there."""
        return Response("ok", media_type="text/plain")

    async def list_runtimes(self, _: Request) -> Response:
        """List the runtimes that workflows may name."""
        found = taking_commands(self._services.runtimes)
        shown = [self._runtime(name, can) for name, can in found.items()]
        return data_answer(shown, self._services, next=None)

    def _runtime(self, name: str, found: Capabilities) -> dict[str, Any]:
        abilities = {"images": found.images, "volumes": found.volumes, "binds": found.binds}
        able = [word for word, is_so in abilities.items() if is_so]
        metadata: dict[str, Any] = {"version": __version__, "capabilities": [*found.limits, *able]}
        if name == "local":
            local = self._services.settings.local
            metadata |= {"cpus": local.cpus, "memory": local.memory}
        return {
            "name": name,
            "status": 1,
            "metadata": metadata,
            "createdAt": "",
            "updatedAt": "",
            "deletedAt": "",
            "kind": name,
            "reason": "",
        }
