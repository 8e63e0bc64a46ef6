"""Secrets: put one in, list the names, delete one.  No route ever answers with a value."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from headrace.api import answers, bodies
from headrace.api.operations import Operation, json_answer
from headrace.api.values import moment_of
from headrace.orchestrator.services import Services
from headrace.security.secrets import GLOBAL, SecretRecord

Owner = Annotated[
    str, Query(alias="scope", max_length=253, description="Whose secret it is; empty is everybody's.")
]


class SecretRoutes:
    """Named values that workflows refer to."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        one = "/v1/secrets/{name:path}"
        listed = answers.Listed[answers.SecretShown]
        shown = answers.SecretShown
        return [
            Operation(method="GET", path="/v1/secrets", endpoint=self.all, scope="secrets", answer=listed),
            Operation(method="PUT", path=one, endpoint=self.put, scope="secrets", answer=shown),
            Operation(method="DELETE", path=one, endpoint=self.delete, scope="secrets", status=204),
        ]

    async def put(self, name: str, body: bodies.SecretBody, owner: Owner = GLOBAL) -> Response:
        """Keep a secret, in place of the one of this name."""
        record = await self._services.vault.keep(owner, name, body.value, self._services.clock.now())
        return json_answer(_shown(record))

    async def all(
        self, owner: Annotated[str | None, Query(alias="scope", max_length=253)] = None
    ) -> Response:
        """List the secrets, without their values."""
        records = await self._services.vault.list(owner)
        return json_answer(answers.Listed([_shown(record) for record in records], None))

    async def delete(self, name: str, owner: Owner = GLOBAL) -> Response:
        """Forget a secret."""
        await self._services.vault.forget(owner, name)
        return Response(status_code=204)


def _shown(record: SecretRecord) -> answers.SecretShown:
    return answers.SecretShown(
        name=record.name,
        scope=record.scope,
        created_at=moment_of(record.created_at),
        updated_at=moment_of(record.updated_at),
    )
