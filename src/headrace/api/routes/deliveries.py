"""The delivery log of webhooks: what was told to whom, try by try, and telling it again."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers
from headrace.api.lists import Cursor, Limit
from headrace.api.operations import Operation, json_answer
from headrace.api.requests import key_of
from headrace.api.values import moment, moment_of
from headrace.http import cursors
from headrace.orchestrator.services import Services
from headrace.security.redaction import without_query
from headrace.store.rows import DeliveryEntry


class DeliveryRoutes:
    """Deliveries of executions, whatever dialect announces them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        return [
            Operation(
                method="GET",
                path="/v1/executions/{key}/deliveries",
                endpoint=self.all,
                scope="read",
                answer=answers.Listed[answers.DeliveryShown],
            ),
            Operation(
                method="POST",
                path="/v1/deliveries/{number}/redeliver",
                endpoint=self.redeliver,
                scope="run",
                answer=answers.DeliveryShown,
                status=202,
            ),
        ]

    async def all(self, request: Request, key: str, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """List the deliveries of an execution, oldest first."""
        row = await self._services.executions.get(key_of(key, "execution"))
        page = await self._services.store.deliveries.log(
            row.number, limit=limit, cursor=cursors.opened(request, cursor)
        )
        return json_answer(
            answers.Listed([_shown(each) for each in page.rows], cursors.sealed(request, page.cursor))
        )

    async def redeliver(self, number: Annotated[int, Path(ge=0, le=2**63 - 1)]) -> Response:
        """Tell something again, whatever became of it."""
        return json_answer(_shown(await self._services.redeliver(number)), 202)


def _shown(row: DeliveryEntry) -> answers.DeliveryShown:
    return answers.DeliveryShown(
        number=row.number,
        execution=row.execution,
        sequence=row.sequence,
        event=row.event,
        url=without_query(row.url),
        state=row.state,
        created_at=moment_of(row.created_at),
        next_try_at=moment(row.next_try_at),
        tries=tuple(
            answers.DeliveryTry(
                at=moment_of(each.at),
                status_code=each.status_code,
                error=each.error,
                duration_ms=each.duration_ms,
                response=each.response,
            )
            for each in row.attempts
        ),
    )
