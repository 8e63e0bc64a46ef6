"""What a route of the native API is: its path, who may use it, what goes in and what comes out.

The lists of operations are the table of scopes; the OpenAPI document and the tests read them from the routes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Literal as OneOf

import msgspec
from fastapi import APIRouter
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute, request_response
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from headrace.api.problems import of_validation
from headrace.api.requests import GuardedRequest
from headrace.http.rates import admitted
from headrace.security.callers import authorise
from headrace.security.tokens import Scope

Endpoint = Callable[..., Coroutine[Any, Any, Response]]
Answer = Callable[[Request], Coroutine[Any, Any, Response]]
Wanted = OneOf["public"] | Scope

SCOPE = "x-headrace-scope"
"""Name of the scope in the OpenAPI document."""

UNCOUNTED = frozenset({"/v1/openapi.json", "/v1/dialects/{name}/openapi.json"})
"""Paths of routes that ask for a token and take nothing of its rate."""


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path."""

    method: OneOf["GET", "POST", "PUT", "DELETE"]
    path: str
    endpoint: Endpoint
    """Its first docstring line is the summary of the operation."""
    scope: Wanted
    """What the token must allow; `public` needs none."""
    answer: Any = None
    """Type of the body of a success; None where there is none, or where it is no JSON."""
    status: int = 200
    media_type: str = "application/json"
    or_else: tuple[int, Any] | None = None
    """Another success, with its status and the type of its body."""
    stream: bool = False
    """Whether it may also answer with server-sent events."""
    headers: tuple[str, ...] = ()
    """Request headers that it understands."""
    body: str | None = None
    """Media type of a body that the endpoint reads by itself, as a stream or as a document."""


class GuardedRoute(APIRoute):
    """A route that asks for the token first, then for unknown query parameters, then reads the body."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.app = request_response(self._guarded(self.get_route_handler()))

    def _guarded(self, answer: Answer) -> Answer:
        wanted = (self.openapi_extra or {})[SCOPE]
        is_counted = self.path not in UNCOUNTED
        has_body = self.body_field is not None
        params = self.dependant.query_params

        async def guarded(request: Request) -> Response:
            if wanted != "public":
                await (admitted if is_counted else authorise)(request.scope, wanted)
            if request.scope["query_string"]:
                _refuse_unknown(request, params)
            if has_body:
                request = GuardedRequest(request.scope, request.receive)
                await request.prepare()
            return await answer(request)

        return guarded


def add(router: APIRouter, operations: Iterable[Operation]) -> None:
    """Add routes; among routes that match one path the first counts, so literal ones come before others."""
    for operation in operations:
        summary = (operation.endpoint.__doc__ or "").strip().splitlines()[0].rstrip(".")
        extra: dict[str, Any] = {SCOPE: operation.scope}
        extra["parameters"] = [
            {"name": name, "in": "header", "schema": {"type": "string"}} for name in operation.headers
        ]
        if operation.body is not None:
            extra["requestBody"] = {"required": True, "content": {operation.body: {"schema": {}}}}
        router.add_api_route(
            operation.path,
            operation.endpoint,
            methods=[operation.method],
            status_code=operation.status,
            summary=summary,
            description=" ",
            operation_id=operation.endpoint.__qualname__.replace("Routes.", "_").lower(),
            response_model=None,
            response_class=Response,
            responses=_responses(operation),
            openapi_extra=extra,
            route_class_override=GuardedRoute,
        )


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response; the value is encoded as it stands, without a model in between."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def answers_of(operations: Iterable[Operation]) -> list[Any]:
    """Return the types of all answers, for the schemas of the OpenAPI document."""
    found = [each.answer for each in operations if each.answer is not None]
    found += [each.or_else[1] for each in operations if each.or_else is not None]
    return list({repr(each): each for each in found}.values())


def _responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {}
    if operation.answer is not None:
        content = _json_content(operation.answer)
    elif operation.status != 204:
        content = {operation.media_type: {"schema": {}}}
    if operation.stream:
        content["text/event-stream"] = {"schema": {}}
    found: dict[int | str, dict[str, Any]] = {operation.status: {"description": "Done.", "content": content}}
    if "Range" in operation.headers:
        found[206] = {"description": "A part.", "content": content}
    if "If-None-Match" in operation.headers:
        found[304] = {"description": "Known already."}
    if operation.or_else is not None:
        status, answer = operation.or_else
        found[status] = {"description": "Done.", "content": _json_content(answer)}
    return found


def _json_content(answer: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([answer], ref_template="#/components/schemas/{name}")
    return {"application/json": {"schema": schema}}


def _refuse_unknown(request: Request, params: Sequence[Any]) -> None:
    known = [param.alias for param in params]
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        sentence = f"is not known here; known are {', '.join(sorted(known)) or 'none'}"
        _, errors = request_params_to_args(params, request.query_params)
        more = ({"loc": ("query", name), "type": "extra_forbidden", "msg": sentence} for name in unknown)
        raise of_validation([*errors, *more])
