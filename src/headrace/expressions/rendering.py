"""Fills in whole templates: every expression in a literal structure replaced by its value.

A large value that is passed on whole stays a reference; one that is joined into a text is asked for.
"""

from __future__ import annotations

from typing import assert_never

from headrace.definition.templates import Expr, Json, ListOf, Literal, ObjectOf, Template, Text, ValueRef
from headrace.expressions.errors import ExpressionError, NeedsValue, TooLarge
from headrace.expressions.evaluation import Budget, Evaluation
from headrace.expressions.expression import evaluate, parse_filled
from headrace.expressions.scope import Scope
from headrace.expressions.values import inserted

LARGEST_RENDERING = 16 << 20
"""Characters of text that the blocks of one template may put into texts."""


def render(template: Template, scope: Scope, budget: Budget | None = None) -> Json:
    """Return the value of a template; each expression has its own budget unless one is given for all.

    Raise ExpressionError for the first block that has no value, else NeedsValue with all that must be loaded.
    """
    rendering = Rendering(scope, budget)
    value = rendering.value(template)
    rendering.ask()
    return value


class Rendering:
    """One template being filled in, and the values that were found to be needed."""

    def __init__(self, scope: Scope, budget: Budget | None = None) -> None:
        self.scope = scope
        self._budget = budget
        self._needed: dict[ValueRef, None] = {}
        self._left = LARGEST_RENDERING

    def value(self, template: Template) -> Json:
        """Return the value of a template; it means nothing when something is needed."""
        match template:
            case Literal():
                return template.value
            case Expr():
                return self.value_of(template)
            case Text():
                return "".join(
                    part if isinstance(part, str) else self.text_of(part) for part in template.parts
                )
            case ListOf():
                return [self.value(item) for item in template.items]
            case ObjectOf():
                return {key: self.value(item) for key, item in template.entries.items()}
            case _:
                assert_never(template)

    def value_of(self, block: Expr) -> Json:
        """Return the value of a block, None when it needs something."""
        try:
            return evaluate(parse_filled(block.source), self.scope, self._budget)
        except NeedsValue as question:
            self.need(question)
            return None
        except ExpressionError as error:
            error.written = block.written
            raise

    def text_of(self, block: Expr) -> str:
        """Return the text of a block, an empty one when it needs something."""
        budget = self._budget or Budget()
        try:
            value = evaluate(parse_filled(block.source), self.scope, budget)
            text = inserted(Evaluation(self.scope, budget), value)
            self._left -= len(text)
            if self._left < 0:
                raise TooLarge(f"texts are put together up to {LARGEST_RENDERING} characters")
        except NeedsValue as question:
            self.need(question)
            return ""
        except ExpressionError as error:
            error.written = block.written
            raise
        return text

    def need(self, question: NeedsValue) -> None:
        """Remember what is needed, to ask for everything at once."""
        self._needed.update(dict.fromkeys(question.refs))

    def ask(self) -> None:
        """Raise NeedsValue when something was needed."""
        if self._needed:
            raise NeedsValue(tuple(self._needed))
