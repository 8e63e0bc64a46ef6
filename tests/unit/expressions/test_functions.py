"""Every function of the language, as tables of source and value."""

import pytest

from headrace.definition.templates import Json
from headrace.expressions import ExpressionError, Values, evaluate, parse
from headrace.expressions.functions import BUILT_IN

SCOPE = Values(
    {
        "o": {"b": 1, "a": [2]},
        "nan": 0,
        "big": 2**70,
        "half_character": "\ud800",
        "deep": [[[1]]],
        "long": "9" * 500,
    },
    {"now": lambda: "2026-01-01T00:00:00Z", "uuid": lambda: "u-1", "succeeded": lambda: True},
)

TABLE: list[tuple[str, Json]] = [
    ("string(null)", "null"),
    ("string('a')", "a"),
    ("string(3.0)", "3"),
    ("string(1e20)", "1e+20"),
    ("string(0.1)", "0.1"),
    ("string(false)", "false"),
    ("string([1, null, 'a'])", '[1,null,"a"]'),
    ("o | string", '{"b":1,"a":[2]}'),
    ("number('2')", 2),
    ("number(' -2.5e1 ')", -25.0),
    ("number(2.5)", 2.5),
    ("number(true)", 1),
    ("int(2.9)", 2),
    ("int(-2.9)", -2),
    ("int('7.9')", 7),
    ("bool('no')", False),
    ("bool([0])", True),
    ("[type_of(null), type_of(true), type_of(1), type_of(1.5)]", ["null", "bool", "number", "number"]),
    ("[type_of(''), type_of([]), type_of(o)]", ["string", "array", "object"]),
    ("length('äö😀')", 3),
    ("length([1, 2])", 2),
    ("length(o)", 2),
    ("keys(o)", ["b", "a"]),
    ("values(o)", [1, [2]]),
    ("abs(-2)", 2),
    ("abs(-2.5)", 2.5),
    ("floor(-1.5)", -2),
    ("ceil(1.2)", 2),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(0.49999999999999994)", 0),
    ("round(2.675, 2)", 2.68),
    ("round(2.0, 0)", 2.0),
    ("round(1250, -2)", 1300),
    ("round(7, 2)", 7),
    ("sum([1, 2, 3])", 6),
    ("sum([])", 0),
    ("sum([0.5, 1])", 1.5),
    ("min(2, 1)", 1),
    ("min([3, 1.5, 2])", 1.5),
    ("max('a', 'b')", "b"),
    ("max([1, 4, 2])", 4),
    ("lower('ÄB')", "äb"),
    ("'gate' | upper", "GATE"),
    ("trim('  a ')", "a"),
    ("split('a,b,', ',')", ["a", "b", ""]),
    ("join([1, 'a', null, true, [2]], '-')", "1-a--true-[2]"),
    ("'banana' | replace('an', 'o')", "booa"),
    ("starts_with('tide', 'ti')", True),
    ("ends_with('tide', 'ti')", False),
    ("match('i.e$', 'tide')", True),
    ("'tide' | match('^d')", False),
    ("'x12' | match('\\d{2}')", True),
    ("contains([1, 2], 2.0)", True),
    ("contains('tide', 'id')", True),
    ("contains(o, 'a')", True),
    ("index_of(['a', 'b'], 'b')", 1),
    ("index_of(['a'], 'b')", -1),
    ("index_of('äbc', 'c')", 2),
    ("index_of('abc', 'x')", -1),
    ("count([1, 1.0, true], 1)", 2),
    ("count('aaa', 'a')", 3),
    ("reversed([1, 2])", [2, 1]),
    ("reversed('abc')", "cba"),
    ("sort([3, 1, 2.5])", [1, 2.5, 3]),
    ("sort(['b', 'a'])", ["a", "b"]),
    ("sort([])", []),
    (
        "unique([1, 1.0, true, 'a', 'a', [1], [1.0], o, o, null, null])",
        [1, True, "a", [1], {"b": 1, "a": [2]}, None],
    ),
    ("flat([1, [2, [3]], []])", [1, 2, [3]]),
    ("zip([1, 2, 3], ['a', 'b'])", [[1, "a"], [2, "b"]]),
    ("range(3)", [0, 1, 2]),
    ("range(2, 4)", [2, 3]),
    ("range(4, 2)", []),
    ("range(-1)", []),
    ("slice([1, 2, 3], 1)", [2, 3]),
    ("slice('abcd', 1, -1)", "bc"),
    ("slice([1, 2], -9, 9)", [1, 2]),
    ("chunks([1, 2, 3], 2)", [[1, 2], [3]]),
    ('merge(o, from_json(\'{"a": 0, "c": 3}\'))', {"b": 1, "a": 0, "c": 3}),
    ("default(null, 1)", 1),
    ("missing.name | default('x')", "x"),
    ("upper(o.x) | default('x')", "x"),
    ("default(0, 1)", 0),
    ("default(1, missing)", 1),
    ("first([1, 2])", 1),
    ("first([])", None),
    ("last('abc')", "c"),
    ("last([])", None),
    ("to_json('a\"')", '"a\\""'),
    ("to_json([1.5, false])", "[1.5,false]"),
    ("from_json('[1, {\"a\": null}]')", [1, {"a": None}]),
    ("from_json(to_json(o))", {"b": 1, "a": [2]}),
    ("now()", "2026-01-01T00:00:00Z"),
    ("uuid() + '!'", "u-1!"),
    ("succeeded()", True),
]


@pytest.mark.parametrize(("source", "value"), TABLE)
def test_functions_give(source: str, value: Json) -> None:
    found = evaluate(parse(source), SCOPE)

    assert found == value
    assert type(found) is type(value)


def test_the_table_shows_every_built_in_function() -> None:
    shown = {name for source, _ in TABLE for name in parse(source).functions}

    assert set(BUILT_IN) <= shown


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("number(null)", "null is no number"),
        ("number('1x')", "the string spells no number"),
        ("number('٣')", "the string spells no number"),
        ("number(long)", "the string spells no number"),
        ("number('1e999')", "number out of range"),
        ("int('99999999999999999999')", "integer overflow"),
        ("int(1e300)", "integer overflow"),
        ("number(big)", "integer overflow"),
        ("floor(1e300)", "integer overflow"),
        ("round(big)", "integer overflow"),
        ("round(1.5, 99)", "round takes at most 20 digits, not 99"),
        ("round(1.5, 0.5)", "round needs an integer, not 0.5"),
        ("abs('1')", "abs needs a number, not string"),
        ("length(1)", "length needs a string, an array or an object, not number"),
        ("keys([])", "keys needs an object, not array"),
        ("upper(1)", "upper needs a string, not number"),
        ("sum(['a'])", "sum needs a number, not string"),
        ("sum('a')", "sum needs an array, not string"),
        ("sum([9223372036854775807, 1])", "integer overflow"),
        ("min([])", "min of an empty array"),
        ("max(1, 'a')", "max needs only numbers or only strings, not number and string"),
        ("sort([1, 'a'])", "sort needs only numbers or only strings, not number and string"),
        ("sort([true, null])", "sort needs only numbers or only strings, not bool and null"),
        ("split('a', '')", "split cannot look for an empty string"),
        ("replace('a', '', 'b')", "replace cannot look for an empty string"),
        ("match('(', 'a')", "invalid pattern: missing ): ("),
        ("match('(?=a)', 'a')", "invalid pattern: invalid perl operator: (?="),
        ("match(half_character, 'a')", "a pattern holds half of a character"),
        ("match('a', half_character)", "a text holds half of a character"),
        ("to_json(half_character)", "a text holds half of a character"),
        ("index_of(1, 1)", "index_of needs an array or a string, not number"),
        ("count('a', 1)", "count looks for a string in a string, not for number"),
        ("range('a')", "range needs a number, not string"),
        ("chunks([1], 0)", "chunks needs a size of at least 1, not 0"),
        ("merge(o, 1)", "merge needs an object, not number"),
        ("first(o)", "first needs an array or a string, not object"),
        ("from_json(1)", "from_json needs a string, not number"),
        ("from_json('{')", "from_json cannot read it: Input data was truncated"),
        ("from_json('1e999')", "from_json cannot read it: Number out of range"),
        ("from_json('[' + '1]')[0] + from_json('x' + 'y')", None),
        ("from_json(half_character)", None),
    ],
)
def test_what_functions_cannot_do_is_a_type_error(source: str, message: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(source), SCOPE)

    assert caught.value.message.startswith("Type error: ")
    assert message is None or caught.value.message == f"Type error: {message}"
