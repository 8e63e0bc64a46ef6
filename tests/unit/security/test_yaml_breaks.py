"""Characters that ended a line in YAML 1.1, and are like any other since YAML 1.2."""

from __future__ import annotations

import pytest

from headrace.errors import InvalidDefinition, Problem
from headrace.security import documents

ONCE_BREAKS = [
    pytest.param("\x85", id="next line"),
    pytest.param("\u2028", id="line separator"),
    pytest.param("\u2029", id="paragraph separator"),
]


def read(text: str) -> object:
    return documents.read_yaml(text.encode()).value


def refused(text: str) -> Problem:
    with pytest.raises(InvalidDefinition) as caught:
        documents.read_yaml(text.encode())
    return caught.value.problems[0]


@pytest.mark.parametrize("mark", ONCE_BREAKS)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: |\n  p?q\n  r\n", "p?q\nr\n"),
        ("a: >\n  p?q\n  r\n", "p?q r\n"),
        ("a: p?q", "p?q"),
        ("a: 'p?q'", "p?q"),
        ("a: '?'", "?"),
        ('a: "p?q"', "p?q"),
        ("a: p # x?b: 1\n", "p"),
        ("a: [p?q]", ["p?q"]),
        ("a: {k?: v}", {"k?": "v"}),
        ("a: &x p?q", "p?q"),
        ("a: |\r\n  p?\r\n  ?q\r\n", "p?\n?q\n"),
        ("a: |\r  p?\r", "p?\n"),
    ],
)
def test_it_is_an_ordinary_character_everywhere(mark: str, text: str, value: object) -> None:
    wanted = repr(value).replace("?", repr(mark)[1:-1])

    assert repr(read(text.replace("?", mark))["a"]) == wanted  # type: ignore[index]


@pytest.mark.parametrize("mark", ONCE_BREAKS)
def test_lines_and_columns_after_it_stay_what_they_are(mark: str) -> None:
    text = f"a: |\n  p{mark}q\n# {mark}\nb{mark}: 1\nb{mark}: 2\n"
    document = documents.read_yaml(f"a: x{mark}\nb: 1\nc: [{mark}, d]\n".encode())

    problem = refused(text)
    assert (problem.code, problem.line, problem.column) == ("duplicate_key", 5, 1)
    assert problem.path == f"/b{mark}"
    assert document.locate("/b") == (2, 1)
    assert document.locate("/c/1") == (3, 8)


@pytest.mark.parametrize("mark", ONCE_BREAKS)
def test_the_place_of_a_forbidden_character_after_it_is_found(mark: str) -> None:
    problem = refused(f"a: {mark}\nb: {mark}\x01")

    assert (problem.code, problem.line, problem.column) == ("yaml_syntax", 2, 5)
    assert "U+0001" in problem.message


def test_escapes_give_these_characters_with_and_without_them_in_the_text() -> None:
    escapes = r'"\N\L\P\u0085\u2028\u2029\x85\U00002028"'
    value = "\x85\u2028\u2029\x85\u2028\u2029\x85\u2028"

    assert read(f"a: {escapes}") == {"a": value}
    assert read(f"a: {escapes}\nb: \x85\u2028\u2029") == {"a": value, "b": "\x85\u2028\u2029"}


def test_an_escaped_one_joins_no_lines() -> None:
    assert refused('a: "p\\\u2028q"').code == "yaml_syntax"


def test_private_characters_are_kept_as_they_are_beside_them() -> None:
    private = "".join(map(chr, range(0xE000, 0xE489)))
    text = f'a: "\\uE489\\U0000e48a\\ue48B"\nb: "{private}"\nc: \u2028\x85\u2029\n'

    assert read(text) == {"a": "\ue489\ue48a\ue48b", "b": private, "c": "\u2028\x85\u2029"}


def test_a_text_that_leaves_no_character_to_stand_for_them_is_refused() -> None:
    private = "".join(map(chr, range(0xE000, 0xF900)))

    assert read(f"a: {private}") == {"a": private}
    problem = refused(f"a: {private}\nb: \u2028")
    assert problem.code == "yaml_too_complex"
    assert "U+2028" in problem.message
    assert read(f'a: {private}\nb: "\\u2028"') == {"a": private, "b": "\u2028"}
