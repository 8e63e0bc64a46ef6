"""Requests that are not met: what every dialect says of them, and where each has its own words.

A dialect makes its own class of `Refusal`, which knows the body of its error answers, and its own names for
what went wrong; the statuses and headers are those of HTTP and alike everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec
from starlette.responses import Response

from headrace.errors import HeadraceError, Problem, StaleVersion, StoreError, Unauthorized
from headrace.http.ranges import RangeNotSatisfiable
from headrace.http.rates import RateLimited
from headrace.security.redaction import Redactor

RETRY_AFTER = 2
"""Seconds that a client waits before it asks a store again that could not answer."""


class Refusal(Exception):
    """A request that is not met, with everything that its answer says."""

    media_type: ClassVar[str] = "application/json"
    names: ClassVar[Mapping[str, str]] = {}
    """Our code of an error to the name that the dialect has for it, where that is another."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        problems: Sequence[Problem] = (),
        *,
        warnings: Sequence[Problem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems
        self.warnings = warnings
        self.headers = headers or {}

    def body(self) -> Any:
        """Return the body of the answer."""
        raise NotImplementedError

    def content(self) -> bytes:
        """Return the body as it is sent."""
        return msgspec.json.encode(self.body())

    def answer(self, redactor: Redactor) -> Response:
        """Return the answer with every secret in use masked."""
        return Response(redactor.octets(self.content()), self.status, self.headers, self.media_type)


Refused = TypeVar("Refused", bound=Refusal)


def plain(kind: type[Refused], error: HeadraceError) -> Refused:
    """Return how an error is told that has nothing but a code, a sentence and perhaps a header."""
    code = kind.names.get(error.code, error.code)
    match error:
        case Unauthorized():
            headers = {"www-authenticate": 'Bearer realm="headrace"'}
        case RangeNotSatisfiable() | RateLimited():
            headers = error.headers()
        case StoreError() if not isinstance(error, StaleVersion):
            headers = {"retry-after": str(RETRY_AFTER)}
        case _ if error.status < 500:
            headers = {}
        case _:
            return broken(kind)
    return kind(error.status, code, error.message, headers=headers)


def broken(kind: type[Refused]) -> Refused:
    """Return what is told of a defect: nothing that only the log should have."""
    return kind(500, "internal", "Something went wrong inside the server.")
