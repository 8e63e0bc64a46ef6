"""The shape of a parsed expression: ten kinds of nodes, all frozen.

Chains of operators of one precedence are one node with many operands, so that a long sum is not a deep tree.
Filters are calls: `x | f(a)` and `f(x, a)` are the same tree.
`position` is the offset in the source in code points, from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal as OneOf, assert_never

from msgspec import Struct


class Step(str):
    """What `.'0'` reads: the key of an object, or the element of a list at that place.

    It stands where a key stands, and is one to whoever does not ask.
    """

    __slots__ = ()


class Constant(Struct, frozen=True):
    """A literal number, text, boolean or null."""

    value: bool | int | float | str | None


class Elements(Struct, frozen=True):
    """A list written out."""

    items: tuple[Node, ...]


class Path(Struct, frozen=True):
    """A name and what is read from it, all known without evaluating anything."""

    root: str
    keys: tuple[str | int, ...]
    position: int


class Access(Struct, frozen=True):
    """What is read from a value that has to be computed, or by keys that have to be."""

    target: Node
    keys: tuple[Node, ...]
    position: int


class Negation(Struct, frozen=True):
    """`not x`."""

    operand: Node


class Minus(Struct, frozen=True):
    """`-x`."""

    operand: Node
    position: int


class Logic(Struct, frozen=True):
    """`a and b and c`, or the same with `or`."""

    word: OneOf["and", "or"]
    operands: tuple[Node, ...]


class Operand(Struct, frozen=True):
    """An operator and what stands right of it."""

    operator: str
    node: Node
    position: int


class Operation(Struct, frozen=True):
    """Comparisons, sums or products of one precedence, applied from left to right."""

    first: Node
    rest: tuple[Operand, ...]


class Choice(Struct, frozen=True):
    """`test ? then : otherwise`."""

    test: Node
    then: Node
    otherwise: Node


class Call(Struct, frozen=True):
    """A function and its arguments."""

    name: str
    arguments: tuple[Node, ...]
    position: int


Node = Constant | Elements | Path | Access | Negation | Minus | Logic | Operation | Choice | Call


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below this one, in the order of the source."""
    match node:
        case Constant() | Path():
            return ()
        case Elements():
            return node.items
        case Access():
            return (node.target, *node.keys)
        case Negation() | Minus():
            return (node.operand,)
        case Logic():
            return node.operands
        case Operation():
            return (node.first, *(operand.node for operand in node.rest))
        case Choice():
            return (node.test, node.then, node.otherwise)
        case Call():
            return node.arguments
        case _:
            assert_never(node)


def with_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the node with each of its children changed."""
    match node:
        case Constant() | Path():
            return node
        case Elements():
            return Elements(tuple(map(change, node.items)))
        case Access():
            return Access(change(node.target), tuple(map(change, node.keys)), node.position)
        case Negation():
            return Negation(change(node.operand))
        case Minus():
            return Minus(change(node.operand), node.position)
        case Logic():
            return Logic(node.word, tuple(map(change, node.operands)))
        case Operation():
            rest = (Operand(right.operator, change(right.node), right.position) for right in node.rest)
            return Operation(change(node.first), tuple(rest))
        case Choice():
            return Choice(change(node.test), change(node.then), change(node.otherwise))
        case Call():
            return Call(node.name, tuple(map(change, node.arguments)), node.position)
        case _:
            assert_never(node)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all below it, in the order of the source."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(children(current)))
