"""The one expression language of Headrace: small, closed, parsed once, evaluated in bounded steps.

Dialects compile their own braces to `headrace.definition.templates`; this room reads what stands between.
It knows nothing of executions: names, context functions and large values come through a `Scope`.
"""

from __future__ import annotations

from headrace.expressions.errors import (
    ExpressionError,
    ExpressionSyntaxError,
    Missing,
    NeedsValue,
    TooExpensive,
    TooLarge,
    UnknownFunction,
    WrongArguments,
    WrongType,
)
from headrace.expressions.evaluation import Budget
from headrace.expressions.expression import Expression, Reference, evaluate, holds, parse
from headrace.expressions.rendering import render
from headrace.expressions.scope import Lazy, Scope, Values
from headrace.expressions.sealing import residual
from headrace.expressions.values import as_text, truth

__all__ = [
    "Budget",
    "Expression",
    "ExpressionError",
    "ExpressionSyntaxError",
    "Lazy",
    "Missing",
    "NeedsValue",
    "Reference",
    "Scope",
    "TooExpensive",
    "TooLarge",
    "UnknownFunction",
    "Values",
    "WrongArguments",
    "WrongType",
    "as_text",
    "evaluate",
    "holds",
    "parse",
    "render",
    "residual",
    "truth",
]
