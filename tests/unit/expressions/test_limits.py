"""Whatever the source and the values, an expression ends early and with a named reason."""

import pytest

from headrace.expressions import (
    Budget,
    ExpressionError,
    ExpressionSyntaxError,
    TooExpensive,
    Values,
    evaluate,
    parse,
)

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    "source",
    [
        "range(1000000000)",
        "range(100001)",
        "range(-1e300, 1e300)",
        "join([t, t, t, t, t, t, t], '')",
        "t + t + t + t + t + t + t + t",
        "to_json([t, t, t, t, t, t, t])",
        "t == t and t == t and t == t and t == t and t == t and t == t and t == t",
        "not t or not t or not t or not t or not t or not t or not t",
        "replace(t, 'x', 'yyyyyyy')",
        "split(t, 'x')",
        "not (t in t) or not (t in t) or not (t in t) or t in t",
        "match('x.{900}z', t)",
        "sum(items)",
        "1 in items",
        "items + items",
        "flat([items, items])",
        "unique([items, items])",
        "sort(items)",
        "items == items",
        "to_json(items)",
        "from_json(commas)",
        "merge(o, o)",
        "string(o)",
    ],
)
def test_too_many_steps_end_the_evaluation(source: str) -> None:
    scope = Values(
        {
            "t": "x" * MEBIBYTE,
            "items": [0] * 100_001,
            "commas": "[" + "0," * 100_001 + "0]",
            "o": {str(key): key for key in range(100_001)},
        }
    )

    with pytest.raises(TooExpensive) as caught:
        evaluate(parse(source), scope)

    assert caught.value.message == "Expression too expensive: more than 100000 steps"


@pytest.mark.parametrize(
    "source",
    [
        "t + 'y'",
        "'ä' + t",
        "[t, t]",
        "[[t], o]",
        "merge(o, p)",
        "[items, items, items, items, items, items]",
        "[[items], [items, items, items, items, items]]",
    ],
)
def test_a_value_that_is_too_large_ends_the_evaluation(source: str) -> None:
    scope = Values(
        {
            "t": "x" * MEBIBYTE,
            "o": {"k" * MEBIBYTE: 1},
            "p": {"b": 1},
            "items": [0] * 90_000,
        }
    )

    with pytest.raises(TooExpensive) as caught:
        evaluate(parse(source), scope)

    assert caught.value.message == "Expression too expensive: more than 1048576 bytes of value"


def test_a_value_that_was_there_before_is_passed_on_whatever_its_size() -> None:
    text = "x" * 2 * MEBIBYTE

    assert evaluate(parse("o.t"), Values({"o": {"t": text}})) is text


@pytest.mark.parametrize(
    ("source", "value"),
    [("length(t) > 1000", True), ("slice(t, 1, 3)", "xx"), ("t == 'x'", False), ("t != 'x'", True)],
)
def test_a_look_at_a_long_text_costs_what_is_looked_at(source: str, value: object) -> None:
    text = "x" * 16 * MEBIBYTE

    assert evaluate(parse(source), Values({"t": text})) == value


def test_a_budget_may_be_shared() -> None:
    budget = Budget(10)

    evaluate(parse("1 + 1 + 1"), Values({}), budget)
    assert budget.left == 5
    with pytest.raises(TooExpensive):
        evaluate(parse("[1, 2, 3, 4, 5]"), Values({}), budget)


def test_only_visited_nodes_are_paid_for() -> None:
    budget = Budget()

    evaluate(parse("true ? 1 : [1, 2, 3, 4, 5, 6]"), Values({}), budget)
    evaluate(parse("true or [1, 2, 3, 4, 5, 6]"), Values({}), budget)
    evaluate(parse("default(1, [1, 2, 3, 4, 5, 6])"), Values({}), budget)

    assert budget.left == 100_000 - 3 - 2 - 2


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("a[", "]"), ("abs(", ")"), ("1 ? 1 : ", "")],
)
def test_sixty_four_levels_are_enough(opening: str, closing: str) -> None:
    parse(opening * 60 + "x" + closing * 60)
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(opening * 70 + "x" + closing * 70)

    assert caught.value.message == "Expression nested too deeply: more than 64 levels"


def test_levels_count_that_no_bracket_shows() -> None:
    level = "({} * 1 + 2 == 3 and 4 or 5)"
    source = "1"
    for _ in range(20):
        source = level.format(source)

    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(source)

    assert caught.value.message == "Expression nested too deeply: more than 64 levels"


def test_a_long_chain_is_not_deep() -> None:
    assert evaluate(parse(" + ".join(["1"] * 4000)), Values({})) == 4000
    assert evaluate(parse("'a'" + " | upper" * 50), Values({})) == "A"


@pytest.mark.parametrize("character", ["x", "ä"])
def test_a_long_source_is_refused(character: str) -> None:
    parse(f"'{character * 8000}'")
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(f"'{character * 16_384}'")

    assert caught.value.message == "Expression too long: more than 16384 bytes"


def test_deep_values_are_refused_where_they_are_made_or_walked() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    scope = Values({"deep": deep, "source": "[" * 70 + "]" * 70})

    for source in ("deep == [deep]", "to_json(deep)", "from_json(source)"):
        with pytest.raises(ExpressionError, match="Type error"):
            evaluate(parse(source), scope)


def test_a_pattern_cannot_walk_back() -> None:
    scope = Values({"t": "a" * 50_000 + "b"})

    assert evaluate(parse("match('(a+)+$', t)"), scope) is False
