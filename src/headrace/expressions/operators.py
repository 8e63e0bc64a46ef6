"""What `+ - * / %`, unary `-`, comparisons and `in` do with two values.

Integers have 64 bits and overflow is an error; no operation here makes an infinity or a NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from math import fmod, isfinite

from headrace.definition.templates import Json
from headrace.expressions.errors import ExpressionError, WrongType
from headrace.expressions.evaluation import Evaluation
from headrace.expressions.values import equal, is_number, kind_of

Operator = Callable[[Evaluation, Json, Json], Json]

_BEYOND = 1 << 63


def in_range(value: float) -> int | float:
    """Return a number that the language can hold; raise WrongType for any other."""
    if type(value) is int:
        if -_BEYOND <= value < _BEYOND:
            return value
        raise WrongType("integer overflow")
    if isfinite(value):
        return value
    raise WrongType("number out of range")


def negative(work: Evaluation, value: Json) -> Json:
    """Return `-x`."""
    value = work.look(value)
    if not is_number(value):
        raise WrongType(f"'-' needs a number, not {kind_of(value)}")
    return in_range(-value)


def plus(work: Evaluation, left: Json, right: Json) -> Json:
    """Add two numbers or join two texts or two lists."""
    left, right = work.look(left), work.look(right)
    if is_number(left) and is_number(right):
        return _computed(float.__add__, int.__add__, left, right)
    if type(left) is str and type(right) is str:
        work.spend((len(left) + len(right)) >> 6)
        return left + right
    if type(left) is list and type(right) is list:
        work.spend(len(left) + len(right))
        return left + right
    raise WrongType(
        f"'+' needs two numbers, two strings or two arrays, not {kind_of(left)} and {kind_of(right)}"
    )


def minus(work: Evaluation, left: Json, right: Json) -> Json:
    """Subtract."""
    left, right = _numbers(work, "-", left, right)
    return _computed(float.__sub__, int.__sub__, left, right)


def times(work: Evaluation, left: Json, right: Json) -> Json:
    """Multiply."""
    left, right = _numbers(work, "*", left, right)
    return _computed(float.__mul__, int.__mul__, left, right)


def divided(work: Evaluation, left: Json, right: Json) -> Json:
    """Divide; an exact quotient of integers stays an integer."""
    left, right = _numbers(work, "/", left, right)
    if right == 0:
        raise ExpressionError("Division by zero")
    if type(left) is int and type(right) is int:
        quotient, rest = divmod(left, right)
        if rest == 0:
            return in_range(quotient)
    return _computed(float.__truediv__, int.__truediv__, left, right)


def remainder(work: Evaluation, left: Json, right: Json) -> Json:
    """Return what division leaves, with the sign of the left."""
    left, right = _numbers(work, "%", left, right)
    if right == 0:
        raise ExpressionError("Division by zero")
    return _computed(fmod, _integer_remainder, left, right)


def _integer_remainder(left: int, right: int) -> int:
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _computed(
    of_floats: Callable[[float, float], float],
    of_integers: Callable[[int, int], float],
    left: float,
    right: float,
) -> int | float:
    try:
        if type(left) is int and type(right) is int:
            return in_range(of_integers(left, right))
        return in_range(of_floats(float(left), float(right)))
    except OverflowError:
        raise WrongType("number out of range") from None


def _numbers(work: Evaluation, sign: str, left: Json, right: Json) -> tuple[Json, Json]:
    left, right = work.look(left), work.look(right)
    if is_number(left) and is_number(right):
        return left, right
    raise WrongType(f"'{sign}' needs two numbers, not {kind_of(left)} and {kind_of(right)}")


def _ordered(sign: str, holds: Callable[[Json, Json], bool]) -> Operator:
    def compare(work: Evaluation, left: Json, right: Json) -> bool:
        left, right = work.look(left), work.look(right)
        if not (is_number(left) and is_number(right)):
            if not (type(left) is str and type(right) is str):
                raise WrongType(
                    f"'{sign}' needs two numbers or two strings, not {kind_of(left)} and {kind_of(right)}"
                )
            work.spend(min(len(left), len(right)) >> 6)
        return holds(left, right)

    return compare


def same(work: Evaluation, left: Json, right: Json) -> bool:
    """Say whether two values are deeply equal."""
    return equal(work, left, right)


def different(work: Evaluation, left: Json, right: Json) -> bool:
    """Say whether two values are not deeply equal."""
    return not equal(work, left, right)


def is_in(work: Evaluation, needle: Json, hay: Json) -> bool:
    """Say whether a list has such a member, an object such a key, or a text such a part."""
    hay = work.look(hay)
    if type(hay) is list:
        work.spend(len(hay))
        return any(equal(work, item, needle) for item in hay)
    if type(hay) not in {dict, str}:
        raise WrongType(f"an array, an object or a string may contain something, not {kind_of(hay)}")
    needle = work.look(needle)
    if type(needle) is not str:
        raise WrongType(f"an object or a string contains strings, not {kind_of(needle)}")
    if type(hay) is str:
        work.spend((len(hay) + len(needle)) >> 6)
    return needle in hay


BY_SIGN: dict[str, Operator] = {
    "==": same,
    "!=": different,
    "<": _ordered("<", lambda left, right: bool(left < right)),
    ">": _ordered(">", lambda left, right: bool(left > right)),
    "<=": _ordered("<=", lambda left, right: bool(left <= right)),
    ">=": _ordered(">=", lambda left, right: bool(left >= right)),
    "in": is_in,
    "+": plus,
    "-": minus,
    "*": times,
    "/": divided,
    "%": remainder,
}
