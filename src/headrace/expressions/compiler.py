"""Turns a tree into Python closures, once, so that an evaluation only calls functions.

Each compiled node knows how many nodes are certainly visited with it; they are paid for in one go.
Branches that may not be taken are paid for when they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, assert_never

from headrace.definition.templates import FileRef, Json
from headrace.expressions import conversions, functions, operators
from headrace.expressions.errors import ExpressionError, Missing, WrongType
from headrace.expressions.evaluation import Evaluation
from headrace.expressions.parser import DEEPEST, too_deep
from headrace.expressions.scope import Lazy
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
    Operand,
    Operation,
    Path,
    Step,
)
from headrace.expressions.values import holds_in, is_number, kind_of

Run = Callable[[Evaluation], Json]

_LONGEST_PLACE = 19
"""Digits of a place that may be in a list; longer ones are names."""
_FILE_FIELDS = frozenset({"name", "size", "content_type", "sha256"})


class Compiled(NamedTuple):
    """A node ready to run."""

    run: Run
    cost: int
    """Nodes that every run visits."""


def compiled(node: Node, level: int = 0) -> Compiled:
    """Return the closure of a node; raise ExpressionSyntaxError below the deepest level."""
    if level > DEEPEST:
        raise too_deep()
    match node:
        case Constant():
            return _constant(node.value)
        case Elements():
            return _elements([compiled(item, level + 1) for item in node.items])
        case Path():
            return _path(node)
        case Access():
            keys = [compiled(key, level + 1) for key in node.keys]
            return _access(compiled(node.target, level + 1), keys, node.position)
        case Negation():
            return _negation(compiled(node.operand, level + 1))
        case Minus():
            return _minus(compiled(node.operand, level + 1), node.position)
        case Logic():
            return _logic([compiled(operand, level + 1) for operand in node.operands], node.word == "and")
        case Operation():
            rest = [(operand, compiled(operand.node, level + 1)) for operand in node.rest]
            return _operation(compiled(node.first, level + 1), rest)
        case Choice():
            branches = (node.test, node.then, node.otherwise)
            return _choice(*(compiled(branch, level + 1) for branch in branches))
        case Call():
            return _call(node, [compiled(argument, level + 1) for argument in node.arguments])
        case _:
            assert_never(node)


def read(work: Evaluation, value: Json, key: Json) -> Json:
    """Return a field or an element of a value.

    A field that is not there is Missing, whatever the value; an index outside is an ExpressionError.
    """
    if type(key) is str:
        return _field(work, value, key)
    if isinstance(key, Step):
        return _step(work, value, key)
    if not is_number(key) or key != key // 1:
        raise WrongType(f"an index must be an integer or a string, not {kind_of(work.look(key))}")
    value = work.look(value)
    if type(value) not in {list, str}:
        raise WrongType(f"{kind_of(value)} cannot be read by number")
    index = int(key)
    if not -len(value) <= index < len(value):
        raise ExpressionError(f"Index out of bounds: {index}")
    return value[index]


def _step(work: Evaluation, value: Json, step: Step) -> Json:
    if not isinstance(value, Lazy):
        value = work.look(value)
    if type(value) is list and step.isascii() and step.isdecimal() and len(step) <= _LONGEST_PLACE:
        return read(work, value, int(step))
    return _field(work, value, step)


def _field(work: Evaluation, value: Json, name: str) -> Json:
    if isinstance(value, Lazy):
        return value.field(name)
    value = work.look(value)
    if type(value) is dict and name in value:
        return value[name]
    if type(value) is FileRef and name in _FILE_FIELDS:
        return {
            "name": value.name,
            "size": value.size,
            "content_type": value.content_type,
            "sha256": value.sha256,
        }[name]
    raise Missing(name, there=value if type(value) is dict else None)


def _constant(value: Json) -> Compiled:
    return Compiled(lambda _: value, 1)


def _elements(items: list[Compiled]) -> Compiled:
    runs = [item.run for item in items]

    def run(work: Evaluation) -> Json:
        found = [one(work) for one in runs]
        return [value.whole() if isinstance(value, Lazy) else value for value in found]

    return Compiled(run, 1 + sum(item.cost for item in items))


def _path(node: Path) -> Compiled:
    root, keys, position = node.root, node.keys, node.position

    def run(work: Evaluation) -> Json:
        try:
            value = work.scope.lookup(root)
            for key in keys:
                value = value[key] if type(value) is dict and key in value else read(work, value, key)
        except ExpressionError as error:
            raise error.at(position) from None
        return value

    return Compiled(run, 1)


def _access(target: Compiled, keys: list[Compiled], position: int) -> Compiled:
    start, runs = target.run, [key.run for key in keys]

    def run(work: Evaluation) -> Json:
        value = start(work)
        for key in runs:
            name = key(work)
            name = name if isinstance(name, Step) else work.look(name)
            try:
                value = read(work, value, name)
            except ExpressionError as error:
                raise error.at(position) from None
        return value

    return Compiled(run, 1 + target.cost + sum(key.cost for key in keys))


def _negation(operand: Compiled) -> Compiled:
    inner = operand.run
    return Compiled(lambda work: not holds_in(work, inner(work)), 1 + operand.cost)


def _minus(operand: Compiled, position: int) -> Compiled:
    inner = operand.run

    def run(work: Evaluation) -> Json:
        value = inner(work)
        try:
            return operators.negative(work, value)
        except ExpressionError as error:
            raise error.at(position) from None

    return Compiled(run, 1 + operand.cost)


def _branch(branch: Compiled) -> Run:
    """Return a closure that pays for itself, for a branch that may not be taken."""
    inner, cost = branch

    def run(work: Evaluation) -> Json:
        work.spend(cost)
        return inner(work)

    return run


def _logic(operands: list[Compiled], goes_on: bool) -> Compiled:  # noqa: FBT001 - the truth that decides nothing yet
    first, rest = operands[0].run, [_branch(operand) for operand in operands[1:]]

    def run(work: Evaluation) -> Json:
        if holds_in(work, first(work)) is not goes_on:
            return not goes_on
        return goes_on if all(holds_in(work, one(work)) is goes_on for one in rest) else not goes_on

    return Compiled(run, 1 + operands[0].cost)


def _operation(first: Compiled, rest: list[tuple[Operand, Compiled]]) -> Compiled:
    start = first.run
    steps = [(operators.BY_SIGN[operand.operator], right.run, operand.position) for operand, right in rest]

    def run(work: Evaluation) -> Json:
        value = start(work)
        for operator, right, position in steps:
            other = right(work)
            try:
                value = operator(work, value, other)
            except ExpressionError as error:
                raise error.at(position) from None
        return value

    return Compiled(run, len(steps) + first.cost + sum(right.cost for _, right in rest))


def _choice(test: Compiled, then: Compiled, otherwise: Compiled) -> Compiled:
    asked, one, other = test.run, _branch(then), _branch(otherwise)
    return Compiled(lambda work: one(work) if holds_in(work, asked(work)) else other(work), 1 + test.cost)


def _call(node: Call, arguments: list[Compiled]) -> Compiled:
    cost = 1 + sum(argument.cost for argument in arguments)
    if node.name == functions.DEFAULT:
        return _default(*arguments)
    if node.name in functions.IN_CONTEXT:
        return Compiled(_context(node.name, [argument.run for argument in arguments], node.position), cost)
    if node.name == "from_json" and isinstance(node.arguments[0], Constant):
        constant = _decoded_once(node.arguments[0].value)
        if constant is not None:
            return constant
    call = functions.BUILT_IN[node.name].call
    return Compiled(_built_in(call, [argument.run for argument in arguments], node.position), cost)


def _decoded_once(text: Json) -> Compiled | None:
    """Return the value of a JSON text that stands in the source; a bad one fails when it is evaluated."""
    try:
        return _constant(conversions.decoded(text)) if type(text) is str else None
    except WrongType:
        return None


def _default(value: Compiled, instead: Compiled) -> Compiled:
    inner, other = value.run, _branch(instead)

    def run(work: Evaluation) -> Json:
        try:
            found = inner(work)
        except Missing:
            found = None
        return other(work) if found is None else found

    return Compiled(run, 1 + value.cost)


def _context(name: str, arguments: list[Run], position: int) -> Run:
    def run(work: Evaluation) -> Json:
        given = [work.look(argument(work)) for argument in arguments]
        try:
            return work.scope.call(name, given)
        except ExpressionError as error:
            raise error.at(position) from None

    return run


def _built_in(call: Callable[..., Json], arguments: list[Run], position: int) -> Run:
    def run(work: Evaluation) -> Json:
        given = [argument(work) for argument in arguments]
        try:
            return call(work, *map(work.look, given))
        except ExpressionError as error:
            raise error.at(position) from None

    return run
