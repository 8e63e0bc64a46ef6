"""Errors in the words of this dialect: one body for all, with the status and headers that belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from headrace.dialects.dataflow import render
from headrace.errors import HeadraceError, InvalidDefinition, InvalidInput, Problem, StaleVersion
from headrace.http import refusals


class Refusal(refusals.Refusal):
    """A request that is not met, with everything that its answer says."""

    names: ClassVar[Mapping[str, str]] = {
        "transition_refused": "execution_ended",
        "store_unavailable": "unavailable",
    }

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
        case InvalidDefinition():
            return invalid("invalid_json", "The body", error.problems)
        case InvalidInput():
            return invalid_query(error.message)
        case StaleVersion():
            return Refusal(412, "version_conflict", "The workflow has changed since it was read.")
        case _:
            return refusals.plain(Refusal, error)
