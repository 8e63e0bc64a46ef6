"""What values are to the language: their kinds, their truth, when two are equal, and how one becomes text."""

from __future__ import annotations

import msgspec

from headrace.definition.templates import FileRef, Json, ValueRef
from headrace.expressions.errors import NeedsValue, TooExpensive, TooLarge, WrongType
from headrace.expressions.evaluation import STEPS, Budget, Evaluation
from headrace.expressions.scope import Values

FALSE_TEXTS = frozenset({"false", "0", "no"})

KINDS = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    FileRef: "file",
}

_NUMBERS = frozenset({int, float})

_TOO_LARGE = (
    f"a list or an object becomes a text up to {STEPS} elements; 64 characters inside it count as one more"
)

_LONGEST_PLAIN = 1e15
"""From here on a float is written with an exponent."""


def kind_of(value: Json) -> str:
    """Return the kind of a value as the errors name it; to `type_of` a file is an object."""
    return KINDS[type(value)]


def is_number(value: Json) -> bool:
    """Say whether the value is a number; a boolean is none."""
    return type(value) in _NUMBERS


def truth(value: Json) -> bool:
    """Say whether a value counts as true: one rule for `when`, `? :`, `and or not` and `bool`.

    Null, false, 0, empty texts, lists and objects, and the texts `false`, `0` and `no` in any case with
    blanks around are false. Raise NeedsValue for a text that is not loaded.
    """
    if type(value) is str:
        return value != "" and value.strip().lower() not in FALSE_TEXTS
    if type(value) is ValueRef and value.kind == "text":
        raise NeedsValue((value,))
    return type(value) in {FileRef, ValueRef} or bool(value)


def holds_in(work: Evaluation, value: Json) -> bool:
    """Say whether a value counts as true, paying for a text that has to be read."""
    kind = type(value)
    if kind is bool:
        return value  # type: ignore[no-any-return]
    if kind is ValueRef and value.kind == "json":
        return True
    value = work.look(value)
    if type(value) is str:
        work.spend(len(value) >> 6)
    return truth(value)


def equal(work: Evaluation, left: Json, right: Json) -> bool:
    """Say whether two values are deeply equal; 3 equals 3.0, and a boolean equals only a boolean."""
    left, right = work.look(left), work.look(right)
    kind = type(left)
    if kind is not type(right):
        return kind in _NUMBERS and type(right) in _NUMBERS and left == right
    if kind is list:
        if len(left) != len(right):
            return False
        work.spend(len(left))
        return all(equal(work, one, other) for one, other in zip(left, right, strict=True))
    if kind is dict:
        if left.keys() != right.keys():
            return False
        work.spend(len(left))
        return all(equal(work, item, right[key]) for key, item in left.items())
    if kind is str:
        if len(left) != len(right):
            return False
        work.spend(len(left) >> 6)
    return bool(left == right)


def text_of(work: Evaluation, value: Json) -> str:
    """Return the text of a value, paying for it."""
    value = work.look(value)
    kind = type(value)
    if kind is str:
        work.spend(len(value) >> 6)
        return value  # type: ignore[no-any-return]
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind in _NUMBERS:
        return number_text(value)
    return json_of(work, value)


def json_of(work: Evaluation, value: Json) -> str:
    """Return a value as compact JSON, paying for it."""
    try:
        return msgspec.json.encode(work.contents(value)).decode()
    except UnicodeEncodeError:
        raise WrongType("a text holds half of a character") from None
    except RecursionError:
        raise too_deep() from None


def too_deep() -> WrongType:
    """Return the error of a value that is nested too deeply to be walked."""
    return WrongType("the value is nested too deeply")


def number_text(value: float) -> str:
    """Return a number as people write it: an integral one has no `.0`."""
    if type(value) is float and value.is_integer() and abs(value) < _LONGEST_PLAIN:
        return str(int(value))
    return repr(value)


def inserted(work: Evaluation, value: Json) -> str:
    """Return the text that interpolation puts in place of a value; only what is not a text yet costs steps.

    Raise TooLarge where a list or object is too large to be written as JSON.
    """
    value = work.look(value)
    if type(value) is str:
        return value
    try:
        return text_of(work, value)
    except TooExpensive:
        raise TooLarge(_TOO_LARGE) from None


def as_text(value: Json) -> str:
    """Return the text that interpolation puts in place of a value.

    Text as it is, integral numbers without `.0`, true and false, null as nothing, lists and objects as
    compact JSON. Raise WrongType on a file, NeedsValue where something is not loaded, TooLarge.
    """
    return inserted(Evaluation(Values({}), Budget()), value)
