"""The inputs of a start: complete and of the right types, or all that is wrong at once."""

from __future__ import annotations

import pytest

from headrace.definition.inputs import complete
from headrace.definition.types import Port
from headrace.errors import InvalidInput

PORTS = (
    Port(name="url", type="text"),
    Port(name="count", type="number", default=3),
    Port(name="note", type="text", required=False),
)


def test_defaults_are_filled_in_and_optional_ones_left_out() -> None:
    assert complete(PORTS, {"url": "x"}) == {"url": "x", "count": 3}
    assert complete(PORTS, {"url": "x", "count": 5, "note": "n"}) == {"url": "x", "count": 5, "note": "n"}


def test_a_null_stands_for_a_value_that_is_not_given() -> None:
    assert complete(PORTS, {"url": "x", "count": None, "note": None}) == {"url": "x", "count": 3}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        complete(PORTS, {"ulr": "x", "zzz": 1, "count": "many"}, at="/with")

    assert [(found.path, found.code, found.suggestion) for found in refused.value.problems] == [
        ("/with/ulr", "unknown_input", "url"),
        ("/with/zzz", "unknown_input", None),
        ("/with/url", "missing_input", None),
        ("/with/count", "invalid_type", None),
    ]
