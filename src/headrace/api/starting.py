"""The inputs of a start: files looked up, defaults filled in, all that is wrong told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.definition.inputs import complete
from headrace.definition.templates import FileRef
from headrace.definition.types import Port
from headrace.errors import InvalidInput, NotFound, Problem
from headrace.store.protocol import Files


async def inputs_of(ports: Sequence[Port], given: Mapping[str, Any], files: Files) -> dict[str, Any]:
    """Return a value for every input, null for what is absent; raises `InvalidInput`."""
    if not given and not ports:
        return {}
    found = dict(given)
    problems: list[Problem] = []
    for port in ports:
        value = given.get(port.name)
        if port.type == "file" and isinstance(value, str):
            try:
                row = await files.get(value)
            except NotFound:
                message = f"There is no file '{value[:100]}'."
                problems.append(Problem(path=f"/inputs/{port.name}", code="unknown_file", message=message))
                del found[port.name]
            else:
                found[port.name] = FileRef(row.sha256, row.size, row.name, row.content_type)
    try:
        values = complete(ports, found)
    except InvalidInput as error:
        known = {problem.path for problem in problems}
        raise InvalidInput(
            [*problems, *(each for each in error.problems if each.path not in known)]
        ) from None
    if problems:
        raise InvalidInput(problems)
    return {port.name: values.get(port.name) for port in ports}
