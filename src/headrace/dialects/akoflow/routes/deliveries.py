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
from headrace.orchestrator.services import Services
from headrace.security.redaction import without_query
from headrace.store.rows import Delivery, ExecutionRow

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
        after = requests.whole_number(request, "cursor", 0, 0, 2**31 - 1)
        row = await row_of(request, self._services)
        names = await self._names(row)
        found = await self._services.store.deliveries.of_execution(row.number)
        shown = [_delivery(each, names) for each in found[after : after + limit]]
        following = str(after + limit) if len(found) > after + limit else None
        return data_answer(shown, self._services, next=following)

    async def redeliver(self, request: Request) -> Response:
        """Send one delivery again."""
        services = self._services
        number = requests.id_of(request, "delivery")
        row = await row_of(request, services)
        found = await services.store.deliveries.of_execution(row.number)
        if not any(each.number == number for each in found):
            raise Refusal(404, "not_found", f"Workflow {row.number} has no delivery {number}.")
        again = await services.redeliver(number)
        answer = {"data": _delivery(again, await self._names(row)), "timestamp": int(services.clock.now())}
        return json_answer(answer, services, 202)

    async def _names(self, row: ExecutionRow) -> dict[str, str]:
        definition = await self._services.workflows.definition(row.workflow, row.version)
        return {hook["url"]: hook["name"] for hook in definition.annotations.get("webhooks", ())}


def _delivery(found: Delivery, names: dict[str, str]) -> dict[str, Any]:
    data = msgspec.json.decode(found.body)["data"]
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
