"""What becomes of a required port that a document leaves out, for every task type that is installed."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.dialects.dataflow.parse import parse
from headrace.tasks.library import Library

LIBRARY = Library.installed()
TYPES = [each.spec for each in LIBRARY]
BEFORE: dict[str, dict[str, Any]] = {
    "text": {"name": "before", "type": "echo", "inputs": {"text": "x"}},
    "number": {"name": "before", "type": "text.size", "inputs": {"text": "x"}},
    "file": {
        "name": "before",
        "type": "video.extract_audio",
        "inputs": {"video": "https://example.com/a.mp4"},
    },
    "command": {"name": "before", "type": "core.shell", "inputs": {"script": "true"}},
}


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        {},
        {"script": None},
        {"env": {"A": "b"}},
        {"stdin": "{{tasks.e.outputs.text}}"},
        [{"name": "script", "value": None}],
    ],
)
def test_a_script_is_not_taken_from_the_task_before(inputs: Any) -> None:
    shell = {"name": "s", "type": "core.shell"} | ({} if inputs is None else {"inputs": inputs})
    echo = {"name": "e", "type": "echo", "inputs": {"text": "x"}}
    parsed = parse({"title": "t", "tasks": [echo, shell]}, LIBRARY)

    at = "/tasks/1" if inputs is None else "/tasks/1/inputs"
    assert [(each.path, each.code, each.suggestion) for each in parsed.problems] == [
        (at, "missing_port", "script")
    ]
    assert parsed.warnings == ()


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("spec", TYPES, ids=[spec.type for spec in TYPES])
def test_no_type_without_inputs_breaks_the_reading(spec: Any, before: dict[str, Any]) -> None:
    parsed = parse({"title": "t", "tasks": [before, {"name": "t", "type": spec.type}]}, LIBRARY)

    assert (parsed.definition is None) == bool(parsed.problems)
    assert {each.code for each in parsed.problems} <= {"missing_port"}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("spec", TYPES, ids=[spec.type for spec in TYPES])
def test_no_port_that_is_null_breaks_the_reading(spec: Any, before: dict[str, Any]) -> None:
    task = {"name": "t", "type": spec.type, "inputs": {port.name: None for port in spec.inputs}}
    parsed = parse({"title": "t", "tasks": [before, task]}, LIBRARY)

    assert (parsed.definition is None) == bool(parsed.problems)


@pytest.mark.parametrize("spec", TYPES, ids=[spec.type for spec in TYPES])
def test_no_fallback_without_inputs_breaks_the_reading(spec: Any) -> None:
    task = {"name": "t", "type": "echo", "inputs": {"text": "x"}, "fallback": {"task": spec.type}}
    parsed = parse({"title": "t", "tasks": [BEFORE["text"], task]}, LIBRARY)

    assert (parsed.definition is None) == bool(parsed.problems)
