"""What a function of the language asks of its arguments; each check also pays for reading them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from headrace.definition.templates import Json, ValueRef
from headrace.expressions.errors import WrongType
from headrace.expressions.evaluation import Evaluation
from headrace.expressions.values import is_number, kind_of


class Function(Struct, frozen=True):
    """A function that is built in."""

    call: Callable[..., Json]
    """Takes the evaluation and the arguments; these are loaded, but what is inside them need not be."""
    arity: range
    """How many arguments it may have."""


def string(work: Evaluation, name: str, value: Json) -> str:
    """Return a text."""
    if type(value) is not str:
        raise WrongType(f"{name} needs a string, not {kind_of(value)}")
    work.spend(len(value) >> 6)
    return value


def array(work: Evaluation, name: str, value: Json) -> list[Any]:
    """Return a list whose elements are loaded; what is inside these need not be."""
    if type(value) is not list:
        raise WrongType(f"{name} needs an array, not {kind_of(value)}")
    work.spend(len(value))
    if any(type(item) is ValueRef for item in value):
        return [work.look(item) for item in value]
    return value


def sequence(work: Evaluation, name: str, value: Json) -> Any:
    """Return a list or a text."""
    if type(value) is str:
        work.spend(len(value) >> 6)
    elif type(value) is list:
        work.spend(len(value))
    else:
        raise WrongType(f"{name} needs an array or a string, not {kind_of(value)}")
    return value


def mapping(work: Evaluation, name: str, value: Json) -> dict[str, Any]:
    """Return an object."""
    if type(value) is not dict:
        raise WrongType(f"{name} needs an object, not {kind_of(value)}")
    work.spend(len(value))
    return value


def number(name: str, value: Json) -> int | float:
    """Return a number."""
    if not is_number(value):
        raise WrongType(f"{name} needs a number, not {kind_of(value)}")
    return value  # type: ignore[no-any-return]


def integer(name: str, value: Json) -> int:
    """Return an integral number as an integer."""
    given = number(name, value)
    if given != given // 1:
        raise WrongType(f"{name} needs an integer, not {given}")
    return int(given)


def comparable(work: Evaluation, name: str, values: list[Any]) -> list[Any]:
    """Return the values when all are numbers or all are texts, paying for the texts."""
    if all(type(value) is str for value in values):
        work.spend(sum(len(value) >> 6 for value in values))
    elif not all(is_number(value) for value in values):
        kinds = " and ".join(sorted({kind_of(value) for value in values}))
        raise WrongType(f"{name} needs only numbers or only strings, not {kinds}")
    return values
