"""Reads the fields of one object of the page: spellings, absent fields, typing slips, plain kinds of values.

Knows no particular object; the tables are in `wire.py`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from headrace.dialects.dataflow import names
from headrace.dialects.dataflow.findings import Findings, member
from headrace.dialects.dataflow.wire import NAME, Shape


class Given(NamedTuple):
    """One field as it was sent."""

    value: Any
    path: str
    key: str
    """The caller's own spelling."""


Fields = dict[str, Given]
"""Field name to what was given; absent and null fields are not in it."""


def read_fields(
    value: Any, path: str, shape: Shape, findings: Findings, *, task: str | None = None
) -> Fields:
    """Return the fields of an object; what is no object gives a problem and no fields."""
    fields: Fields = {}
    if not isinstance(value, dict):
        findings.problem(
            path, "invalid_type", f"{shape.what} must be an object, not {kind(value)}.", task=task
        )
        return fields
    known = shape.fields
    for key, content in value.items():
        field = known.get(key) or known.get(names.fold(key))
        if field is None:
            _unknown(key, path, shape, findings, task)
        elif content is not None:
            earlier = fields.get(field)
            if earlier is None:
                fields[field] = Given(content, member(path, key), key)
            elif not same(earlier.value, content):
                message = (
                    f"'{earlier.key}' and '{key}' are two spellings of one field, and their values differ."
                )
                findings.problem(member(path, key), "conflicting_fields", message, task=task)
    return fields


def _unknown(key: str, path: str, shape: Shape, findings: Findings, task: str | None) -> None:
    folded = names.fold(key)
    if folded in shape.ignored:
        return
    slip = next((shape.spellings[known] for known in shape.fields if names.is_slip(folded, known)), None)
    tell = findings.warn if slip is None else findings.problem
    tell(
        member(path, key), "unknown_field", f"{shape.what} has no field '{key}'.", suggestion=slip, task=task
    )


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal; true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def kind(value: Any) -> str:
    """Return what a JSON value is, with its article, for sentences."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def text_of(given: Given, findings: Findings, *, task: str | None = None) -> str | None:
    """Return a field that must be a text."""
    if isinstance(given.value, str):
        return given.value
    message = f"'{given.key}' must be a text, not {kind(given.value)}."
    findings.problem(given.path, "invalid_type", message, task=task)
    return None


def flag_of(given: Given, findings: Findings) -> bool | None:
    """Return a field that must be a boolean."""
    if isinstance(given.value, bool):
        return given.value
    message = f"'{given.key}' must be true or false, not {kind(given.value)}."
    findings.problem(given.path, "invalid_type", message)
    return None


def list_of(given: Given | None, findings: Findings, *, task: str | None = None) -> list[Any]:
    """Return a field that must be a list; an absent one is empty."""
    if given is None:
        return []
    if isinstance(given.value, list):
        return given.value
    message = f"'{given.key}' must be a list, not {kind(given.value)}."
    findings.problem(given.path, "invalid_type", message, task=task)
    return []


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def name_of(fields: Fields, path: str, shape: Shape, findings: Findings) -> str | None:
    """Return the name of an input or output, which is required; a malformed one is told, and returned."""
    given = fields.get("name")
    if given is None:
        findings.problem(path, "missing_field", f"{shape.what} needs a 'name'.")
        return None
    name = text_of(given, findings)
    if name is not None:
        check_name(name, given, findings)
    return name


def check_name(name: str, given: Given, findings: Findings) -> None:
    """Tell when a name has characters that a name may not have."""
    if NAME.match(name):
        return
    message = (
        f"'{name[:120]}' is no name: it begins with a letter or '_' and goes on with letters, digits, "
        "'_' and '-', 100 characters at most."
    )
    findings.problem(given.path, "invalid_name", message)
