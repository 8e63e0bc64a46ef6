"""The functions on texts; lengths and places are counted in code points."""

from __future__ import annotations

from headrace.definition.templates import Json
from headrace.expressions import patterns
from headrace.expressions.arguments import Function, array, string
from headrace.expressions.errors import WrongType
from headrace.expressions.evaluation import Evaluation
from headrace.expressions.values import text_of


def lower(work: Evaluation, value: Json) -> str:
    """Return the text in small letters."""
    return string(work, "lower", value).lower()


def upper(work: Evaluation, value: Json) -> str:
    """Return the text in capitals."""
    return string(work, "upper", value).upper()


def trim(work: Evaluation, value: Json) -> str:
    """Return the text without blanks around it."""
    return string(work, "trim", value).strip()


def split(work: Evaluation, value: Json, separator: Json) -> list[str]:
    """Return the pieces between the separators."""
    text, mark = string(work, "split", value), _not_empty(work, "split", separator)
    work.spend(text.count(mark))
    return text.split(mark)


def join(work: Evaluation, value: Json, separator: Json) -> str:
    """Return the elements' texts with the separator between them."""
    mark = string(work, "join", separator)
    pieces = [text_of(work, item) for item in array(work, "join", value)]
    work.spend(len(pieces) * len(mark) >> 6)
    return mark.join(pieces)


def replace(work: Evaluation, value: Json, old: Json, new: Json) -> str:
    """Return the text with every `old` replaced."""
    text, mark = string(work, "replace", value), _not_empty(work, "replace", old)
    other = string(work, "replace", new)
    work.spend(text.count(mark) * len(other) >> 6)
    return text.replace(mark, other)


def starts_with(work: Evaluation, value: Json, start: Json) -> bool:
    """Say whether the text begins so."""
    return string(work, "starts_with", value).startswith(string(work, "starts_with", start))


def ends_with(work: Evaluation, value: Json, end: Json) -> bool:
    """Say whether the text ends so."""
    return string(work, "ends_with", value).endswith(string(work, "ends_with", end))


def match(work: Evaluation, pattern: Json, value: Json) -> bool:
    """Say whether the pattern is found anywhere in the text."""
    return patterns.found(work, string(work, "match", pattern), string(work, "match", value))


def _not_empty(work: Evaluation, name: str, value: Json) -> str:
    text = string(work, name, value)
    if not text:
        raise WrongType(f"{name} cannot look for an empty string")
    return text


FUNCTIONS = {
    "lower": Function(lower, range(1, 2)),
    "upper": Function(upper, range(1, 2)),
    "trim": Function(trim, range(1, 2)),
    "split": Function(split, range(2, 3)),
    "join": Function(join, range(2, 3)),
    "replace": Function(replace, range(3, 4)),
    "starts_with": Function(starts_with, range(2, 3)),
    "ends_with": Function(ends_with, range(2, 3)),
    "match": Function(match, range(2, 3)),
}
