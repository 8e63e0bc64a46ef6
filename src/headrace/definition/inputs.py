"""The inputs of a start: complete, of the right types, or all that is wrong with them at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from headrace.definition.types import Port, accepts, type_of
from headrace.errors import InvalidInput, Problem


def complete(ports: Sequence[Port], given: Mapping[str, Any], *, at: str = "/inputs") -> dict[str, Any]:
    """Return the given values with defaults filled in; raises `InvalidInput` with pointers below `at`.

    A null stands for a value that is not given.
    """
    problems: list[Problem] = []
    known = {port.name for port in ports}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            message = f"The workflow has no input '{name}'."
            suggestion = near[0] if near else None
            problems.append(
                Problem(path=f"{at}/{name}", code="unknown_input", message=message, suggestion=suggestion)
            )
    values: dict[str, Any] = {}
    for port in ports:
        value = given.get(port.name)
        if value is None:
            if port.default is not UNSET:
                values[port.name] = port.default
            elif port.required:
                message = f"The input '{port.name}' ({port.type}) is required."
                problems.append(Problem(path=f"{at}/{port.name}", code="missing_input", message=message))
        elif not accepts(port.type, value):
            message = f"The input '{port.name}' needs {port.type}, not {type_of(value)}."
            problems.append(Problem(path=f"{at}/{port.name}", code="invalid_type", message=message))
        else:
            values[port.name] = value
    if problems:
        raise InvalidInput(problems)
    return values
