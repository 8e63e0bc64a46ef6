"""What can go wrong when an expression is read or evaluated.

    ExpressionError                  it has no value; `position` says where in the source
    ├── ExpressionSyntaxError        it cannot be read
    │   ├── UnknownFunction
    │   └── WrongArguments           the wrong number of them
    ├── Missing                      a name or field is not there; `default` catches this one only
    ├── WrongType                    an operation met values that it cannot work with
    ├── TooExpensive                 a limit on steps or on the size of the value was reached
    └── TooLarge                     a value is too large to become a text, or part of one

`NeedsValue` is no error but a question: the caller fetches the values and evaluates again.
The texts are documented ones and are shown to people word for word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from headrace.definition.templates import ValueRef
from headrace.errors import RequestError


class ExpressionError(RequestError):
    """The expression has no value."""

    code = "expression_error"

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position
        """Offset in the source in code points, from 0; None while it is not known."""
        self.written = ""
        """The block of a template in which it happened, as the document spells it."""
        self.part = ""
        """Name of the input in which it happened."""

    def at(self, position: int) -> Self:
        """Say where it happened in the expression that is being evaluated."""
        self.position = position
        return self


class ExpressionSyntaxError(ExpressionError):
    """The expression cannot be read."""

    code = "expression_syntax"


class UnknownFunction(ExpressionSyntaxError):
    """The language has no function of that name."""

    code = "unknown_function"

    def __init__(self, name: str, position: int | None = None) -> None:
        super().__init__(f"Unknown function: {name}", position)


class WrongArguments(ExpressionSyntaxError):
    """The function takes another number of arguments."""

    code = "wrong_arguments"

    def __init__(self, name: str, expected: str, got: int, position: int | None = None) -> None:
        super().__init__(f"Wrong number of arguments for {name}: expected {expected}, got {got}", position)


class Missing(ExpressionError):
    """A name or field is not there."""

    code = "variable_not_found"

    def __init__(self, field: str, position: int | None = None, there: Iterable[str] | None = None) -> None:
        super().__init__(f"Variable not found: field '{field}'", position)
        self.field = field
        self.there = None if there is None else tuple(there)
        """The fields of the object in which it was sought; None where that was no object."""


class WrongType(ExpressionError):
    """An operation met values that it cannot work with."""

    code = "type_error"

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(f"Type error: {message}", position)


class TooExpensive(ExpressionError):
    """A limit on steps or on the size of the value was reached."""

    code = "too_expensive"

    def __init__(self, limit: str, position: int | None = None) -> None:
        super().__init__(f"Expression too expensive: more than {limit}", position)


class TooLarge(ExpressionError):
    """A value is too large to become a text, or part of one."""

    code = "too_large"


class NeedsValue(Exception):
    """The evaluation looks inside values that are not loaded."""

    def __init__(self, refs: tuple[ValueRef, ...]) -> None:
        super().__init__(refs)
        self.refs = refs
        """What to load, without repetitions; more may be asked for after these."""
