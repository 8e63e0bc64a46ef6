"""JSON at a door for YAML: read as what it is also where YAML does not have all of JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.errors import InvalidDefinition
from headrace.security import documents
from headrace.security.documents import Document, Scalar


def read(text: str) -> Document:
    return documents.read_yaml_texts(text.encode())


def refused(text: str) -> tuple[str, str, int | None, int | None]:
    with pytest.raises(InvalidDefinition) as caught:
        read(text)
    [problem] = caught.value.problems
    return problem.code, problem.message, problem.line, problem.column


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value.value


@pytest.mark.parametrize(
    "value",
    [
        {"name": "emo 😀", "more": {"a": [1, 0.5, None, True, "x"]}},
        {"😀": "a key", "back\\slash": "\\ud83d is no escape 😀"},
        ["😀" * 1000, {}],
        {"k" * 2000: "longer than a key of YAML is"},
    ],
)
def test_what_programs_write_is_what_is_read(value: Any) -> None:
    assert plain(read(json.dumps(value)).value) == value
    assert plain(read(json.dumps(value, indent="\t")).value) == value


def test_numbers_keep_their_texts() -> None:
    found = read('{"a": "\\ud83d\\ude00", "b": 0.50, "c": 1E2, "d": null, "e": true}').value

    assert found["b"] == Scalar("0.50", 0.5)
    assert found["c"] == Scalar("1E2", 100.0)
    assert (found["d"], found["e"]) == (Scalar("null", None), Scalar("true", True))


def test_places_are_those_of_the_text() -> None:
    found = read('{"name": "\\ud83d\\ude00", "x": {"y": 1},\n  "z": "\\ud83d\\ude00", "last": 2}')

    assert found.locate("/x/y") == (1, 32)
    assert found.locate("/last") == (2, 24)


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00", "\\ude00\\ud83d", "\\ud83d\\\\ude00"])
def test_half_of_a_character_is_told_with_its_place(half: str) -> None:
    code, message, line, column = refused('{"a": 1,\n "b": "' + half + '"}')

    assert (code, line, column) == ("yaml_syntax", 2, 8)
    assert message.startswith(f"A lone surrogate is not a character ({half[:6]})")


def test_a_key_that_stands_twice_is_told_here_too() -> None:
    code, _, line, column = refused('{"e": "\\ud83d\\ude00",\n "a": 1, "a": 2}')

    assert (code, line, column) == ("duplicate_key", 2, 10)


def test_what_is_neither_is_told_in_the_words_of_yaml() -> None:
    code, message, line, column = refused('{"e": "\\ud83d\\ude00"')

    assert (code, line, column) == ("yaml_syntax", 1, 10)
    assert "\\U0001F600" in message


def test_other_yaml_stays_as_it_is() -> None:
    text = "a: '\\ud83d\\ude00'\nb: \\ud83d\\ude00\nc: \"\\U0001f600\""

    assert plain(read(text).value) == {"a": "\\ud83d\\ude00", "b": "\\ud83d\\ude00", "c": "😀"}
    assert refused('a: "\\ud83d\\ude00"')[0] == "yaml_syntax"
