from __future__ import annotations

from typing import Any

import pytest

from headrace.definition.templates import FileRef, ValueRef
from headrace.definition.types import Port, TaskTypeSpec
from headrace.tasks.failures import TaskFailure
from headrace.tasks.values import prepare

FILE = FileRef("ab" * 32, 3, "a.txt", "text/plain")


def spec_of(**port: Any) -> TaskTypeSpec:
    wanted = Port(name="value", **port)
    return TaskTypeSpec(type="mill.grind", category="mill", description="", inputs=(wanted,), outputs=())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (5, "5"),
        (5.0, "5"),
        (0.5, "0.5"),
        (True, "true"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
        ([], "[]"),
    ],
)
def test_numbers_booleans_and_objects_become_text_as_in_interpolation(value: Any, text: str) -> None:
    assert prepare(spec_of(type="text"), {"value": value}) == {"value": text}


def test_a_list_that_is_too_large_for_a_text_is_told_as_too_large() -> None:
    with pytest.raises(TaskFailure) as caught:
        prepare(spec_of(type="text"), {"value": [0] * 100_001})

    assert (caught.value.failure.code, caught.value.failure.final) == ("too_large", True)


def test_an_object_is_kept_where_objects_and_texts_are_taken() -> None:
    port = spec_of(type="object", extra_types=("text",))

    assert prepare(port, {"value": {"a": 1}}) == {"value": {"a": 1}}
    assert prepare(port, {"value": [1]}) == {"value": [1]}
    assert prepare(port, {"value": "text"}) == {"value": "text"}


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert prepare(spec_of(type="number", whole=True), {"value": 5.0}) == {"value": 5}


def test_an_absent_optional_value_is_left_out_so_that_the_functions_default_holds() -> None:
    port = spec_of(type="number", required=False, default=3)

    assert prepare(port, {}) == {}
    assert prepare(port, {"value": None}) == {}


@pytest.mark.parametrize(
    "value",
    [
        FILE,
        "https://example.com/a",
        "HTTP://EXAMPLE.com",
        "Data:,x",
        {"url": "https://e.com"},
        {"content_base64": ""},
    ],
)
def test_a_file_may_be_given_in_every_form(value: Any) -> None:
    assert prepare(spec_of(type="file"), {"value": value}) == {"value": value}


@pytest.mark.parametrize(
    ("port", "value", "code", "sentence"),
    [
        ({"type": "text"}, None, "missing_value", "mill.grind needs a value for 'value'; it is absent."),
        (
            {"type": "number"},
            "5",
            "type_mismatch",
            "mill.grind needs a number for 'value'; it got the text '5'.",
        ),
        ({"type": "number"}, True, "type_mismatch", "mill.grind needs a number for 'value'; it got true."),
        (
            {"type": "number"},
            float("nan"),
            "type_mismatch",
            "mill.grind needs a number for 'value'; it got nan.",
        ),
        ({"type": "boolean"}, 1, "type_mismatch", "mill.grind needs a boolean for 'value'; it got 1."),
        (
            {"type": "object"},
            "x",
            "type_mismatch",
            "mill.grind needs an object for 'value'; it got the text 'x'.",
        ),
        (
            {"type": "text"},
            FILE,
            "type_mismatch",
            "mill.grind needs a text for 'value'; it got a value of type file.",
        ),
        ({"type": "text"}, [FILE], "type_mismatch", None),
        ({"type": "text"}, ValueRef("ab" * 32, 9, "json"), "type_mismatch", None),
        (
            {"type": "file"},
            "just text",
            "type_mismatch",
            "mill.grind needs a file for 'value'; it got the text 'just text'.",
        ),
        (
            {"type": "number", "whole": True},
            1.5,
            "invalid_value",
            "mill.grind needs a whole number for 'value'; it got 1.5.",
        ),
        (
            {"type": "number", "minimum": 0, "maximum": 2},
            9,
            "invalid_value",
            "mill.grind needs a number of 0 to 2 for 'value'; it got 9.",
        ),
        (
            {"type": "number", "minimum": 0},
            -1,
            "invalid_value",
            "mill.grind needs a number of at least 0 for 'value'; it got -1.",
        ),
        (
            {"type": "text", "choices": ("a", "b")},
            "c",
            "invalid_value",
            "mill.grind needs one of a, b for 'value'; it got the text 'c'.",
        ),
        (
            {"type": "text", "min_length": 1, "max_length": 4096},
            "",
            "invalid_value",
            "mill.grind needs a text of 1 to 4096 characters for 'value'; it got the text ''.",
        ),
    ],
)
def test_what_does_not_fit_is_a_final_failure_with_a_sentence(
    port: dict[str, Any], value: Any, code: str, sentence: str | None
) -> None:
    with pytest.raises(TaskFailure) as caught:
        prepare(spec_of(**port), {"value": value})

    assert (caught.value.failure.code, caught.value.failure.final) == (code, True)
    assert sentence is None or caught.value.failure.message == sentence


def test_an_input_that_the_type_does_not_have_is_refused() -> None:
    with pytest.raises(TaskFailure, match="has no input 'other'"):
        prepare(spec_of(type="text"), {"value": "x", "other": 1})
