"""What a route is: its path, who may use it, what answers it; and the application made of all of them."""

from __future__ import annotations

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

from headrace.dialects.dataflow.routes import described
from headrace.dialects.dataflow.routes.rates import Rates
from headrace.dialects.dataflow.routes.refusals import Refusal, refusal_of
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

    method: OneOf["GET", "POST", "PUT", "DELETE"]
    path: str
    scope: Scope
    """What the token must allow."""
    endpoint: Endpoint
    """Its docstring is the summary."""
    status: int = 200
    """Of a success."""


def caller_of(request: Request) -> TokenRecord:
    """Return who asks; every endpoint runs after that question was answered."""
    caller: TokenRecord = request.scope[CALLER]
    return caller


def json_answer(
    value: Any, services: Services, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON response with every secret in use masked."""
    content = services.secrets_in_use.redactor.octets(msgspec.json.encode(value))
    return Response(content, status, headers, "application/json")


def application_of(operations: Iterable[Operation], services: Services) -> FastAPI:
    """Return the application; among routes that match one path the first counts."""
    app = FastAPI(
        title="Headrace: Data Flow Platform",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    rates = Rates(services.settings.dataflow.rate_limit)
    for operation in operations:
        name = operation.endpoint.__name__
        app.add_api_route(
            operation.path,
            _guarded(operation, rates),
            methods=[operation.method],
            status_code=operation.status,
            summary=(operation.endpoint.__doc__ or "").strip().rstrip("."),
            operation_id=f"dataflow_{name}",
            response_model=None,
            response_class=Response,
            responses=described.gives(name, operation.status),
            openapi_extra={SCOPE: operation.scope, **described.takes(name, operation.path)},
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


def _guarded(operation: Operation, rates: Rates) -> Endpoint:
    async def guarded(request: Request) -> Response:
        caller = await authorise(request.scope, operation.scope)
        rates.spend(caller.number)
        return await operation.endpoint(request)

    return guarded


def _answer(error: Exception, services: Services) -> Response:
    match error:
        case Refusal():
            refusal = error
        case HeadraceError():
            refusal = refusal_of(error)
        case _:
            log.error("request_broke", error=repr(error))
            refusal = Refusal(500, "internal", "Something went wrong inside the server.")
    return json_answer(refusal.body(), services, refusal.status, refusal.headers)


async def _unrouted(app: FastAPI, request: Request, error: Exception, services: Services) -> Response:
    """Answer a path or a method that no route has; who has no token learns nothing of either."""
    try:
        await authorise(request.scope, "read")
    except HeadraceError as refused:
        return _answer(refused, services)
    methods = sorted(
        method
        for route in app.routes
        if route.matches({**request.scope, "type": "http"})[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    )
    if isinstance(error, HTTPException) and error.status_code not in {404, 405}:
        refusal = Refusal(error.status_code, "bad_request", str(error.detail))
    elif methods:
        message = f"{request.method} is not known here; known are {', '.join(methods)}."
        refusal = Refusal(405, "method_not_allowed", message, headers={"allow": ", ".join(methods)})
    else:
        refusal = Refusal(404, "not_found", f"There is nothing at {request.url.path[:200]}.")
    return _answer(refusal, services)
