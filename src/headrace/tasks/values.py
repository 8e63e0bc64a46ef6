"""Checks and coerces the resolved inputs of a call against the ports of its type.

What a definition could not know is found here: absent values, wrong types and ranges (Data Flow, 4 to 6).
All failures are final, because another try would be given the same values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from headrace.definition.templates import FileRef, ValueRef
from headrace.definition.types import Port, TaskTypeSpec, accepts, type_of
from headrace.expressions import values
from headrace.expressions.errors import ExpressionError, TooLarge
from headrace.tasks.failures import TaskFailure


def prepare(spec: TaskTypeSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of the call; raises TaskFailure.

    Absent optional values are left out, so that the function's own default holds;
    a file port may still hold a URL or inline content, see `files.fetch`.
    """
    unknown = next((name for name in inputs if spec.input(name) is None), None)
    if unknown is not None:
        raise TaskFailure("invalid_value", f"{spec.type} has no input '{unknown}'.")
    given: dict[str, Any] = {}
    for port in spec.inputs:
        value = inputs.get(port.name)
        if value is not None:
            given[port.name] = checked(spec.type, port, value)
        elif port.required:
            raise TaskFailure("missing_value", f"{spec.type} needs a value for '{port.name}'; it is absent.")
    return given


def text_of(value: Any) -> str:
    """Return the text of a value by the rules of interpolation; raises TaskFailure where it has none."""
    try:
        return values.as_text(value)
    except ExpressionError as error:
        code = "too_large" if isinstance(error, TooLarge) else "type_mismatch"
        raise TaskFailure(code, f"A value cannot be made a text: {error}.") from error


def checked(type_name: str, port: Port, value: Any) -> Any:
    """Return the value as the port takes it; raises TaskFailure."""
    wanted = (port.type, *port.extra_types)
    if "file" in wanted and _describes_file(value):
        return value
    value = _coerce(port, value)
    if isinstance(value, ValueRef) or not any(accepts(each, value) for each in wanted):
        raise TaskFailure(
            "type_mismatch", f"{type_name} needs {_named(wanted)} for '{port.name}'; it got {_shown(value)}."
        )
    if port.wants_names and type_of(value) == "list":
        raise TaskFailure(
            "invalid_value", f"{type_name} needs an object with names for '{port.name}'; it got a list."
        )
    if reason := _out_of_range(port, value):
        raise TaskFailure(
            "invalid_value", f"{type_name} needs {reason} for '{port.name}'; it got {_shown(value)}."
        )
    return value


def _coerce(port: Port, value: Any) -> Any:
    found = type_of(value)
    if port.type == "text" and not port.extra_types and found in ("number", "boolean", "object", "list"):
        return text_of(value)
    if port.whole and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _describes_file(value: Any) -> bool:
    match value:
        case str():
            return value[:8].lower().startswith(("http://", "https://", "data:"))
        case {"url": str()} | {"content_base64": str()}:
            return True
        case _:
            return isinstance(value, FileRef)


def _out_of_range(port: Port, value: Any) -> str | None:
    """Return what was wanted when the value lies outside, else None."""
    if isinstance(value, str):
        low, high = port.min_length, port.max_length
        if port.choices is not None and not port.offers(value):
            return "one of " + ", ".join(port.choices)
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return f"a text of {_between(low, high)} characters"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value) or (port.whole and value != int(value)):
            return "a whole number" if port.whole else "a finite number"
        low_bound, high_bound = port.minimum, port.maximum
        if (low_bound is not None and value < low_bound) or (high_bound is not None and value > high_bound):
            return f"a number of {_between(low_bound, high_bound)}"
    return None


def _between(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at least {low:g}" if low is not None else f"at most {high:g}"
    return f"{low:g} to {high:g}"


def _named(wanted: tuple[str, ...]) -> str:
    return " or ".join("an object" if each == "object" else f"a {each}" for each in wanted)


def _shown(value: Any) -> str:
    """Return the value for a sentence: its type, and itself when it is short and no text of a user's."""
    match value:
        case bool() | int() | float():
            return text_of(value) if not isinstance(value, float) or math.isfinite(value) else str(value)
        case str() if len(value) <= 40:
            return f"the text '{value}'"
        case str():
            return f"a text of {len(value)} characters"
        case _:
            return f"a value of type {type_of(value)}"
