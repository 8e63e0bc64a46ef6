"""Compiles a condition to a check: a boolean, one reference, or a comparison of one with a JSON literal.

A lone reference has the page's own truth, which differs from that of the expression language in two texts:
`no` is true here, and one of blanks alone is false.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headrace.definition.model import Check
from headrace.definition.templates import Expr, Literal, Template, Text
from headrace.definition.types import type_of
from headrace.dialects.dataflow.drafts import Resolved, Site
from headrace.dialects.dataflow.fields import Given, kind
from headrace.dialects.dataflow.scope import Scope
from headrace.dialects.dataflow.values import is_storable
from headrace.errors import InvalidDefinition
from headrace.security.documents import read_json

_CONDITION = re.compile(
    r"\s*\{\{(?P<content>[^{}]*)\}\}\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<literal>\S.*?)\s*)?\Z",
    re.DOTALL,
)
_LONGEST_LITERAL = 4096
"""Characters; the source of an expression has 16 KiB."""
_LARGEST_INTEGER = 2**63 - 1
"""What the language of expressions can write; values may be twice as large."""
_ORDERED = frozenset({"number", "text", "any"})
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def check_of(given: Given | None, scope: Scope, site: Site) -> Check | None:
    """Return the check of a condition; None when there is nothing to check or a problem was told."""
    match given:
        case None | Given(value=True):
            return None
        case Given(value=False):
            return _check("false", Literal("The condition is false."))
        case Given(value=str() as text, path=path):
            return _read(text, path, scope, site)
        case Given(value, path):
            message = f"A condition is a boolean, one reference or a comparison, not {kind(value)}."
            scope.findings.problem(path, "invalid_condition", message, task=site.task)
            return None


def _read(text: str, path: str, scope: Scope, site: Site) -> Check | None:
    match = _CONDITION.match(text)
    if match is None:
        message = (
            "A condition is one reference, or 'reference operator literal' with == != < <= > >= and a JSON "
            'literal, as in "{{tasks.page.outputs.status}} == 200".'
        )
        scope.findings.problem(path, "invalid_condition", message, task=site.task)
        return None
    found = scope.resolve(match["content"].strip(), path, site)
    if found is None:
        return None
    if match["operator"] is None:
        return _check(_truth(found), _sentence(text, found), found.written)
    expression = _comparison(found, match["operator"], match["literal"], path, scope, site)
    return None if expression is None else _check(expression, _sentence(text, found), found.written)


def _truth(found: Resolved) -> str:
    source = found.source
    if found.type not in {"text", "any"}:
        return source
    # the beginning of a long text settles it: to look through megabytes would be too expensive an expression
    begins = f"length({source}) > 1000 and trim(slice({source}, 0, 1000)) != ''"
    is_word = f"lower(trim({source})) in ['', 'false', '0']"
    return f"type_of({source}) == 'string' ? ({begins} or not ({is_word})) : {source}"


def _comparison(
    found: Resolved, operator: str, written: str, path: str, scope: Scope, site: Site
) -> str | None:
    try:
        value = read_json(written.encode()).value if len(written) <= _LONGEST_LITERAL else written
    except InvalidDefinition as error:
        message = f"'{written[:60]}' is no JSON literal; texts stand in double quotes."
        if error.problems[0].code != "invalid_json":
            message = f"The literal of the condition cannot be read: {error.problems[0].message}"
        scope.findings.problem(path, "invalid_condition", message, task=site.task)
        return None
    source = _literal_source(value)
    if source is None:
        message = (
            f"The literal of the condition is too large: whole numbers go to {_LARGEST_INTEGER} either way, "
            f"texts to {_LONGEST_LITERAL} characters."
        )
        scope.findings.problem(path, "invalid_condition", message, task=site.task)
        return None
    if operator in {"==", "!="}:
        return f"{found.source} {operator} {source}"
    wanted = type_of(value)
    if wanted not in {"number", "text"} or found.type not in _ORDERED or found.type not in {wanted, "any"}:
        message = (
            f"'{operator}' compares two numbers or two texts; {found.written} is {found.type}, "
            f"and {written[:60]} is {'null' if value is None else wanted}."
        )
        scope.findings.problem(path, "type_mismatch", message, task=site.task)
        return None
    comparison = f"{found.source} {operator} {source}"
    return f"{found.source} != null and {comparison}" if found.is_optional else comparison


def _literal_source(value: Any) -> str | None:
    """Return how an expression writes a JSON value; None for one that it cannot hold."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            is_written = isinstance(value, float) or abs(value) <= _LARGEST_INTEGER
            return repr(value) if is_written and is_storable(value) else None
        case str() if len(value) <= _LONGEST_LITERAL:
            return f"'{value.translate(_ESCAPES)}'"
        case str():
            return None
        case _:
            content = msgspec.json.encode(value).decode()
            return f"from_json('{content.translate(_ESCAPES)}')"


def _sentence(text: str, found: Resolved) -> Template:
    """Return what is told when the condition does not hold; a value is shown where it is surely short."""
    shown = " ".join(text.split())[:200]
    if found.type in {"number", "boolean"} and not found.is_optional:
        return Text((f"The condition {shown} does not hold: the value is ", Expr(found.source), "."))
    return Literal(f"The condition {shown} does not hold.")


def _check(expression: str, sentence: Template, written: str = "") -> Check:
    return Check(expression=expression, code="condition_false", sentence=sentence, written=written)
