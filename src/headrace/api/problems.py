"""Errors as answers: RFC 9457 problem documents, with all that is wrong at once.

Nothing that a person can type ends in a 500: what is wrong has a sentence, a code and a pointer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from headrace.errors import (
    HeadraceError,
    InvalidDefinition,
    InvalidInput,
    Problem,
    RequestError,
    StaleVersion,
    StoreError,
    Unauthorized,
)
from headrace.http.ranges import RangeNotSatisfiable
from headrace.http.rates import RateLimited
from headrace.security.redaction import Redactor

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER = 2
"""Seconds that a client waits before it asks a store again that could not answer."""


class ProblemDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error answer (RFC 9457)."""

    type: str
    """`urn:headrace:error:` and the code."""
    title: str
    """The phrase of the status."""
    status: int
    code: str
    """Stable snake_case name of the error."""
    detail: str
    """One sentence for people."""
    problems: tuple[Problem, ...] = ()
    """Each thing that is wrong, with a JSON pointer to its place."""
    warnings: tuple[Problem, ...] = ()


class NotAcceptableBody(RequestError):
    """The body has a media type that is not read here."""

    code = "unsupported_media_type"
    status = 415


class PreconditionFailed(RequestError):
    """The thing has changed since it was read."""

    code = "version_conflict"
    status = 412


def document_of(error: HeadraceError) -> ProblemDocument:
    """Return what is told of an error."""
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    if isinstance(error, InvalidDefinition):
        problems, warnings = error.problems, error.warnings
    elif isinstance(error, InvalidInput):
        problems = error.problems
    return document(error.status, error.code, error.message, problems, warnings)


def document(
    status: int, code: str, detail: str, problems: Iterable[Problem] = (), warnings: Iterable[Problem] = ()
) -> ProblemDocument:
    """Return a problem document."""
    return ProblemDocument(
        type=f"urn:headrace:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def answer(told: ProblemDocument, headers: dict[str, str] | None = None, *, redactor: Redactor) -> Response:
    """Return the response with a problem document."""
    content = redactor.octets(msgspec.json.encode(told))
    return Response(content, told.status, headers, MEDIA_TYPE)


def headers_of(error: HeadraceError) -> dict[str, str]:
    """Return the headers that go with an error."""
    match error:
        case Unauthorized():
            return {"www-authenticate": 'Bearer realm="headrace"'}
        case RangeNotSatisfiable() | RateLimited():
            return error.headers()
        case StaleVersion():
            return {}
        case StoreError():
            return {"retry-after": str(RETRY_AFTER)}
        case _:
            return {}


def of_validation(errors: Iterable[Any]) -> InvalidInput:
    """Return what pydantic found wrong with path, query, headers and body, as one error.

    The values themselves are never repeated: one of them may be a secret.
    """
    problems = [_problem(error) for error in errors]
    count = len(problems)
    return InvalidInput(problems, f"The request has {count} problem{'s' if count != 1 else ''}.")


def _problem(error: dict[str, Any]) -> Problem:
    place, *names = error["loc"]
    pointer = "".join(f"/{_escaped(str(name))}" for name in names)
    where = {"query": "The query parameter", "header": "The header", "path": "The path's"}.get(place)
    kind = str(error["type"])
    codes = {"missing": "missing_field", "extra_forbidden": "unknown_field"}
    code = codes.get(kind, "invalid_type" if kind.endswith("_type") else "invalid_value")
    message = f"{error['msg']}."
    if where is not None:
        message = f"{where} '{'.'.join(map(str, names))}': {message}"
    return Problem(path=pointer, code=code, message=message)


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
