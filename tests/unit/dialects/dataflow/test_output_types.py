"""Declared outputs at the end of a run: their types, and what is told of one that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.dialects.dataflow import runs
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse
from headrace.dialects.dataflow.wire import Style
from headrace.testing.simulator import Result, rehearse


def ran(library: TaskTypes, given: dict[str, Any], **top: Any) -> Any:
    task = {"name": "a", "type": "echo", "inputs": {"text": "x"}}
    definition = parse({"title": "w", "tasks": [task], **top}, library).definition
    assert definition is not None
    rehearsal = rehearse(definition, {"a": Result.of(text="x")}, inputs=given)
    return runs.details(runs.RunView(rehearsal.execution, "wf-4g7h8j9k", "ex-1a2b3c4d", Style()))


@pytest.mark.parametrize(
    ("declared", "value", "shown_as", "problem"),
    [
        ("number", "str", None, "text"),
        ("number", True, None, "boolean"),
        ("number", 5, 5, None),
        ("number", {"a": 1}, None, "object"),
        ("boolean", 0, None, "number"),
        ("object", "str", None, "text"),
        ("object", [1], [1], None),
        ("file", "https://example.com/a", None, "text"),
        ("text", "str", "str", None),
        ("text", 5.0, "5", None),
        ("text", {"a": [True]}, '{"a":[true]}', None),
        ("number", None, None, None),
    ],
)
def test_an_output_s_type_is_checked_against_what_an_object_held(
    library: TaskTypes, declared: str, value: Any, shown_as: Any, problem: str | None
) -> None:
    answer = ran(
        library,
        {"o": {"x": value}},
        inputs=[{"name": "o", "type": "object"}],
        outputs=[
            {"name": "r", "type": declared, "value": "{{inputs.o.x}}"},
            {"name": "again", "type": declared, "value": "{{outputs.r}}"},
        ],
    )

    assert answer["status"] == "COMPLETED"
    assert answer["outputs"] == {"r": shown_as, "again": shown_as}
    told = [
        ("type_mismatch", f"Output 'r' is declared {declared}; its value is {problem}."),
        ("output_unavailable", "Output 'again' is not available: it needs output 'r', which is not."),
    ]
    assert [(each["code"], each["message"]) for each in answer["warnings"]] == (told if problem else [])


def test_what_reads_an_output_of_a_wrong_type_is_not_available_either(library: TaskTypes) -> None:
    answer = ran(
        library,
        {"o": {"x": "/echo", "y": {"z": "deep"}}},
        inputs=[{"name": "o", "type": "object"}],
        outputs=[
            {"name": "n", "type": "number", "value": "{{inputs.o.x}}"},
            {"name": "m", "type": "text", "value": "n is {{outputs.n}}"},
            {"name": "k", "value": {"m": ["{{outputs.m}}"]}},
            {"name": "p", "type": "object", "value": "{{inputs.o.x}}"},
            {"name": "q", "value": "{{outputs.p.z}}"},
            {"name": "right", "type": "object", "value": "{{inputs.o.y}}"},
            {"name": "z", "value": "it is {{outputs.right.z}}"},
        ],
    )

    assert answer["outputs"] == {
        **dict.fromkeys(["n", "m", "k", "p", "q"]),
        "right": {"z": "deep"},
        "z": "it is deep",
    }
    assert [(each["code"], each["message"].rpartition(":")[2]) for each in answer["warnings"]] == [
        ("type_mismatch", "Output 'n' is declared number; its value is text."),
        ("output_unavailable", " it needs output 'n', which is not."),
        ("output_unavailable", " it needs output 'm', which is not."),
        ("type_mismatch", "Output 'p' is declared object; its value is text."),
        ("output_unavailable", " it needs output 'p', which is not."),
    ]


def test_an_output_that_is_null_by_right_can_be_read(library: TaskTypes) -> None:
    answer = ran(
        library,
        {"o": {"x": None}},
        inputs=[{"name": "o", "type": "object"}],
        outputs=[
            {"name": "n", "type": "number", "value": "{{inputs.o.x}}"},
            {"name": "m", "value": "n is {{outputs.n}}"},
        ],
    )

    assert (answer["outputs"], answer["warnings"]) == ({"n": None, "m": "n is "}, [])


def test_an_output_whose_field_is_not_there_is_null_and_says_so(library: TaskTypes) -> None:
    answer = ran(
        library,
        {"o": {"x": 1}},
        inputs=[{"name": "o", "type": "object"}],
        outputs=[
            {"name": "whole", "value": "{{inputs.o.y}}"},
            {"name": "typed", "type": "number", "value": "{{inputs.o.y}}"},
            {"name": "text", "type": "text", "value": "{{inputs.o.y}}"},
            {"name": "part", "value": "a{{inputs.o.y}}"},
        ],
    )

    assert answer["outputs"] == dict.fromkeys(["whole", "typed", "text", "part"])
    assert [each["code"] for each in answer["warnings"]] == ["output_unavailable"] * 4
    assert answer["warnings"][0]["message"] == (
        "Output 'whole' is not available: {{inputs.o.y}} is not there: no field 'y'; the fields are: x."
    )


def test_a_file_that_was_given_by_its_url_is_an_output_of_type_file(library: TaskTypes) -> None:
    answer = ran(
        library,
        {"f": "https://example.com/a"},
        inputs=[{"name": "f", "type": "file"}],
        outputs=[{"name": "r", "type": "file", "value": "{{inputs.f}}"}],
    )

    assert (answer["outputs"], answer["warnings"]) == ({"r": "https://example.com/a"}, [])
