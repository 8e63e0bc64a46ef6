"""Every operator, literal and rule of the language, as tables of source and value."""

import pytest

from headrace.definition.templates import Json
from headrace.expressions import (
    ExpressionError,
    ExpressionSyntaxError,
    Values,
    evaluate,
    holds,
    parse,
    truth,
)

SCOPE = Values(
    {
        "n": 3,
        "half": 0.5,
        "text": "tide",
        "ships": ["Ada", "Bea", "Cyd"],
        "task": {"odd name": {"status": "done"}, "and": 1, "grid": [[1, 2], [3, 4]]},
        "kv": {"key": "value"},
        "nothing": None,
        "yes": True,
        "big": 2**70,
        "huge": 10**400,
    }
)


def value_of(source: str) -> Json:
    return evaluate(parse(source), SCOPE)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("2e3", 2000.0),
        ("9223372036854775807", 2**63 - 1),
        ("-5", -5),
        ("'a\\n\\t\\r\\\\\\'\\\"b'", "a\n\t\r\\'\"b"),
        ('"it\'s"', "it's"),
        ("'\\d'", "\\d"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("[]", []),
        ("[1, 'a', [null]]", [1, "a", [None]]),
        ("(1)", 1),
        (" \n1\t", 1),
    ],
)
def test_literals_stand_for_themselves(source: str, value: Json) -> None:
    assert value_of(source) == value
    assert type(value_of(source)) is type(value)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("n", 3),
        ("task['odd name'].status", "done"),
        ("task.and", 1),
        ("task.grid[1][0]", 3),
        ("task.grid.1.0", 3),
        ("task.grid[-1][-1]", 4),
        ("ships[n - 1]", "Cyd"),
        ("ships[1.0]", "Bea"),
        ("task['odd' + ' name']['status']", "done"),
        ("(task).grid", [[1, 2], [3, 4]]),
        ("text[0]", "t"),
        ("'tide'[-1]", "e"),
        ("[1, 2][1]", 2),
        ("[[1, 2]][0][n - 2]", 2),
        ("kv.get('key')", "value"),
        ("kv.get_secret('key')", "value"),
        ("kv.get('k' + 'ey')", "value"),
        ('from_json(\'{"a": {"b": 1}}\').a.b', 1),
    ],
)
def test_names_fields_and_elements_are_read(source: str, value: Json) -> None:
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 2 - 1", 4),
        ("1 + 0.5", 1.5),
        ("2 * half", 1.0),
        ("6 / 2", 3),
        ("7 / 2", 3.5),
        ("-6 / 4", -1.5),
        ("6.0 / 2", 3.0),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("-7.5 % 2", -1.5),
        ("-n", -3),
        ("--n", 3),
        ("- -2", 2),
        ("-half", -0.5),
        ("-1 | abs", -1),
        ("(-1) | abs", 1),
        ("'a' + 'b' + 'c'", "abc"),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("1 + 2 | string | length", 2),
        ("-9223372036854775807 - 1", -(2**63)),
        ("big % 7", 2**70 % 7),
    ],
)
def test_arithmetic(source: str, value: Json) -> None:
    assert value_of(source) == value
    assert type(value_of(source)) is type(value)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("3 == 3.0", True),
        ("1 == true", False),
        ("'1' == 1", False),
        ("null == null", True),
        ("nothing != false", True),
        ("[1, [2]] == [1.0, [2]]", True),
        ("[1] == [1, 2]", False),
        ("[1] == [true]", False),
        ('from_json(\'{"a": 1, "b": [2]}\') == from_json(\'{"b": [2.0], "a": 1}\')', True),
        ("from_json('{\"a\": 1}') == from_json('{\"b\": 1}')", False),
        ("from_json('{\"a\": 1}') == from_json('{\"a\": 2}')", False),
        ("1 < 2", True),
        ("2 <= 1.5", False),
        ("'a' < 'b'", True),
        ("'b' >= 'b'", True),
        ("2 > 1", True),
        ("'Bea' in ships", True),
        ("1.0 in [1]", True),
        ("'and' in task", True),
        ("'x' in task", False),
        ("'id' in text", True),
        ("1 < 2 == true", True),
        ("1 + 1 == 2", True),
    ],
)
def test_comparisons(source: str, value: Json) -> None:
    assert value_of(source) is value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 and 'a'", True),
        ("1 and 0", False),
        ("0 or []", False),
        ("0 or 'no' or 2", True),
        ("1 and 1 and 0", False),
        ("not 0", True),
        ("not not 'x'", True),
        ("not 1 == 2", True),
        ("not 1 and 0", False),
        ("1 or 1 and 0", True),
        ("false and missing", False),
        ("true or missing", True),
        ("n > 2 ? 'high' : 'low'", "high"),
        ("false ? missing : 1", 1),
        ("true ? 1 : missing", 1),
        ("0 ? 1 : 0 ? 2 : 3", 3),
        ("1 ? 0 ? 1 : 2 : 3", 2),
        ("0 or 1 ? 'a' : 'b'", "a"),
        ("(1 ? 2 : 3) + 1", 3),
    ],
)
def test_only_the_deciding_sides_are_evaluated(source: str, value: Json) -> None:
    assert value_of(source) == value
    assert type(value_of(source)) is type(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (False, False),
        (0, False),
        (0.0, False),
        ("", False),
        ([], False),
        ({}, False),
        ("false", False),
        (" FALSE\n", False),
        ("0", False),
        ("No", False),
        (True, True),
        (1, True),
        (-0.5, True),
        (" ", True),
        ("null", True),
        ("off", True),
        ([0], True),
        ({"a": None}, True),
    ],
    ids=repr,
)
def test_there_is_one_rule_of_truth(value: Json, expected: bool) -> None:
    assert truth(value) is expected
    assert holds(parse("v"), Values({"v": value})) is expected
    assert evaluate(parse("v ? true : false"), Values({"v": value})) is expected
    assert evaluate(parse("bool(v)"), Values({"v": value})) is expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing", "Variable not found: field 'missing'"),
        ("task.x.y", "Variable not found: field 'x'"),
        ("text.__class__", "Variable not found: field '__class__'"),
        ("nothing.x", "Variable not found: field 'x'"),
        ("ships['a']", "Variable not found: field 'a'"),
        ("(1 + 1).real", "Variable not found: field 'real'"),
        ("ships[3]", "Index out of bounds: 3"),
        ("ships[-4]", "Index out of bounds: -4"),
        ("ships[n]", "Index out of bounds: 3"),
        ("nothing[0]", "Type error: null cannot be read by number"),
        ("task[0]", "Type error: object cannot be read by number"),
        ("ships[true]", "Type error: an index must be an integer or a string, not bool"),
        ("ships[0.5]", "Type error: an index must be an integer or a string, not number"),
        ("1 / 0", "Division by zero"),
        ("1 / 0.0", "Division by zero"),
        ("1 % 0", "Division by zero"),
        ("9223372036854775807 + 1", "Type error: integer overflow"),
        ("(-9223372036854775807 - 1) / -1", "Type error: integer overflow"),
        ("-big", "Type error: integer overflow"),
        ("1e308 * 10", "Type error: number out of range"),
        ("huge + 0.5", "Type error: number out of range"),
        ("1 + 'a'", "Type error: '+' needs two numbers, two strings or two arrays, not number and string"),
        ("[] - 1", "Type error: '-' needs two numbers, not array and number"),
        ("true * 2", "Type error: '*' needs two numbers, not bool and number"),
        ("'a' / 2", "Type error: '/' needs two numbers, not string and number"),
        ("null % 2", "Type error: '%' needs two numbers, not null and number"),
        ("-'a'", "Type error: '-' needs a number, not string"),
        ("-true", "Type error: '-' needs a number, not bool"),
        ("1 < 'a'", "Type error: '<' needs two numbers or two strings, not number and string"),
        ("null >= 1", "Type error: '>=' needs two numbers or two strings, not null and number"),
        ("1 in 2", "Type error: an array, an object or a string may contain something, not number"),
        ("1 in 'a'", "Type error: an object or a string contains strings, not number"),
        ("1 in task", "Type error: an object or a string contains strings, not number"),
        ("now()", "'now()' is not available here"),
    ],
)
def test_errors_of_evaluation_have_fixed_texts(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value_of(source)

    assert caught.value.message == message
    assert not isinstance(caught.value, ExpressionSyntaxError)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a & b", "Unexpected character '&' at position 2"),
        ("a || b", "Unexpected '|' at position 3"),
        ("a = 1", "Unexpected character '=' at position 2"),
        ("9 ** 9", "Unexpected '*' at position 3"),
        ("!a", "Unexpected character '!' at position 0"),
        ("'open", "Unterminated text at position 0"),
        ('f("\\")', "Unterminated text at position 2"),
        ("", "Unexpected end of expression"),
        ("1 +", "Unexpected end of expression"),
        ("(1", "Unexpected end of expression"),
        ("1 2", "Unexpected '2' at position 2"),
        ("a b", "Unexpected 'b' at position 2"),
        ("[1 2]", "Unexpected '2' at position 3"),
        ("[1,]", "Unexpected ']' at position 3"),
        ("a == not b", "Unexpected 'not' at position 5"),
        ("a not in b", "Unexpected 'not' at position 2"),
        ("1 ? 2", "Unexpected end of expression"),
        ("a.[b]", "Unexpected '[' at position 2"),
        ("a | 1", "Unexpected '1' at position 4"),
        ("a[1](2)", "Unknown function: a.1"),
        ("a.b(2)", "Unknown function: a.b"),
        ("kv.set('a')", "Unknown function: kv.set"),
        ("kv.get()", "Wrong number of arguments for kv.get: expected 1, got 0"),
        ("[1](2)", "Unexpected '(' at position 3"),
        ("{}", "Unexpected character '{' at position 0"),
        ("eval('1')", "Unknown function: eval"),
        ("x | nope(1)", "Unknown function: nope"),
        ("upper()", "Wrong number of arguments for upper: expected 1, got 0"),
        ("'a' | replace('b')", "Wrong number of arguments for replace: expected 3, got 2"),
        ("round(1, 2, 3)", "Wrong number of arguments for round: expected 1 or 2, got 3"),
        ("default(1)", "Wrong number of arguments for default: expected 2, got 1"),
        ("succeeded(1)", "Wrong number of arguments for succeeded: expected 0, got 1"),
        ("9223372036854775808", "Number out of range at position 0"),
        ("1 + 1e999", "Number out of range at position 4"),
        ("a." + "1" * 500, "Number out of range at position 2"),
    ],
)
def test_errors_of_reading_have_fixed_texts(source: str, message: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(source)

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("1 + missing", 4),
        ("task.grid + ships[9]", 12),
        ("1 + 2 + 'a'", 6),
        ("upper(1)", 0),
        ("length(ships[9])", 7),
        ("-ships", 0),
        ("(ships)[9 - 1]", 7),
        ("now()", 0),
    ],
)
def test_errors_tell_their_place(source: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        value_of(source)

    assert caught.value.position == position


def test_an_unreadable_character_tells_its_place() -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse("a & b")

    assert caught.value.position == 2


def test_references_are_the_longest_paths_that_are_known_beforehand() -> None:
    expression = parse("tasks.a.outputs['x y'][n.m].z + default(item[-1], now()) == vars.q | upper")

    assert [(found.root, found.path, found.position) for found in expression.references] == [
        ("tasks", ("a", "outputs", "x y"), 0),
        ("n", ("m",), 23),
        ("item", (-1,), 40),
        ("vars", ("q",), 60),
    ]
    assert expression.roots == {"tasks", "n", "item", "vars"}
    assert expression.functions == {"default", "now", "upper"}
    assert expression.source.startswith("tasks.a")


def test_an_expression_is_read_once() -> None:
    assert parse("1 + n") is parse("1 + n")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("from_json('{\"0\": \"zero\"}').'0'", "zero"),
        ("task.grid.'1'.'0'", 3),
        ("task.'odd name'.'status'", "done"),
        ("default(text.'0', 'no letter')", "no letter"),
        ("default(n.'0', 'no digit')", "no digit"),
        ("default(ships.'name', 'no field')", "no field"),
        ("default(ships.'00000000000000000000', 'no place')", "no place"),
    ],
)
def test_a_step_reads_a_key_of_an_object_and_a_place_of_a_list(source: str, value: Json) -> None:
    assert value_of(source) == value


def test_a_step_beyond_a_list_is_told_as_a_place_is() -> None:
    with pytest.raises(ExpressionError, match="Index out of bounds: 3"):
        value_of("ships.'3'")
