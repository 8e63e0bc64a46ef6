from __future__ import annotations

from pathlib import Path

import pytest

from headrace.cli.inputs import pairs, typed
from headrace.cli.statuses import UsageError


def test_a_value_is_read_by_the_type_of_its_input() -> None:
    given = {"a": "5", "b": "5", "c": "true", "d": "[1, 2]", "e": '{"x": 1}', "f": "5", "g": "five"}
    types = {"a": "text", "b": "number", "c": "boolean", "d": "list", "e": "object", "f": "any", "g": "any"}

    assert typed(given, types) == {
        "a": "5",
        "b": 5,
        "c": True,
        "d": [1, 2],
        "e": {"x": 1},
        "f": 5,
        "g": "five",
    }


def test_a_value_may_contain_what_separates() -> None:
    assert pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}


def test_a_name_that_nobody_knows_is_sent_as_it_is() -> None:
    assert typed({"a": "5"}, {}) == {"a": "5"}


def test_a_file_for_an_input_of_type_file_stays_a_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(b"\xff")

    assert typed({"talk": f"@{path}"}, {"talk": "file"}) == {"talk": path}


@pytest.mark.parametrize("text", ["@nowhere", "five", "@/"])
def test_what_cannot_be_read_names_the_input(text: str) -> None:
    with pytest.raises(UsageError, match="The input 'size'"):
        typed({"size": text}, {"size": "number"})


def test_bytes_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "talk.mp3").write_bytes(b"\xff")

    with pytest.raises(UsageError, match="not UTF-8"):
        typed({"text": f"@{tmp_path / 'talk.mp3'}"}, {"text": "text"})
