"""Bodies in JSON, as everything is sent that is not bytes already."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import msgspec

from headrace.errors import InvalidInput, Problem


def json_of(value: Any) -> bytes:
    """Return a value in JSON; raises `InvalidInput`, which names each number that JSON does not have.

    The encoder writes null for them, and a run would work with nulls that nobody gave it.
    """
    found = [
        Problem(path=path, code="not_finite", message=f"'{path}' is {number}, and JSON has no such number.")
        for path, number in _not_finite(msgspec.to_builtins(value))
    ]
    if found:
        more = f" So are {len(found) - 1} more." if len(found) > 1 else ""
        raise InvalidInput(found, f"{found[0].message}{more} Nothing was sent.")
    return msgspec.json.encode(value)


def _not_finite(value: Any) -> Iterator[tuple[str, float]]:
    """Yield where such numbers are, as JSON pointers, in their order."""
    left = [("", value)]
    while left:
        path, each = left.pop()
        if isinstance(each, float) and not isfinite(each):
            yield path, each
        elif isinstance(each, dict):
            left += [(f"{path}/{_escaped(key)}", inner) for key, inner in reversed(each.items())]
        elif isinstance(each, list | tuple):
            left += [(f"{path}/{place}", inner) for place, inner in reversed([*enumerate(each)])]


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
