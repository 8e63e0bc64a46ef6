"""A dialect's doors as one application: its routes, who may use each, and refusals in its own words."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from itertools import takewhile
from typing import Any, Literal as OneOf

import structlog
from fastapi import FastAPI
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, compile_path

from headrace import __version__
from headrace.errors import HeadraceError
from headrace.http import refusals
from headrace.http.rates import admitted
from headrace.http.refusals import Refusal
from headrace.security.callers import CALLER
from headrace.security.redaction import SecretsInUse
from headrace.security.tokens import Scope, TokenRecord

log = structlog.get_logger(__name__)

SCOPE = "x-headrace-scope"
"""Name of the scope in the OpenAPI document."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(Struct, frozen=True):
    """One method of one path."""

    method: OneOf["GET", "POST", "PUT", "DELETE"]
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


class _Application(FastAPI):
    """An application whose description tells who may use each route."""

    def openapi(self) -> dict[str, Any]:
        described = super().openapi()
        components = described.setdefault("components", {})
        if "securitySchemes" not in components:
            components["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of this server."}
            }
            for methods in described["paths"].values():
                for operation in methods.values():
                    operation["security"] = [] if operation[SCOPE] == "public" else [{"token": []}]
        return described


class Doorway(Struct, frozen=True, kw_only=True):
    """What makes the application of a dialect."""

    title: str
    refusal: type[Refusal]
    refusal_of: Callable[[HeadraceError], Refusal]
    """Tells an error of another room in the dialect's words."""
    describe: Callable[[Operation], dict[str, Any]]
    """What the OpenAPI document says of a route: `operation_id`, `responses`, `openapi_extra`."""
    secrets_in_use: SecretsInUse

    def application(self, operations: Iterable[Operation]) -> FastAPI:
        """Return the application; among routes that match one path the first counts."""
        app = _Application(
            title=self.title,
            version=__version__,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
        )
        table = list(operations)
        for operation in table:
            described = self.describe(operation)
            described["openapi_extra"] = {SCOPE: operation.scope, **described["openapi_extra"]}
            app.add_api_route(
                operation.path,
                self._guarded(operation, _earlier(operation, table)),
                methods=[operation.method],
                status_code=operation.status,
                summary=(operation.endpoint.__doc__ or "").strip().rstrip("."),
                response_model=None,
                response_class=Response,
                **described,
            )

        async def refuse(_: Request, error: Exception) -> Response:
            return self._answer(error)

        async def unrouted(request: Request, error: Exception) -> Response:
            return await self._unrouted(app, request, error)

        app.add_exception_handler(Refusal, refuse)
        app.add_exception_handler(HeadraceError, refuse)
        app.add_exception_handler(HTTPException, unrouted)
        app.add_exception_handler(Exception, refuse)
        return app

    def _guarded(self, operation: Operation, earlier: list[re.Pattern[str]]) -> Endpoint:
        async def guarded(request: Request) -> Response:
            if any(path.match(request.scope["path"]) for path in earlier):
                raise HTTPException(405)
            if operation.scope != "public":
                await admitted(request.scope, operation.scope)
            return await operation.endpoint(request)

        return guarded

    def _answer(self, error: Exception) -> Response:
        match error:
            case Refusal():
                refusal = error
            case HeadraceError():
                refusal = self.refusal_of(error)
            case _:
                log.error("request_broke", error=repr(error))
                refusal = refusals.broken(self.refusal)
        return refusal.answer(self.secrets_in_use.redactor)

    async def _unrouted(self, app: FastAPI, request: Request, error: Exception) -> Response:
        """Answer a path or a method that no route has; who has no token learns nothing of either."""
        try:
            await admitted(request.scope, "read")
        except HeadraceError as refused:
            return self._answer(refused)
        methods = _methods_at(app, request)
        if isinstance(error, HTTPException) and error.status_code not in {404, 405}:
            return self._answer(self.refusal(error.status_code, "bad_request", str(error.detail)))
        if methods:
            message = f"{request.method} is not known here; known are {', '.join(methods)}."
            headers = {"allow": ", ".join(methods)}
            return self._answer(self.refusal(405, "method_not_allowed", message, headers=headers))
        message = f"There is nothing at {request.url.path[:200]}."
        return self._answer(self.refusal(404, "not_found", message))


def _methods_at(app: FastAPI, request: Request) -> list[str]:
    """Return the methods of the first path that the request's path matches, HEAD with GET; empty for none."""
    scope = {**request.scope, "type": "http"}
    routes = [route for route in app.routes if isinstance(route, Route)]
    first = next((route.path for route in routes if route.matches(scope)[0] is not Match.NONE), None)
    methods = {method for route in routes if route.path == first for method in route.methods or ()}
    return sorted({*methods, *({"HEAD"} if "GET" in methods else ())})


def _earlier(operation: Operation, table: list[Operation]) -> list[re.Pattern[str]]:
    """Return the paths before this one that may be meant by the same request and have no such method.

    `GET /things/import` is a wrong method of `POST /things/import`, and no thing called `import`.
    """
    methods: dict[str, set[str]] = {}
    for each in table:
        methods.setdefault(each.path, set()).add(each.method)
    before = takewhile(lambda path: path != operation.path, methods)
    return [
        compile_path(path)[0]
        for path in before
        if operation.method not in methods[path] and _may_meet(path, operation.path)
    ]


def _may_meet(one: str, other: str) -> bool:
    parts, others = one.split("/"), other.split("/")
    if len(parts) != len(others) and ":path}" not in one + other:
        return False
    return all(a == b or "{" in a or "{" in b for a, b in zip(parts, others, strict=False))
