"""Routes of the delivery log of webhooks, and of sending one again."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.lookup import row_of
from headrace.dialects.akoflow.routes.operations import Operation, data_answer, json_answer
from headrace.dialects.akoflow.routes.refusals import Refusal
from headrace.dialects.akoflow.routes.workflows import PATH
from headrace.dialects.akoflow.spelling import instant
from headrace.http import cursors
from headrace.orchestrator.services import Services
from headrace.security.redaction import without_query
from headrace.store.rows import DeliveryEntry, ExecutionRow

_STATES = {"not_configured": "failed"}
"""States that this dialect has no word for."""


class DeliveryRoutes:
    """What was told to others."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        path = f"{PATH}/{{id}}/webhooks"
        return [
            Operation("GET", path, "read", self.list_deliveries),
            Operation("POST", f"{path}/{{delivery}}/redeliver", "run", self.redeliver, 202),
        ]

    async def list_deliveries(self, request: Request) -> Response:
        """Return the delivery log of a workflow."""
        limit = requests.whole_number(request, "limit", 50, 1, 500)
        row = await row_of(request, self._services)
        names = await self._names(row)
        deliveries = self._services.store.deliveries
        page = await deliveries.log(
            row.number, limit=limit, cursor=cursors.opened(request, request.query_params.get("cursor"))
        )
        bodies = await deliveries.bodies([each.number for each in page.rows])
        shown = [_delivery(each, bodies.get(each.number), names) for each in page.rows]
        return data_answer(shown, self._services, next=cursors.sealed(request, page.cursor))

    async def redeliver(self, request: Request) -> Response:
        """Send one delivery again."""
        services = self._services
        number = requests.id_of(request, "delivery")
        row = await row_of(request, services)
        if not await self._has(row, number):
            raise Refusal(404, "not_found", f"Workflow {row.number} has no delivery {number}.")
        again = await services.redeliver(number)
        shown = _delivery(again, again.body, await self._names(row))
        return json_answer({"data": shown, "timestamp": int(services.clock.now())}, services, 202)

    async def _has(self, row: ExecutionRow, number: int) -> bool:
        cursor: str | None = None
        while True:
            page = await self._services.store.deliveries.log(row.number, cursor=cursor)
            if any(each.number == number for each in page.rows):
                return True
            if (cursor := page.cursor) is None:
                return False

    async def _names(self, row: ExecutionRow) -> dict[str, str]:
        definition = await self._services.workflows.definition(row.workflow, row.version)
        return {hook["url"]: hook["name"] for hook in definition.annotations.get("webhooks", ())}


def _delivery(found: DeliveryEntry, body: bytes | None, names: dict[str, str]) -> dict[str, Any]:
    data = msgspec.json.decode(body)["data"] if body is not None else {}
    return {
        "id": found.number,
        "webhook": names.get(found.url, ""),
        "url": without_query(found.url),
        "type": found.event,
        "activityId": data.get("Id"),
        "state": _STATES.get(found.state, found.state),
        "attempts": [
            {
                "at": instant(each.at),
                "status": each.status_code,
                "durationMs": each.duration_ms,
                "error": each.error,
                "response": each.response,
            }
            for each in found.attempts
        ],
        "nextAttemptAt": instant(found.next_try_at),
    }
