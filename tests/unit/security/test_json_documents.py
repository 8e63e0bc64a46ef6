"""Reading of strangers' JSON."""

from __future__ import annotations

import json
import time

import pytest

from headrace.errors import InvalidDefinition, Problem
from headrace.security import documents


def refused(data: bytes) -> tuple[Problem, ...]:
    with pytest.raises(InvalidDefinition) as caught:
        documents.read_json(data)
    return caught.value.problems


def test_a_document_is_read_as_plain_values() -> None:
    text = '{"a": [1, 2.5, "é", null, true], "b": {}}'

    assert documents.read_json(text.encode()).value == {"a": [1, 2.5, "é", None, True], "b": {}}


def test_a_byte_order_mark_is_ignored() -> None:
    assert documents.read_json(b"\xef\xbb\xbf[1]").value == [1]


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"", 1, 1),
        (b"{", 1, 2),
        (b'{"a": 1,\n "b" 2}', 2, 6),
        (b"[1] 2", 1, 5),
        (b'{"a": NaN}', 1, 7),
        (b'["NaN", -Infinity]', 1, 9),
        (b"[1e999]", 1, 2),
        (b"\xff", 1, 1),
        ("[1]".encode("utf-16"), 1, 1),
        (b'["a\nb"]', 1, 4),
        (b"[1]\x00", 1, 4),
        (b"{'a': 1}", 1, 2),
    ],
)
def test_broken_json_is_told_with_its_place(data: bytes, line: int, column: int) -> None:
    (problem,) = refused(data)

    assert (problem.code, problem.line, problem.column) == ("invalid_json", line, column)


@pytest.mark.parametrize("data", [b'["\\ud800"]', b'{"\\udc00\\ud800": 1}', b"[" + b"9" * 5000 + b"]"])
def test_what_cannot_be_written_again_is_refused(data: bytes) -> None:
    assert [problem.code for problem in refused(data)] == ["invalid_json"]


def test_a_surrogate_pair_is_one_character() -> None:
    assert documents.read_json(b'"\\ud83d\\udc4d"').value == "👍"


def test_half_of_a_character_is_told_with_its_place() -> None:
    [problem] = refused(b'{"a": "\\ud83d\\udc4d",\n "b": "x\\\\\\ud83d"}')

    assert problem.message == "A lone surrogate is not a character (\\ud83d) at line 2, column 11."
    assert (problem.line, problem.column) == (2, 11)


def test_every_key_that_stands_twice_is_told_with_its_pointer() -> None:
    problems = refused(b'{"a": 1, "t/x": [{"b": 1,\n "b": 2, "b": 3}],\n "a": {"c": 1, "c": 2}}')

    assert [(problem.path, problem.code) for problem in problems] == [
        ("/t~1x/0/b", "duplicate_key"),
        ("/t~1x/0/b", "duplicate_key"),
        ("/a", "duplicate_key"),
        ("/a/c", "duplicate_key"),
    ]
    assert (problems[2].line, problems[2].column) == (3, 2)
    assert "lines 1 and 3" in problems[2].message


def test_keys_are_compared_after_their_escapes_are_resolved() -> None:
    (problem,) = refused(b'[[], {}, {"x": "\\\\", "\\u0061[": ["{"], "a[": 1}]')

    assert (problem.path, problem.column) == ("/2/a[", 40)


def test_at_most_a_hundred_problems_are_told() -> None:
    assert len(refused(b"[" + b'{"a":1,"a":2},' * 200 + b"1]")) == 100


def test_sixty_four_levels_are_read_and_one_more_is_not() -> None:
    assert documents.read_json(b"[" * 64 + b"]" * 64).value
    assert [problem.code for problem in refused(b"[" * 65 + b"]" * 65)] == ["too_deep"]
    assert [problem.code for problem in refused(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)] == ["too_deep"]


def test_places_of_keys_and_elements_are_found() -> None:
    document = documents.read_json(b'{\n  "tasks": [\n    {"name": "x"},\n    {"a/b": [1, "two"]}\n  ]\n}')

    assert document.locate("") == (1, 1)
    assert document.locate("/tasks") == (2, 3)
    assert document.locate("/tasks/1") == (4, 5)
    assert document.locate("/tasks/1/a~1b") == (4, 6)
    assert document.locate("/tasks/1/a~1b/1") == (4, 17)
    assert document.locate("/tasks/0/name") == (3, 6)


@pytest.mark.parametrize("pointer", ["/nope", "/tasks/2", "/tasks/x", "/tasks/0/name/deeper", "/tasks/-"])
def test_a_missing_part_has_no_place_but_a_nearest_one(pointer: str) -> None:
    document = documents.read_json(b'{"tasks": [{"name": "x"}, {}]}')

    assert document.locate(pointer) is None
    assert document.locate_nearest(pointer) != (0, 0)


def test_the_nearest_place_of_a_missing_member_is_its_object() -> None:
    document = documents.read_json(b'{"tasks": [{"name": "x"}, {}]}')

    assert document.locate_nearest("/tasks/1/type") == document.locate("/tasks/1")


def test_a_large_body_is_read_and_searched_quickly() -> None:
    body = json.dumps({"tasks": [{"name": f"t{n}", "text": "x" * 180} for n in range(75_000)]}).encode()
    began = time.perf_counter()

    document = documents.read_json(body)
    places = [document.locate(f"/tasks/{n}/text") for n in range(0, 75_000, 750)]

    assert all(places)
    assert time.perf_counter() - began < 5, "seconds; it takes 0.4 on a quiet machine"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'{"a": 1e999}', "1e999 is larger than a number can be here"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
    ],
)
def test_a_number_that_is_too_large_is_a_number_all_the_same(text: bytes, told: str) -> None:
    [problem] = refused(text)

    assert problem.message.startswith(told)
