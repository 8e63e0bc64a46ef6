"""Errors in the words of this dialect: one body for all, with the status and headers that belong to it."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.dialects.dataflow import render
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

    def body(self) -> render.Answer:
        """Return the body of the answer."""
        return render.error(self.code, self.message, self.problems, self.warnings)


def invalid(code: str, what: str, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> Refusal:
    """Return the refusal of a body with problems."""
    return Refusal(400, code, render.counted(what, problems), problems, warnings=warnings)


def invalid_query(message: str) -> Refusal:
    """Return the refusal of a query parameter."""
    problem = Problem(path="", code="invalid_value", message=message)
    return Refusal(400, "invalid_query", message, [problem])


def refusal_of(error: HeadraceError) -> Refusal:
    """Return how an error of another room is told here."""
    match error:
        case Unauthorized():
            headers = {"www-authenticate": 'Bearer realm="headrace"'}
            return Refusal(401, "unauthorized", error.message, headers=headers)
        case Forbidden():
            return Refusal(403, "forbidden", error.message)
        case InvalidDefinition():
            return invalid("invalid_json", "The body", error.problems)
        case InvalidInput():
            return invalid_query(error.message)
        case NotFound():  # or Gone
            return Refusal(error.status, error.code, error.message)
        case RangeNotSatisfiable():
            return Refusal(416, error.code, error.message, headers=error.headers())
        case BodyTooLarge() | HeadraceError(code="too_large"):
            return Refusal(413, "too_large", error.message)
        case TransitionRefused():
            return Refusal(409, "execution_ended", error.message)
        case StaleVersion():
            return Refusal(412, "version_conflict", "The workflow has changed since it was read.")
        case StoreError():
            headers = {"retry-after": str(RETRY_AFTER)}
            return Refusal(503, "unavailable", error.message, headers=headers)
        case _ if error.status < 500:
            return Refusal(error.status, error.code, error.message)
        case _:
            return Refusal(500, "internal", "Something went wrong inside the server.")
