"""Errors in the words of this dialect: problem+json with a sentence that the AkoFlow command line prints."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from headrace.dialects.akoflow import render
from headrace.errors import (
    Forbidden,
    HeadraceError,
    InvalidDefinition,
    InvalidInput,
    NotFound,
    Problem,
    StaleVersion,
    StoreError,
    TransitionRefused,
    Unauthorized,
)
from headrace.http.bodies import BodyTooLarge
from headrace.http.ranges import RangeNotSatisfiable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds that a client waits before it asks a store again that could not answer."""


class Refusal(Exception):
    """A request that is not met, with everything that its answer says."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        problems: Sequence[Problem] = (),
        *,
        total: int | None = None,
        warnings: Sequence[Problem] = (),
        more: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self._code = code
        self._message = message
        self._problems = problems or [Problem(path="", code=code, message=message)]
        self._total = len(self._problems) if total is None else total
        self._warnings = warnings
        self._more = more or {}

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "type": f"urn:headrace:problem:{self._code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self._code,
            "detail": self._message,
            "message": self._message,
            "errors": [render.problem(each) for each in self._problems],
            "errorsTotal": self._total,
            "warnings": [render.problem(each) for each in self._warnings],
            **self._more,
        }


def invalid_query(message: str) -> Refusal:
    """Return the refusal of a query parameter."""
    return Refusal(400, "invalid_query", message)


def refusal_of(error: HeadraceError) -> Refusal:
    """Return how an error of another room is told here."""
    match error:
        case Unauthorized():
            headers = {"www-authenticate": 'Bearer realm="headrace"'}
            return Refusal(401, "unauthorized", error.message, headers=headers)
        case Forbidden():
            return Refusal(403, "forbidden", error.message)
        case InvalidDefinition():
            return Refusal(400, "body_not_json", error.message, error.problems)
        case InvalidInput():
            return invalid_query(error.message)
        case NotFound():  # or Gone
            return Refusal(error.status, error.code, error.message)
        case RangeNotSatisfiable():
            return Refusal(416, error.code, error.message, headers=error.headers())
        case BodyTooLarge():
            return Refusal(413, "body_too_large", error.message)
        case TransitionRefused():
            return Refusal(409, "already_ended", error.message)
        case StoreError() if not isinstance(error, StaleVersion):
            headers = {"retry-after": str(RETRY_AFTER)}
            return Refusal(503, "store_unavailable", error.message, headers=headers)
        case _ if error.status < 500:
            return Refusal(error.status, error.code, error.message)
        case _:
            return Refusal(500, "internal", "Something went wrong inside the server.")
