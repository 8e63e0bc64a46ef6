"""What a route is: its path, who may use it, what answers it; and the application made of all of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal as OneOf

import msgspec
import structlog
from fastapi import FastAPI
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from headrace.dialects.akoflow.routes.refusals import MEDIA_TYPE, Refusal, refusal_of
from headrace.errors import HeadraceError
from headrace.orchestrator.services import Services
from headrace.security.callers import CALLER, authorise
from headrace.security.tokens import Scope, TokenRecord

log = structlog.get_logger(__name__)

SCOPE = "x-headrace-scope"
"""Name of the scope in the OpenAPI document."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(Struct, frozen=True):
    """One method of one path."""

    method: OneOf["GET", "POST", "DELETE"]
    path: str
    scope: Scope | OneOf["public"]
    """What the token must allow; `public` asks for none."""
    endpoint: Endpoint
    """Its docstring is the summary."""
    status: int = 200
    """Of a success."""


def caller_of(request: Request) -> TokenRecord:
    """Return who asks; every endpoint but the public ones runs after that question was answered."""
    caller: TokenRecord = request.scope[CALLER]
    return caller


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
    app = FastAPI(
        title="Headrace: AkoFlow", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    for operation in operations:
        app.add_api_route(
            operation.path,
            _guarded(operation),
            methods=[operation.method],
            status_code=operation.status,
            summary=(operation.endpoint.__doc__ or "").strip().rstrip("."),
            operation_id=_operation_id(operation),
            response_model=None,
            responses={operation.status: {"description": "Done."}},
            openapi_extra={SCOPE: operation.scope, "parameters": _parameters(operation.path)},
        )

    async def refuse(_: Request, error: Exception) -> Response:
        return _answer(error, services)

    async def unrouted(request: Request, error: Exception) -> Response:
        return await _unrouted(app, request, error, services)

    app.add_exception_handler(Refusal, refuse)
    app.add_exception_handler(HeadraceError, refuse)
    app.add_exception_handler(HTTPException, unrouted)
    app.add_exception_handler(Exception, refuse)
    return app


def _guarded(operation: Operation) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if operation.scope != "public":
            await authorise(request.scope, operation.scope)
        return await operation.endpoint(request)

    return guarded


def _operation_id(operation: Operation) -> str:
    words = re.sub(r"[^a-z]+", "_", operation.path.lower()).strip("_")
    return f"akoflow_{operation.method.lower()}_{words}"


def _parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)(?::\w+)?\}", path)
    ]


def _answer(error: Exception, services: Services) -> Response:
    match error:
        case Refusal():
            refusal = error
        case HeadraceError():
            refusal = refusal_of(error)
        case _:
            log.error("request_broke", error=repr(error))
            refusal = Refusal(500, "internal", "Something went wrong inside the server.")
    content = services.secrets_in_use.redactor.octets(msgspec.json.encode(refusal.body()))
    return Response(content, refusal.status, refusal.headers, MEDIA_TYPE)


async def _unrouted(app: FastAPI, request: Request, error: Exception, services: Services) -> Response:
    """Answer a path or a method that no route has; who has no token learns nothing of either."""
    try:
        await authorise(request.scope, "read")
    except HeadraceError as refused:
        return _answer(refused, services)
    methods = sorted(
        {
            method
            for route in app.routes
            if route.matches({**request.scope, "type": "http"})[0] is not Match.NONE
            for method in getattr(route, "methods", None) or ()
        }
    )
    if methods:
        message = f"{request.method} is not known here; known are {', '.join(methods)}."
        refusal = Refusal(405, "method_not_allowed", message, headers={"allow": ", ".join(methods)})
    elif isinstance(error, HTTPException) and error.status_code != 404:
        refusal = Refusal(error.status_code, "bad_request", str(error.detail))
    else:
        refusal = Refusal(404, "not_found", f"There is nothing at {request.url.path[:200]}.")
    return _answer(refusal, services)
