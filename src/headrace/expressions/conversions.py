"""The functions that turn a value into another kind, or tell its kind."""

from __future__ import annotations

import re

import msgspec

from headrace.definition.templates import FileRef, Json
from headrace.expressions.arguments import Function, string
from headrace.expressions.errors import WrongType
from headrace.expressions.evaluation import Evaluation, check_depth
from headrace.expressions.operators import in_range
from headrace.expressions.values import holds_in, is_number, json_of, kind_of, text_of

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

_LONGEST_NUMBER = 400
"""Characters of a text that is read as a number; the largest one that is exact has 310."""


def to_string(work: Evaluation, value: Json) -> str:
    """Return the text of a value; that of null is `null`."""
    return "null" if value is None else text_of(work, value)


def to_number(_: Evaluation, value: Json) -> int | float:
    """Return a number, the number that a text spells, or 1 or 0 for true or false."""
    if is_number(value):
        return in_range(value)
    if type(value) is bool:
        return int(value)
    if type(value) is not str:
        raise WrongType(f"{kind_of(value)} is no number")
    spelled = value.strip() if len(value) <= _LONGEST_NUMBER else ""
    match = _NUMBER.fullmatch(spelled)
    if match is None:
        raise WrongType("the string spells no number")
    return in_range(float(spelled) if match.group(1) or match.group(2) else int(spelled))


def to_int(work: Evaluation, value: Json) -> int:
    """Return the number cut towards zero."""
    return int(in_range(int(to_number(work, value))))


def to_bool(work: Evaluation, value: Json) -> bool:
    """Return the truth of a value."""
    return holds_in(work, value)


def type_of(_: Evaluation, value: Json) -> str:
    """Return `null`, `bool`, `number`, `string`, `array` or `object`."""
    return "object" if type(value) is FileRef else kind_of(value)


def to_json(work: Evaluation, value: Json) -> str:
    """Return the value as compact JSON."""
    return json_of(work, value)


def from_json(work: Evaluation, value: Json) -> Json:
    """Return what a JSON text says."""
    text = string(work, "from_json", value)
    # a comma stands before every element but the first
    work.spend(text.count(","))
    return decoded(text)


def decoded(text: str) -> Json:
    """Return what a JSON text says; raise WrongType when it is none or nested too deeply."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise WrongType(f"from_json cannot read it: {error}") from None
    check_depth(value)
    return value


FUNCTIONS = {
    "string": Function(to_string, range(1, 2)),
    "number": Function(to_number, range(1, 2)),
    "int": Function(to_int, range(1, 2)),
    "bool": Function(to_bool, range(1, 2)),
    "type_of": Function(type_of, range(1, 2)),
    "to_json": Function(to_json, range(1, 2)),
    "from_json": Function(from_json, range(1, 2)),
}
