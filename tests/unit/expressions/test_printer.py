"""A tree is written as source with the parentheses that it needs and no others."""

import pytest

from headrace.expressions import parse
from headrace.expressions.printer import source_of


@pytest.mark.parametrize(
    "source",
    [
        "null",
        "[true, false, -1, 1.5, 1e+20]",
        "'it\\'s \\\\ \\n\\t\\r\"'",
        "a.b[0]['odd key'].in[-1]",
        "a[b.c].d",
        "length(a)[0].x",
        "a + b - c",
        "a - (b - c)",
        "(a + b) * c % d",
        "-a",
        "-(a + b)",
        "--a",
        "(-a).b",
        "(-1)[0]",
        "not a == b",
        "(not a) == b",
        "not (a and b) or c and d",
        "(a or b) and (c or d)",
        "(a and b) and c",
        "a in b == c",
        "a ? b : c ? d : e",
        "(a ? b : c) ? d : e",
        "a ? b ? c : d : e",
        "(a ? b : c) + 1",
        "upper(a + b)",
        "(a + b)[0]",
        "[a][0]",
        "'a'[0]",
        "a.'0'.b.'odd key'[1]",
        "(a + b).'0'",
    ],
)
def test_a_tidy_source_is_written_as_it_was(source: str) -> None:
    assert source_of(parse(source).tree) == source


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("a|upper", "upper(a)"),
        ("a | match('b')", "match('b', a)"),
        ("((a))", "a"),
        ("(a * b) + c", "a * b + c"),
        ("a.0", "a[0]"),
        ('a["b"]', "a.b"),
        ("kv.get('a b')", "kv['a b']"),
        ("- 1", "-1"),
        ("1.0", "1.0"),
        ('"a"', "'a'"),
    ],
)
def test_other_ways_to_write_are_made_one(source: str, written: str) -> None:
    assert source_of(parse(source).tree) == written
