"""Templates to values inside a decision; what names a secret stays a template until dispatch."""

from __future__ import annotations

import difflib
import math
from itertools import islice
from typing import Any, assert_never

from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Template, Text
from headrace.engine.names import Names
from headrace.expressions import ExpressionError, Missing, parse, render, residual

SECRETS = frozenset({"secrets"})

_MOST_NAMES, _LONGEST_NAME, _MOST_COMPARED = 10, 60, 1000
"""Of fields in a sentence: how many, characters of one, and among how many a near one is sought."""


def render_object(parts: dict[str, Template], names: Names) -> tuple[dict[str, Any], ObjectOf | None]:
    """Return an object's values, and those entries that name a secret with all else replaced."""
    values: dict[str, Any] = {}
    sealed: dict[str, Template] = {}
    for name, template in parts.items():
        if type(template) is Literal:
            values[name] = template.value
            continue
        try:
            if names_secret(template):
                sealed[name] = residual(template, names, SECRETS)
            else:
                values[name] = render(template, names)
        except ExpressionError as error:
            error.part = name
            raise
    return values, ObjectOf(sealed) if sealed else None


def render_value(template: Template, names: Names) -> Any:
    """Return the value of one template."""
    return template.value if type(template) is Literal else render(template, names)


def explained(error: ExpressionError) -> str:
    """Return what is wrong, without a full stop; of a field that is missing also what there is instead."""
    if not isinstance(error, Missing):
        return f"{error.written}: {error.message}" if error.written else error.message
    what = f"{error.written} is not there: no field '{error.field}'" if error.written else error.message
    if error.there is None:
        return what
    names = [name[:_LONGEST_NAME] for name in islice(error.there, _MOST_NAMES)]
    more = len(error.there) - len(names)
    listed = ", ".join(names) + (f" and {more} more" if more > 0 else "") if names else "none"
    near = _near(error.field, error.there)
    return f"{what}; the fields are: {listed}" + (f"; did you mean '{near}'?" if near else "")


def _near(name: str, there: tuple[str, ...]) -> str | None:
    alike = next((each for each in there if each.lower() == name.lower()), None)
    if alike is None and len(there) <= _MOST_COMPARED:
        alike = next(iter(difflib.get_close_matches(name, there, 1)), None)
    return alike


def seconds(template: Template | None, names: Names) -> float | None:
    """Return a duration in seconds, None where there is none; raises ExpressionError for no number."""
    if template is None:
        return None
    value = render_value(template, names)
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        raise ExpressionError(f"Type error: a number of seconds is needed, not {value!r}")
    return float(value)


def names_secret(template: Template) -> bool:
    """Tell whether a template names a secret anywhere."""
    match template:
        case Literal():
            return False
        case Expr(source=source):
            return "secrets" in source and "secrets" in parse(source).roots
        case Text(parts=parts):
            return any(names_secret(part) for part in parts if isinstance(part, Expr))
        case ListOf(items=items):
            return any(names_secret(item) for item in items)
        case ObjectOf(entries=entries):
            return any(names_secret(entry) for entry in entries.values())
        case _:
            assert_never(template)
