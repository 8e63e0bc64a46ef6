"""Headers and queries that are written out are judged when the document is, with the real task types."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.dialects.dataflow import parse as documents
from headrace.tasks.library import Library

LIBRARY = Library.installed()


def told(**inputs: Any) -> list[tuple[str, str, str]]:
    call = {"name": "a", "type": "http.request", "inputs": {"url": "https://example.com", **inputs}}
    declared = [{"name": "x", "type": "text"}, {"name": "o", "type": "object"}]
    parsed = documents.parse({"title": "t", "inputs": declared, "tasks": [call]}, LIBRARY)
    return [(each.path, each.code, each.message) for each in parsed.problems]


@pytest.mark.parametrize("port", ["headers", "query"])
def test_a_list_is_no_object_with_names(port: str) -> None:
    message = f"http.request needs an object with names for '{port}'; the given value is list."

    assert told(**{port: ["a"]}) == [(f"/tasks/0/inputs/{port}", "type_mismatch", message)]
    assert told(**{port: ["{{inputs.x}}"]}) == [(f"/tasks/0/inputs/{port}", "type_mismatch", message)]
    assert told(**{port: "{{inputs.o}}"}) == []
    assert told(body=["a"]) == []


@pytest.mark.parametrize(
    "headers",
    [{"a b": "{{inputs.x}}"}, {"X": "one\ntwo", "Y": "{{inputs.x}}"}, {"X": "ü"}, {"Content-Length": "many"}],
)
def test_headers_that_can_never_be_sent(headers: dict[str, Any]) -> None:
    assert [each[:2] for each in told(headers=headers)] == [("/tasks/0/inputs/headers", "invalid_value")]


def test_headers_that_can_be_sent() -> None:
    assert told(headers={"X-A": "{{inputs.x}}", "Accept": "text/html, */*;q=0.1", "X-N": 5, "X-0": ""}) == []
