"""Cuts the source of an expression into tokens; knows nothing of what they mean together."""

from __future__ import annotations

import re
from math import inf
from typing import Literal as OneOf, NamedTuple

from headrace.expressions.errors import ExpressionSyntaxError

KEYWORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})

LARGEST_INTEGER = 2**63 - 1

_TOKEN = re.compile(
    r"""
      (?P<blank>  \s+ )
    | (?P<number> [0-9]+ (?:\.[0-9]+)? (?:[eE][+-]?[0-9]+)? )
    | (?P<word>   [^\W\d]\w* )
    | (?P<text>   '[^'\\]*(?:\\.[^'\\]*)*' | "[^"\\]*(?:\\.[^"\\]*)*" )
    | (?P<sign>   [=!<>]= | [-+*/%<>?:|.,()\[\]] )
    """,
    re.VERBOSE | re.DOTALL,
)
_DIGITS = re.compile(r"[0-9]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


class Token(NamedTuple):
    """One word, sign or literal of the source."""

    kind: OneOf["number", "word", "text", "sign", "end"]
    value: str | int | float
    """The value of a literal, else the source text; keywords are signs."""
    position: int


def tokens(source: str) -> list[Token]:
    """Return the tokens of the source, the last of kind `end`; raise ExpressionSyntaxError."""
    found: list[Token] = []
    position = 0
    while position < len(source):
        after_dot = bool(found) and found[-1].value == "." and found[-1].kind == "sign"
        # `a.0.1` reads elements of elements, it holds no number 0.1
        match = (_DIGITS.match(source, position) if after_dot else None) or _TOKEN.match(source, position)
        if match is None:
            raise _unreadable(source[position], position)
        kind, text = match.lastgroup or "number", match.group()
        if kind == "number":
            found.append(Token("number", _number(text, position), position))
        elif kind == "text":
            found.append(Token("text", _ESCAPE.sub(_unescape, text[1:-1]), position))
        elif kind == "word":
            found.append(Token("sign" if text in KEYWORDS and not after_dot else "word", text, position))
        elif kind == "sign":
            found.append(Token("sign", text, position))
        position = match.end()
    found.append(Token("end", "", position))
    return found


def _unreadable(character: str, position: int) -> ExpressionSyntaxError:
    if character in "'\"":
        return ExpressionSyntaxError(f"Unterminated text at position {position}", position)
    return ExpressionSyntaxError(f"Unexpected character '{character}' at position {position}", position)


def _number(text: str, position: int) -> int | float:
    # the length is looked at first because Python reads long integers in quadratic time
    value = int(text) if text.isdecimal() and len(text) < 400 else float(text)
    if value == inf or (isinstance(value, int) and value > LARGEST_INTEGER):
        raise ExpressionSyntaxError(f"Number out of range at position {position}", position)
    return value


def _unescape(match: re.Match[str]) -> str:
    # an unknown escape keeps its backslash, so that patterns may say '\d+'
    return _ESCAPES.get(match.group(1), match.group())
