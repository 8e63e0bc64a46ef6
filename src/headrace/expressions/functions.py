"""Every function of the language by name: the built-in ones, and those that the scope answers."""

from __future__ import annotations

from headrace.expressions import conversions, lists, numbers, texts
from headrace.expressions.arguments import Function

BUILT_IN: dict[str, Function] = {
    **conversions.FUNCTIONS,
    **numbers.FUNCTIONS,
    **texts.FUNCTIONS,
    **lists.FUNCTIONS,
}

IN_CONTEXT: dict[str, range] = {
    "now": range(1),
    "uuid": range(1),
    "result": range(1),
    "succeeded": range(1),
    "failed": range(1),
    "timed_out": range(1),
    "failed_sources": range(1),
    "skipped_sources": range(1, 2),
}
"""How many arguments the functions take that depend on the place and time of the evaluation."""

DEFAULT = "default"
"""Catches what is missing, and is therefore part of the evaluation itself."""


def arity(name: str) -> range | None:
    """Return how many arguments a function may have, None when there is no such function."""
    if name in BUILT_IN:
        return BUILT_IN[name].arity
    if name == DEFAULT:
        return range(2, 3)
    return IN_CONTEXT.get(name)
