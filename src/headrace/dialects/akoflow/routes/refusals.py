"""Errors in the words of this dialect: problem+json with a sentence that the AkoFlow command line prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from msgspec.structs import replace

from headrace.dialects.akoflow import render
from headrace.errors import HeadraceError, InvalidDefinition, InvalidInput, Problem
from headrace.http import refusals
from headrace.http.bodies import BodyTooLarge


class Refusal(refusals.Refusal):
    """A request that is not met, with everything that its answer says."""

    media_type = "application/problem+json"
    names: ClassVar[Mapping[str, str]] = {"transition_refused": "already_ended"}

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
        problems = problems or [Problem(path="", code=code, message=message)]
        super().__init__(status, code, message, problems, warnings=warnings, headers=headers)
        self._total = len(problems) if total is None else total
        self._more = more or {}

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "type": f"urn:headrace:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.message,
            "message": self.message,
            "errors": [render.problem(each) for each in self.problems],
            "errorsTotal": self._total,
            "warnings": [render.problem(each) for each in self.warnings],
            **self._more,
        }


def of_problems(problems: Sequence[Problem], total: int | None = None) -> Refusal:
    """Return the refusal of what has problems, with the sentence of the first one."""
    first, count = problems[0], len(problems) if total is None else total
    return Refusal(400, first.code, f"{first.message}{and_more(count)}", problems, total=count)


def and_more(count: int) -> str:
    """Return the sentence that there are more problems than the one that is told, if there are."""
    if count < 2:
        return ""
    return f" There {'is 1 more problem' if count == 2 else f'are {count - 1} more problems'}."


def invalid_query(message: str) -> Refusal:
    """Return the refusal of a query parameter."""
    return Refusal(400, "invalid_query", message)


def refusal_of(error: HeadraceError) -> Refusal:
    """Return how an error of another room is told here."""
    match error:
        case InvalidDefinition():
            problems = [replace(each, code="body_not_json") for each in error.problems]
            return Refusal(400, "body_not_json", problems[0].message, problems)
        case InvalidInput():
            return invalid_query(error.message)
        case BodyTooLarge():
            return Refusal(413, "body_too_large", error.message)
        case _:
            return refusals.plain(Refusal, error)
