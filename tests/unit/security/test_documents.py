"""A text is JSON or YAML, and is read as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import InvalidDefinition
from headrace.security.documents import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("a: 1", {"a": 1}),
        ("{a: 1, b: [x, y]}", {"a": 1, "b": ["x", "y"]}),
        ("[a, b]", ["a", "b"]),
        ('{"title": Mill, tasks: []}', {"title": "Mill", "tasks": []}),
        ('{"a": 1  # one\n}', {"a": 1}),
        ("\ufeff{a: 1,}", {"a": 1}),
    ],
)
def test_json_and_yaml_are_read(text: str, value: Any) -> None:
    assert read(text.encode()).value == value


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ('{"a": [1, 2}', "invalid_json", 1, 12),
        ('{"title": "x"\n "tasks": []}', "invalid_json", 2, 2),
        ('{"a": 1,}', "invalid_json", 1, 9),
        ('{"a": 1, "a": 2}', "duplicate_key", 1, 10),
        ('{"a": NaN}', "invalid_json", 1, 7),
        ("{", "invalid_json", 1, 2),
        ("{a: [1, 2}", "yaml_syntax", 1, 10),
        ("{a: 1, a: 2}", "duplicate_key", 1, 8),
    ],
)
def test_what_is_neither_gets_the_error_of_what_it_was_meant_to_be(
    text: str, code: str, line: int, column: int
) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        read(text.encode())
    first = refused.value.problems[0]

    assert (first.code, first.line, first.column) == (code, line, column)
