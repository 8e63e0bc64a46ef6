"""What a route is here, what it answers with, and the application made of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.responses import Response

from headrace.dialects.akoflow.routes.refusals import Refusal, refusal_of
from headrace.http.doorway import Doorway, Operation, caller_of
from headrace.orchestrator.services import Services

__all__ = ["Operation", "application_of", "caller_of", "data_answer", "json_answer"]


def json_answer(
    value: Any, services: Services, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON response with every secret in use masked."""
    content = services.secrets_in_use.redactor.octets(msgspec.json.encode(value))
    return Response(content, status, headers, "application/json")


def data_answer(value: Any, services: Services, **more: Any) -> Response:
    """Return the answer of a successful read: the data and when it was looked at."""
    return json_answer({"data": value, "timestamp": int(services.clock.now()), **more}, services)


def application_of(operations: Iterable[Operation], services: Services) -> FastAPI:
    """Return the application; among routes that match one path the first counts."""
    doorway = Doorway(
        title="Headrace: AkoFlow",
        refusal=Refusal,
        refusal_of=refusal_of,
        describe=_described,
        secrets_in_use=services.secrets_in_use,
    )
    return doorway.application(operations)


def _described(operation: Operation) -> dict[str, Any]:
    words = re.sub(r"[^a-z]+", "_", operation.path.lower()).strip("_")
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)(?::\w+)?\}", operation.path)
    ]
    return {
        "operation_id": f"akoflow_{operation.method.lower()}_{words}",
        "responses": {operation.status: {"description": "Done."}},
        "openapi_extra": {"parameters": parameters},
    }
