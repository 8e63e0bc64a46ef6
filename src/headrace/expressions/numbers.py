"""The functions on numbers, and `min` and `max`, which also take texts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from math import ceil, floor

from headrace.definition.templates import Json
from headrace.expressions.arguments import Function, array, comparable, integer, number
from headrace.expressions.errors import WrongType
from headrace.expressions.evaluation import Evaluation
from headrace.expressions.operators import in_range, plus

_EXACT = Context(prec=700, rounding=ROUND_HALF_UP)
"""Wide enough for every float: 309 digits before the point and the most that may be asked for behind it."""

_MOST_DIGITS = 20


def absolute(_: Evaluation, value: Json) -> int | float:
    """Return the number without its sign."""
    return in_range(abs(number("abs", value)))


def rounded_down(_: Evaluation, value: Json) -> int | float:
    """Return the largest integer that is not above the number."""
    return in_range(floor(number("floor", value)))


def rounded_up(_: Evaluation, value: Json) -> int | float:
    """Return the smallest integer that is not below the number."""
    return in_range(ceil(number("ceil", value)))


def rounded(_: Evaluation, value: Json, digits: Json = None) -> int | float:
    """Round half away from zero: to an integer, or to so many decimal digits."""
    given = in_range(number("round", value))
    places = 0 if digits is None else integer("round", digits)
    if abs(places) > _MOST_DIGITS:
        raise WrongType(f"round takes at most {_MOST_DIGITS} digits, not {places}")
    # the decimal digits that people see are rounded, not the binary ones: 2.675 gives 2.68
    exact = Decimal(repr(given)).quantize(Decimal(1).scaleb(-places), context=_EXACT)
    return in_range(int(exact) if digits is None or type(given) is int else float(exact))


def total(work: Evaluation, value: Json) -> Json:
    """Return the sum of a list of numbers."""
    result: Json = 0
    for item in array(work, "sum", value):
        result = plus(work, result, number("sum", item))
    return result


def smallest(work: Evaluation, first: Json, *others: Json) -> Json:
    """Return the smaller of two values, or the smallest of a list."""
    return min(_candidates(work, "min", first, others))


def largest(work: Evaluation, first: Json, *others: Json) -> Json:
    """Return the larger of two values, or the largest of a list."""
    return max(_candidates(work, "max", first, others))


def _candidates(work: Evaluation, name: str, first: Json, others: tuple[Json, ...]) -> list[Json]:
    values = [first, *others] if others else array(work, name, first)
    if not values:
        raise WrongType(f"{name} of an empty array")
    return comparable(work, name, values)


FUNCTIONS = {
    "abs": Function(absolute, range(1, 2)),
    "floor": Function(rounded_down, range(1, 2)),
    "ceil": Function(rounded_up, range(1, 2)),
    "round": Function(rounded, range(1, 3)),
    "sum": Function(total, range(1, 2)),
    "min": Function(smallest, range(1, 3)),
    "max": Function(largest, range(1, 3)),
}
