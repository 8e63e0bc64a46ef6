"""What a route is here, what it answers with, and the application made of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.responses import Response

from headrace.dialects.dataflow.routes import described
from headrace.dialects.dataflow.routes.refusals import Refusal, refusal_of
from headrace.http.doorway import Doorway, Operation, caller_of
from headrace.orchestrator.services import Services

__all__ = ["Operation", "application_of", "caller_of", "json_answer"]


def json_answer(
    value: Any, services: Services, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON response with every secret in use masked."""
    content = services.secrets_in_use.redactor.octets(msgspec.json.encode(value))
    return Response(content, status, headers, "application/json")


def application_of(operations: Iterable[Operation], services: Services) -> FastAPI:
    """Return the application; among routes that match one path the first counts."""
    doorway = Doorway(
        title="Headrace: Data Flow Platform",
        refusal=Refusal,
        refusal_of=refusal_of,
        describe=described.route,
        secrets_in_use=services.secrets_in_use,
    )
    return doorway.application(operations)
