"""Reading of strangers' YAML."""

from __future__ import annotations

import math
import threading
import time
import tracemalloc

import pytest

from headrace.errors import InvalidDefinition, Problem
from headrace.security import documents, yaml_counting
from headrace.security.documents import Scalar


def read(text: str) -> object:
    return documents.read_yaml(text.encode()).value


def refused(data: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(InvalidDefinition) as caught:
        documents.read_yaml(data.encode() if isinstance(data, str) else data)
    return caught.value.problems


def codes(data: str | bytes) -> list[str]:
    return [problem.code for problem in refused(data)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("Null", None),
        ("", None),
        ("017", 17),
        ("0o17", 15),
        ("0xfF", 255),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("-12", -12),
        ("+1", 1),
        ("+0x1", "+0x1"),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        (".", "."),
        ("-", [None]),
        ("+", "+"),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        ("-.INF", "-.INF"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int '3'", 3),
        ("!!float 3", 3.0),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = read(text)

    assert found == value
    assert type(found) is type(value)


def test_keys_are_the_text_that_was_written() -> None:
    assert read("1: a\non: b\n0.50: c\n~: e\n? f\n: g") == {
        "1": "a",
        "on": "b",
        "0.50": "c",
        "~": "e",
        "f": "g",
    }


def test_an_empty_document_is_none() -> None:
    assert read("") is None
    assert read("# only a comment\n") is None


def test_a_byte_order_mark_is_ignored() -> None:
    assert documents.read_yaml(b"\xef\xbb\xbfa: 1").value == {"a": 1}


def test_an_alias_is_the_value_that_it_names() -> None:
    assert read("base: &b {x: [1]}\nsame: *b\nword: &w yes\nagain: *w") == {
        "base": {"x": [1]},
        "same": {"x": [1]},
        "word": "yes",
        "again": "yes",
    }
    assert read("&k 1: x\nvalue: *k") == {"1": "x", "value": 1}


def test_scalars_can_keep_their_text() -> None:
    document = documents.read_yaml_texts(b"cpu: 0.50\nname: '1'\nlist: [yes, ~]\nagain: &a 007\nsame: *a\n")

    assert document.value == {
        "cpu": Scalar("0.50", 0.5),
        "name": Scalar("1", "1"),
        "list": [Scalar("yes", "yes"), Scalar("~", None)],
        "again": Scalar("007", 7),
        "same": Scalar("007", 7),
    }


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: [1", "yaml_syntax", 2, 1),
        ("name: p\nspec:\n- x\nurl z\n", "yaml_syntax", 5, 1),
        ("a: b: c", "yaml_syntax", 1, 5),
        ("a: *nobody", "yaml_syntax", 1, 4),
        ("a: 1\n\x00", "yaml_syntax", 2, 1),
        ("{[a]: b}", "yaml_syntax", 1, 2),
        ("a: &a 1\n*a : 2", "yaml_syntax", 2, 1),
        ("%YAML 9.9\n---\na", "yaml_syntax", 1, 1),
        ("a: 1\n---\nb: 2\n", "yaml_many_documents", 2, 1),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "duplicate_key", 4, 3),
        ("a: !!python/object/apply:os.system [ls]", "yaml_tag", 1, 4),
        ("!local {a: 1}", "yaml_tag", 1, 1),
        ("!!map [1]", "yaml_tag", 1, 1),
        ("a: !!int x", "yaml_tag", 1, 4),
        ("a: !!float 'true'", "yaml_tag", 1, 4),
        ("a: !!timestamp 2024-01-01", "yaml_tag", 1, 4),
        ("!!binary aGk=: 1", "yaml_tag", 1, 1),
        ("a: &a {x: 1}\nb:\n  <<: *a", "yaml_merge_key", 3, 3),
        ("&a [1, *a]", "yaml_too_complex", 1, 8),
        ("- &a\n  x: *a", "yaml_too_complex", 2, 6),
        (b"a: \xff", "not_utf8", 1, 4),
        ("a: 1".encode("utf-16"), "not_utf8", 1, 1),
    ],
)
def test_what_is_refused_says_where(text: str | bytes, code: str, line: int, column: int) -> None:
    (problem,) = refused(text)

    assert (problem.code, problem.line, problem.column) == (code, line, column)


def test_a_quoted_merge_sign_is_an_ordinary_key() -> None:
    assert read("'<<': 1") == {"<<": 1}


def test_all_mistakes_that_allow_reading_on_are_told_at_once() -> None:
    problems = refused("a: 1\nb: !x 1\nc: [{d: 1, d: 2}]\na: 2\n<<: {}\n")

    assert [(problem.path, problem.code) for problem in problems] == [
        ("/b", "yaml_tag"),
        ("/c/0/d", "duplicate_key"),
        ("/a", "duplicate_key"),
        ("/<<", "yaml_merge_key"),
    ]
    assert "lines 1 and 4" in problems[2].message


def test_mistakes_before_a_syntax_error_are_told_with_it() -> None:
    assert codes("a: 1\na: 2\nb: [") == ["duplicate_key", "yaml_syntax"]


@pytest.mark.parametrize("end", ["", "y: ["])
def test_a_hundred_problems_are_told_and_all_are_counted(end: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        documents.read_yaml(b"x: 1\n" * 100_001 + end.encode())

    assert len(caught.value.problems) == 100
    assert caught.value.total == 100_000 + len(end[:1])


def test_depth_counts_aliases_expanded() -> None:
    assert read("[" * 64 + "]" * 64)
    assert codes("[" * 65 + "]" * 65) == ["yaml_too_complex"]

    chain = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(80))

    assert codes(chain) == ["yaml_too_complex"]
    assert read("".join(chain.splitlines(keepends=True)[:63]))


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(LAUGHS, id="billion laughs"),
        pytest.param("a: &a " + "x" * 1_000_000 + "\nb: [" + "*a," * 1000 + "]", id="long text"),
        pytest.param("[" * 100_000, id="brackets"),
        pytest.param("{a: " * 100_000, id="braces"),
        pytest.param("- " * 100_000, id="dashes"),
        pytest.param("? " * 100_000, id="question marks"),
        pytest.param("&a [" + "*a," * 100_000 + "]", id="recursive"),
        pytest.param("[" * 1_000_000, id="a million brackets"),
        pytest.param("\n" * 610_000 + "[" * 60_000, id="brackets behind many lines"),
        pytest.param("x: [" + '"]",[' * 200_000, id="brackets that quotes seem to close"),
        pytest.param("".join(f"%TAG !a{n}! b\n" for n in range(50_000)) + "---\na", id="tag directives"),
        pytest.param("a\n...\n" + "%TAG !a! b\n" * 50_000 + "---\na", id="tag directives further down"),
        pytest.param("%TAG ! " + "a" * 500_000 + "\n---\n[" + "!b c," * 100_000 + "]", id="a long tag"),
        pytest.param("%TAG ! " + "a" * 500_000 + "\n---\n[" + "!b c," * 700_000 + "]", id="tags often"),
    ],
)
def test_a_bomb_is_refused_at_once_and_in_little_memory(bomb: str) -> None:
    tracemalloc.start()
    began = time.perf_counter()
    try:
        assert codes(bomb)[-1] in {"yaml_too_complex", "yaml_syntax", "yaml_tag"}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert time.perf_counter() - began < 1
    assert peak < 100 * 1024 * 1024


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x: [" + "a," * 110_000 + "]", id="list"),
        pytest.param("x: [" + "a," * 110_000, id="list that breaks off"),
        pytest.param("- a\n" * 110_000, id="lines"),
        pytest.param("".join(f"k{n}: v\n" for n in range(55_000)), id="keys"),
    ],
)
def test_too_many_values_cost_no_memory(text: str) -> None:
    data = text.encode()
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDefinition) as caught:
            documents.read_yaml_texts(data, max_nodes=100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    [problem] = caught.value.problems
    assert (problem.code, problem.line, problem.column) == ("yaml_too_complex", 1, 1)
    assert peak < 3 * len(data) + 200_000


def test_two_million_values_in_one_list_are_refused_in_time() -> None:
    data = b"x: [" + b"a," * 2_100_000 + b"]"
    began = time.process_time()
    with pytest.raises(InvalidDefinition):
        documents.read_yaml_texts(data)

    assert time.process_time() - began < 1, "seconds; it takes 0.2 on a quiet machine"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[[],[],[]]", 4),
        ("- - a\n- b: c\n", 6),
        ("[a: b, {c}]", 7),
        ("a: &x\n- b\nc: *x\n", 6),
        ("[a,'[,,,,::::\n\n- ? ]']", 3),
        ("[a,b", 3),
    ],
)
def test_the_count_before_reading_is_exact(text: str, count: int) -> None:
    yaml_counting.check(text, yaml_counting.Limits(64, count, 1000))
    with pytest.raises(InvalidDefinition):
        yaml_counting.check(text, yaml_counting.Limits(64, count - 1, 1000))


def test_levels_after_very_many_values_are_refused_without_reading_those() -> None:
    began = time.thread_time()
    [problem] = refused("x: [" + "a," * 650_000 + "]\ny: " + "[" * 60_000)

    assert time.thread_time() - began < 8, (
        "seconds; it takes 0.7 on a quiet machine, and 25 where all is read"
    )
    assert (problem.code, problem.line, problem.column) == ("yaml_too_complex", 2, 67)


def test_others_get_their_turn_while_a_large_document_is_counted() -> None:
    reading = threading.Thread(target=codes, args=("\n" * 610_000 + "[" * 60_000,))
    turns = 0
    reading.start()
    while reading.is_alive():
        reading.join(0.001)
        turns += 1

    assert turns > 2


def test_the_node_limit_counts_keys_scalars_and_containers() -> None:
    assert documents.read_yaml(b"a: [1, 2]", max_nodes=5).value
    with pytest.raises(InvalidDefinition):
        documents.read_yaml(b"a: [1, 2]", max_nodes=4)


def test_places_of_keys_and_elements_are_found() -> None:
    text = "spec:\n  é: x\n  list:\n    - a\n    - {b/c: 1}\n  same: &s [q]\nother: *s\n"
    document = documents.read_yaml(text.encode())

    assert document.locate("") == (1, 1)
    assert document.locate("/spec") == (1, 1)
    assert document.locate("/spec/é") == (2, 3)
    assert document.locate("/other") == (7, 1)
    assert document.locate("/spec/list/1") == (5, 7)
    assert document.locate("/spec/list/1/b~1c") == (5, 8)
    assert document.locate("/other/0") == (6, 13)
    assert document.locate("/spec/list/2") is None
    assert document.locate("/spec/list/x") is None
    assert document.locate("/spec/nope") is None
    assert document.locate("/spec/é/deeper") is None
    assert document.locate_nearest("/spec/list/1/nope/more") == (5, 7)


def test_a_definition_of_thousands_of_activities_is_read_in_time() -> None:
    text = "name: x\nspec:\n  activities:\n" + "".join(
        f"    - name: act{n}\n      run: |\n        echo {n}\n        {'x' * 280}\n      cpuLimit: 0.50\n"
        f"      dependsOn: [act{n - 1}, act{n - 2}, act{n - 3}]\n"
        for n in range(6448)
    )
    began = time.perf_counter()

    document = documents.read_yaml_texts(text.encode())
    taken = time.perf_counter() - began

    assert document.value["spec"]["activities"][6447]["cpuLimit"] == Scalar("0.50", 0.5)
    assert document.locate("/spec/activities/6447/dependsOn/2") is not None
    assert taken < 1.5, "seconds; it takes 0.25 on a quiet machine"


def test_a_number_stays_finite_whatever_its_tag() -> None:
    value = read("!!float " + "9" * 400)

    assert isinstance(value, str) or math.isfinite(value)  # type: ignore[arg-type]
