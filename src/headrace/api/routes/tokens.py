"""Tokens: make one, list them, take one back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from headrace.api import answers, bodies
from headrace.api.operations import Operation, json_answer
from headrace.api.values import moment, moment_of
from headrace.errors import NotFound
from headrace.orchestrator.services import Services
from headrace.security.tokens import TokenRecord, issue


class TokenRoutes:
    """Who may use this server."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        listed = answers.Listed[answers.TokenShown]
        return [
            Operation(
                method="POST",
                path="/v1/tokens",
                endpoint=self.create,
                scope="admin",
                answer=answers.TokenIssued,
                status=201,
            ),
            Operation(method="GET", path="/v1/tokens", endpoint=self.all, scope="admin", answer=listed),
            Operation(
                method="DELETE", path="/v1/tokens/{number}", endpoint=self.revoke, scope="admin", status=204
            ),
        ]

    async def create(self, body: bodies.TokenBody) -> Response:
        """Make a token; it is shown this once."""
        services = self._services
        token, record = issue(
            number=services.store.numbers.take(),
            name=body.name,
            scopes=body.scopes,
            now=services.clock.now(),
            lifetime=None if body.expires_in is None else timedelta(seconds=body.expires_in),
        )
        await services.tokens.add(record)
        headers = {"location": f"/v1/tokens/{record.number}", "cache-control": "no-store"}
        return json_answer(answers.TokenIssued(**_fields(record), token=token), 201, headers)

    async def all(self) -> Response:
        """List all tokens, without the tokens."""
        records = await self._services.tokens.list()
        return json_answer(answers.Listed([answers.TokenShown(**_fields(each)) for each in records], None))

    async def revoke(self, number: str) -> Response:
        """Revoke a token for ever."""
        found = number.isdecimal() and len(number) < 19 and await self._services.tokens.revoke(int(number))
        if not found:
            raise NotFound(f"There is no token '{number[:40]}'.")
        return Response(status_code=204)


def _fields(record: TokenRecord) -> dict[str, Any]:
    return {
        "number": record.number,
        "name": record.name,
        "scopes": sorted(record.scopes),
        "created_at": moment_of(record.created_at),
        "expires_at": moment(record.expires_at),
        "revoked": record.revoked,
    }
