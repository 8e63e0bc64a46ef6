"""The native API as one FastAPI application: all routes, our own errors, our own description."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from headrace import __version__
from headrace.api import problems
from headrace.api.downloads import Downloads
from headrace.api.idempotency import Repeated, Repeats
from headrace.api.metrics import Metrics
from headrace.api.operations import SCOPE, Operation, add, answers_of
from headrace.api.routes.artifacts import ArtifactRoutes
from headrace.api.routes.deliveries import DeliveryRoutes
from headrace.api.routes.events import EventRoutes
from headrace.api.routes.executions import ExecutionRoutes
from headrace.api.routes.files import FileRoutes
from headrace.api.routes.library import LibraryRoutes
from headrace.api.routes.logs import LogRoutes
from headrace.api.routes.reruns import RerunRoutes
from headrace.api.routes.secrets import SecretRoutes
from headrace.api.routes.server import ServerRoutes
from headrace.api.routes.task_runs import TaskRunRoutes
from headrace.api.routes.tokens import TokenRoutes
from headrace.api.routes.versions import VersionRoutes
from headrace.api.routes.workflows import WorkflowRoutes
from headrace.api.values import ShownValues
from headrace.dialects import protocol
from headrace.dialects.protocol import Dialect
from headrace.errors import HeadraceError
from headrace.http.streaming import Streams
from headrace.orchestrator.services import Services

TITLE = "Headrace"
ABOUT = "One durable workflow server behind four APIs; this is its own."


class Native:
    """Builds the application."""

    def __init__(
        self,
        services: Services,
        dialects: Mapping[str, Dialect],
        streams: Streams,
        metrics: Metrics,
        doors: Mapping[str, protocol.Application] = MappingProxyType({}),
    ) -> None:
        """`doors` has the applications of the dialects, which are described here."""
        self._services = services
        self._doors = doors
        self.application = FastAPI(
            title=TITLE,
            version=__version__,
            description=ABOUT,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        self.operations = self._operations(dialects, streams, metrics)
        add(self.application.router, self.operations)
        for kind, tell in (
            (HeadraceError, self._tell),
            (RequestValidationError, self._tell_invalid),
            (HTTPException, self._tell_http),
            (Repeated, _repeat),
            (Exception, self._tell_defect),
        ):
            self.application.add_exception_handler(kind, tell)  # type: ignore[arg-type]  # each takes its own kind

    def _operations(
        self, dialects: Mapping[str, Dialect], streams: Streams, metrics: Metrics
    ) -> list[Operation]:
        services = self._services
        values = ShownValues(services.artifacts, services.values, services.secrets_in_use)
        downloads = Downloads(services.artifacts, services.values, services.secrets_in_use)
        repeats = Repeats(services.store.idempotency, services.clock)
        return [
            *ExecutionRoutes(services, dialects, values, streams, repeats).operations(),
            *RerunRoutes(services, dialects, repeats).operations(),
            *WorkflowRoutes(services, dialects, repeats).operations(),
            *VersionRoutes(services).operations(),
            *EventRoutes(services, values).operations(),
            *DeliveryRoutes(services).operations(),
            *LogRoutes(services).operations(),
            *ArtifactRoutes(services, downloads).operations(),
            *TaskRunRoutes(services, values).operations(),
            *FileRoutes(services).operations(),
            *LibraryRoutes(services, dialects).operations(),
            *TokenRoutes(services).operations(),
            *SecretRoutes(services).operations(),
            *ServerRoutes(services, metrics, self.description, self._doors).operations(),
        ]

    def description(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document."""
        described = self.application.openapi()
        if "x-headrace" not in described:
            _complete(described, self.operations)
        return described

    async def _tell(self, _: Request, error: HeadraceError) -> Response:
        return self._answer(problems.document_of(error), problems.headers_of(error))

    async def _tell_invalid(self, _: Request, error: RequestValidationError) -> Response:
        return self._answer(problems.document_of(problems.of_validation(error.errors())))

    async def _tell_http(self, request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        match error.status_code:
            case 404:
                code, detail = "not_found", f"There is nothing at {request.url.path[:200]}."
            case 405:
                allowed = ", ".join(self._methods_of(request))
                headers = {"allow": allowed}
                code, detail = "method_not_allowed", f"This path knows {allowed}, not {request.method}."
            case _:
                code, detail = "bad_request", str(error.detail)
        return self._answer(problems.document(error.status_code, code, detail), headers)

    async def _tell_defect(self, _: Request, __: Exception) -> Response:
        return self._answer(
            problems.document(500, "internal", "Something broke here; the log of the server has it.")
        )

    def _answer(self, told: problems.ProblemDocument, headers: dict[str, str] | None = None) -> Response:
        return problems.answer(told, headers, redactor=self._services.secrets_in_use.redactor)

    def _methods_of(self, request: Request) -> list[str]:
        """Return all methods of the path of a request."""
        methods: set[str] = set()
        for route in self.application.router.routes:
            if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE:
                methods |= route.methods or set()
        return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def _repeat(_: Request, found: Repeated) -> Response:
    return found.answer


def _complete(described: dict[str, Any], operations: list[Operation]) -> None:
    """Add to FastAPI's document what it cannot know: answers, errors, tokens and scopes."""
    template = "#/components/schemas/{name}"
    types = [*answers_of(operations), problems.ProblemDocument]
    _, schemas = msgspec.json.schema_components(types, ref_template=template)
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    for foreign in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(foreign, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of this server."}
    }
    problem = {
        "description": "A problem document (RFC 9457).",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": template.format(name="ProblemDocument")}}},
    }
    for methods in described["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
            operation["security"] = [] if operation[SCOPE] == "public" else [{"token": []}]
    described["x-headrace"] = {"version": __version__}
