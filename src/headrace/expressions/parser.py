"""Reads tokens into a tree by precedence climbing; knows grammar and functions, evaluates nothing.

Precedence from low to high: `? :`, `or`, `and`, `not`, comparisons and `in`, `+ -`, `* / %`, unary `-`,
filters, then `.name`, `[i]` and calls.
"""

from __future__ import annotations

from headrace.expressions import functions
from headrace.expressions.errors import ExpressionSyntaxError, UnknownFunction, WrongArguments
from headrace.expressions.lexer import Token, tokens
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

DEEPEST = 64
"""Levels of nesting that an expression may have."""

CHOICE, OR, AND, NOT, COMPARISON, SUM, PRODUCT, MINUS, FILTER = range(1, 10)

LEVELS = {
    "?": CHOICE,
    "or": OR,
    "and": AND,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", "in"), COMPARISON),
    **dict.fromkeys("+-", SUM),
    **dict.fromkeys("*/%", PRODUCT),
    "|": FILTER,
}

_CONSTANTS = {"true": True, "false": False, "null": None}

_KEY_READERS = frozenset({("get",), ("get_secret",)})
"""`kv.get('a')` and `kv.get_secret('a')` are ways to write `kv['a']`."""


def tree_of(source: str, level: int = 0) -> Node:
    """Return the tree of an expression whose outermost level is `level`; raise ExpressionSyntaxError."""
    parser = _Parser(tokens(source), level)
    node = parser.expression(CHOICE)
    parser.finish()
    return node


class _Parser:
    __slots__ = ("_at", "_depth", "_tokens")

    def __init__(self, found: list[Token], level: int) -> None:
        self._tokens = found
        self._at = 0
        self._depth = level

    def expression(self, floor: int) -> Node:
        """Read the longest expression whose operators all bind at least as tightly as `floor`."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise too_deep(self._tokens[self._at].position)
        node = self._prefixed(floor)
        while (level := self._level()) >= floor:
            node = self._continued(node, level)
        self._depth -= 1
        return node

    def finish(self) -> None:
        token = self._tokens[self._at]
        if token.kind != "end":
            raise _unexpected(token)

    def _level(self) -> int:
        token = self._tokens[self._at]
        return LEVELS.get(str(token.value), 0) if token.kind == "sign" else 0

    def _prefixed(self, floor: int) -> Node:
        token = self._tokens[self._at]
        if token.kind == "sign" and token.value == "-":
            self._at += 1
            operand = self.expression(MINUS)
            if isinstance(operand, Constant) and type(operand.value) in {int, float}:
                return Constant(-operand.value)  # type: ignore[operator]
            return Minus(operand, token.position)
        if token.kind == "sign" and token.value == "not" and floor <= NOT:
            self._at += 1
            return Negation(self.expression(NOT))
        return self._with_keys(self._primary())

    def _continued(self, left: Node, level: int) -> Node:
        if level == CHOICE:
            self._at += 1
            then = self.expression(CHOICE)
            self._expect(":")
            return Choice(left, then, self.expression(CHOICE))
        if level == FILTER:
            return self._filtered(left)
        operands: list[Operand] = []
        while self._level() == level:
            token = self._advance()
            operands.append(Operand(str(token.value), self.expression(level + 1), token.position))
        if level in {OR, AND}:
            return Logic("or" if level == OR else "and", (left, *(operand.node for operand in operands)))
        return Operation(left, tuple(operands))

    def _filtered(self, subject: Node) -> Node:
        self._at += 1
        token = self._advance()
        if token.kind != "word":
            raise _unexpected(token)
        given = self._list(")") if self._take("(") else ()
        # for `match` the left side is the subject, which stands last in the call
        arguments = (*given, subject) if token.value == "match" else (subject, *given)
        return _call(str(token.value), arguments, token.position)

    def _primary(self) -> Node:
        token = self._advance()
        match token.kind:
            case "number" | "text":
                return Constant(token.value)
            case "word" if self._take("("):
                return _call(str(token.value), self._list(")"), token.position)
            case "word":
                return Path(str(token.value), (), token.position)
            case "sign" if token.value in _CONSTANTS:
                return Constant(_CONSTANTS[str(token.value)])
            case "sign" if token.value == "(":
                node = self.expression(CHOICE)
                self._expect(")")
                return node
            case "sign" if token.value == "[":
                return Elements(self._list("]"))
            case _:
                raise _unexpected(token)

    def _with_keys(self, node: Node) -> Node:
        while True:
            position = self._tokens[self._at].position
            if self._take("."):
                token = self._advance()
                if token.kind not in {"word", "number", "text"}:
                    raise _unexpected(token)
                key: Node = Constant(Step(token.value) if token.kind == "text" else token.value)
                node = _keyed(node, key, token.position)
            elif self._take("["):
                key = self.expression(CHOICE)
                self._expect("]")
                node = _keyed(node, key, position)
            elif isinstance(node, Path) and node.keys and self._take("("):
                node = self._key_read(node, position)
            else:
                return node

    def _key_read(self, path: Path, position: int) -> Node:
        name = ".".join([path.root, *map(str, path.keys)])
        if path.root != "kv" or path.keys not in _KEY_READERS:
            raise UnknownFunction(name, path.position)
        arguments = self._list(")")
        if len(arguments) != 1:
            raise WrongArguments(name, "1", len(arguments), path.position)
        return _keyed(Path(path.root, (), path.position), arguments[0], position)

    def _list(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(closing):
            if items:
                self._expect(",")
            items.append(self.expression(CHOICE))
        return tuple(items)

    def _advance(self) -> Token:
        token = self._tokens[self._at]
        if token.kind == "end":
            raise _unexpected(token)
        self._at += 1
        return token

    def _take(self, sign: str) -> bool:
        token = self._tokens[self._at]
        if token.kind == "sign" and token.value == sign:
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise _unexpected(self._tokens[self._at])


def too_deep(position: int | None = None) -> ExpressionSyntaxError:
    """Return the error of an expression with too many levels."""
    return ExpressionSyntaxError(f"Expression nested too deeply: more than {DEEPEST} levels", position)


def _keyed(node: Node, key: Node, position: int) -> Node:
    match node, key:
        case Path(), Constant(value=str() | int() as name) if type(name) is not bool:
            return Path(node.root, (*node.keys, name), node.position)
        case Access(), _:
            return Access(node.target, (*node.keys, key), node.position)
        case _:
            return Access(node, (key,), position)


def _call(name: str, arguments: tuple[Node, ...], position: int) -> Call:
    arity = functions.arity(name)
    if arity is None:
        raise UnknownFunction(name, position)
    if len(arguments) not in arity:
        raise WrongArguments(name, " or ".join(map(str, arity)), len(arguments), position)
    return Call(name, arguments, position)


def _unexpected(token: Token) -> ExpressionSyntaxError:
    if token.kind == "end":
        return ExpressionSyntaxError("Unexpected end of expression", token.position)
    return ExpressionSyntaxError(f"Unexpected '{token.value}' at position {token.position}", token.position)
