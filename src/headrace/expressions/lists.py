"""The functions on lists and objects, and those that treat a text as a list of characters."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from headrace.definition.templates import Json
from headrace.expressions.arguments import Function, array, comparable, integer, mapping, sequence
from headrace.expressions.errors import WrongType
from headrace.expressions.evaluation import Evaluation
from headrace.expressions.operators import is_in
from headrace.expressions.values import equal, kind_of


def length(_: Evaluation, value: Json) -> int:
    """Return how many code points, elements or fields there are."""
    if type(value) not in {str, list, dict}:
        raise WrongType(f"length needs a string, an array or an object, not {kind_of(value)}")
    return len(value)


def keys(work: Evaluation, value: Json) -> list[str]:
    """Return the names of the fields in the order of the document."""
    return list(mapping(work, "keys", value))


def values(work: Evaluation, value: Json) -> list[Any]:
    """Return the values of the fields in the order of the document."""
    return list(mapping(work, "values", value).values())


def contains(work: Evaluation, hay: Json, needle: Json) -> bool:
    """Say whether a list has such a member, an object such a key, or a text such a part."""
    return bool(is_in(work, needle, hay))


def index_of(work: Evaluation, hay: Json, needle: Json) -> int:
    """Return where the first such member or part is, -1 when there is none."""
    given = sequence(work, "index_of", hay)
    if type(given) is str:
        return given.find(_part(work, "index_of", needle))
    return next((at for at, item in enumerate(given) if equal(work, item, needle)), -1)


def count(work: Evaluation, hay: Json, needle: Json) -> int:
    """Return how many such members there are, or parts that do not overlap."""
    given = sequence(work, "count", hay)
    if type(given) is str:
        return given.count(_part(work, "count", needle))
    return sum(equal(work, item, needle) for item in given)


def backwards(work: Evaluation, value: Json) -> Json:
    """Return the elements or characters in the other order."""
    return sequence(work, "reversed", value)[::-1]


def ascending(work: Evaluation, value: Json) -> list[Any]:
    """Return the elements in their order; they are all numbers or all texts."""
    return sorted(comparable(work, "sort", array(work, "sort", value)))


def unique(work: Evaluation, value: Json) -> list[Any]:
    """Return the elements without those that equal an earlier one."""
    first_seen: dict[Hashable, Json] = {}
    for item in array(work, "unique", value):
        first_seen.setdefault(_identity(work, item), item)
    return list(first_seen.values())


def flat(work: Evaluation, value: Json) -> list[Any]:
    """Return the list with the lists among its elements opened, one level deep."""
    opened: list[Any] = []
    for item in array(work, "flat", value):
        if type(item) is list:
            work.spend(len(item))
            opened.extend(item)
        else:
            opened.append(item)
    return opened


def pairs(work: Evaluation, left: Json, right: Json) -> list[Any]:
    """Return pairs of elements, ending with the shorter list."""
    both = array(work, "zip", left), array(work, "zip", right)
    return [[one, other] for one, other in zip(*both, strict=False)]


def counting(work: Evaluation, first: Json, end: Json = None) -> list[int]:
    """Return the integers from 0, or from `first`, up to the one before the last argument."""
    if end is None:
        first, end = 0, first
    numbers = range(integer("range", first), integer("range", end))
    # its own length cannot be asked for when it is astronomic
    work.spend(max(0, numbers.stop - numbers.start))
    return list(numbers)


def part(work: Evaluation, value: Json, start: Json, end: Json = None) -> Json:
    """Return what stands from `start` up to before `end`; negative places count from the end.

    Only what is taken is paid for.
    """
    if type(value) not in {str, list}:
        raise WrongType(f"slice needs an array or a string, not {kind_of(value)}")
    taken = value[integer("slice", start) : None if end is None else integer("slice", end)]
    return sequence(work, "slice", taken)


def chunks(work: Evaluation, value: Json, size: Json) -> list[Any]:
    """Return the list cut into lists of so many elements; the last may be shorter."""
    given, step = array(work, "chunks", value), integer("chunks", size)
    if step < 1:
        raise WrongType(f"chunks needs a size of at least 1, not {step}")
    return [given[at : at + step] for at in range(0, len(given), step)]


def merge(work: Evaluation, left: Json, right: Json) -> dict[str, Any]:
    """Return the fields of both objects; the right one wins."""
    return mapping(work, "merge", left) | mapping(work, "merge", right)


def first(_: Evaluation, value: Json) -> Json:
    """Return the first element or character, null when there is none."""
    return _end("first", value, 0)


def last(_: Evaluation, value: Json) -> Json:
    """Return the last element or character, null when there is none."""
    return _end("last", value, -1)


def _end(name: str, value: Json, index: int) -> Json:
    if type(value) not in {str, list}:
        raise WrongType(f"{name} needs an array or a string, not {kind_of(value)}")
    return value[index] if value else None


def _part(work: Evaluation, name: str, needle: Json) -> str:
    if type(needle) is not str:
        raise WrongType(f"{name} looks for a string in a string, not for {kind_of(needle)}")
    return str(sequence(work, name, needle))


def _identity(work: Evaluation, value: Json) -> Hashable:
    """Return something that two values share when they are deeply equal."""
    value = work.look(value)
    kind = type(value)
    if kind is list:
        work.spend(len(value))
        return ("array", *(_identity(work, item) for item in value))
    if kind is dict:
        work.spend(len(value))
        return frozenset((key, _identity(work, item)) for key, item in value.items())
    if kind is str:
        work.spend(len(value) >> 6)
    return ("bool", value) if kind is bool else value


FUNCTIONS = {
    "length": Function(length, range(1, 2)),
    "keys": Function(keys, range(1, 2)),
    "values": Function(values, range(1, 2)),
    "contains": Function(contains, range(2, 3)),
    "index_of": Function(index_of, range(2, 3)),
    "count": Function(count, range(2, 3)),
    "reversed": Function(backwards, range(1, 2)),
    "sort": Function(ascending, range(1, 2)),
    "unique": Function(unique, range(1, 2)),
    "flat": Function(flat, range(1, 2)),
    "zip": Function(pairs, range(2, 3)),
    "range": Function(counting, range(1, 3)),
    "slice": Function(part, range(2, 4)),
    "chunks": Function(chunks, range(2, 3)),
    "merge": Function(merge, range(2, 3)),
    "first": Function(first, range(1, 2)),
    "last": Function(last, range(1, 2)),
}
