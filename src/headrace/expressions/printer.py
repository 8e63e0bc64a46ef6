"""Writes a tree as source again, with only the parentheses it needs; reading that gives the same tree."""

from __future__ import annotations

import re
from typing import assert_never

from headrace.definition.templates import Json
from headrace.expressions.parser import AND, CHOICE, FILTER, LEVELS, MINUS, NOT, OR
from headrace.expressions.tree import (
    Access,
    Call,
    Choice,
    Constant,
    Elements,
    Logic,
    Minus,
    Negation,
    Node,
    Operation,
    Path,
    Step,
)

_ATOM = FILTER + 1

_NAME = re.compile(r"[^\W\d]\w*")
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def source_of(node: Node) -> str:
    """Return the source of a tree."""
    match node:
        case Constant():
            return _constant(node.value)
        case Elements():
            return f"[{', '.join(map(source_of, node.items))}]"
        case Path():
            return node.root + "".join(map(_key, node.keys))
        case Access():
            return _within(node.target, _ATOM) + "".join(map(_key, node.keys))
        case Negation():
            return f"not {_within(node.operand, NOT)}"
        case Minus():
            return f"-{_within(node.operand, MINUS)}"
        case Logic():
            level = LEVELS[node.word] + 1
            return f" {node.word} ".join(_within(operand, level) for operand in node.operands)
        case Operation():
            level = level_of(node) + 1
            rest = (f" {operand.operator} {_within(operand.node, level)}" for operand in node.rest)
            return _within(node.first, level) + "".join(rest)
        case Choice():
            then, otherwise = source_of(node.then), source_of(node.otherwise)
            return f"{_within(node.test, OR)} ? {then} : {otherwise}"
        case Call():
            return f"{node.name}({', '.join(map(source_of, node.arguments))})"
        case _:
            assert_never(node)


def level_of(node: Node) -> int:
    """Return how tightly the outermost operator of a node binds."""
    match node:
        case Choice():
            return CHOICE
        case Logic():
            return OR if node.word == "or" else AND
        case Negation():
            return NOT
        case Operation():
            return LEVELS[node.rest[0].operator]
        case Minus():
            return MINUS
        case Constant():
            return MINUS if _constant(node.value).startswith("-") else _ATOM
        case Elements() | Path() | Access() | Call():
            return _ATOM
        case _:
            assert_never(node)


def _within(node: Node, level: int) -> str:
    source = source_of(node)
    return source if level_of(node) >= level else f"({source})"


def _constant(value: Json) -> str:
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is str:
        return f"'{value.translate(_ESCAPES)}'"
    return repr(value)


def _key(key: Json) -> str:
    if isinstance(key, Constant):
        key = key.value
    elif not isinstance(key, str | int):
        return f"[{source_of(key)}]"
    if isinstance(key, Step):
        return f".{_constant(str(key))}"
    return f".{key}" if isinstance(key, str) and _NAME.fullmatch(key) else f"[{_constant(key)}]"
