"""Fills in everything of a template but its secrets, so that what is left may be written down.

A block that reads a sealed name is kept as an expression in which all else, time and ids included, has become
a constant: evaluating it later gives the same, apart from the secret's present value.
"""

from __future__ import annotations

from typing import assert_never

from headrace.definition.templates import (
    Expr,
    FileRef,
    Json,
    ListOf,
    Literal,
    ObjectOf,
    Template,
    Text,
    ValueRef,
)
from headrace.expressions.errors import ExpressionError, Missing, NeedsValue
from headrace.expressions.evaluation import Budget, Evaluation
from headrace.expressions.expression import evaluate, of_tree, parse_filled
from headrace.expressions.lexer import LARGEST_INTEGER
from headrace.expressions.printer import source_of
from headrace.expressions.rendering import Rendering
from headrace.expressions.scope import Scope
from headrace.expressions.tree import Access, Call, Constant, Node, Path, children, walk, with_children
from headrace.expressions.values import json_of


def residual(template: Template, scope: Scope, sealed: frozenset[str]) -> Template:
    """Return the template with everything evaluated but the blocks that read a name in `sealed`.

    Without such a block it is a Literal. Raise what `render` raises, and WrongType for a block that combines
    a secret with a file, which no expression can write down.
    """
    sealing = _Sealing(scope, sealed)
    left = sealing.template(template)
    sealing.rendering.ask()
    return left


class _Sealing:
    def __init__(self, scope: Scope, sealed: frozenset[str]) -> None:
        self.rendering = Rendering(scope)
        self._scope = scope
        self._sealed = sealed

    def template(self, template: Template) -> Template:
        match template:
            case Literal():
                return template
            case Expr():
                if self._is_open(template):
                    return Literal(self.rendering.value_of(template))
                return self._block(template)
            case Text():
                return self._text(template)
            case ListOf():
                items = tuple(self.template(item) for item in template.items)
                values = [item.value for item in items if isinstance(item, Literal)]
                return Literal(values) if len(values) == len(items) else ListOf(items)
            case ObjectOf():
                entries = {key: self.template(item) for key, item in template.entries.items()}
                fields = {key: item.value for key, item in entries.items() if isinstance(item, Literal)}
                return Literal(fields) if len(fields) == len(entries) else ObjectOf(entries)
            case _:
                assert_never(template)

    def _is_open(self, block: Expr) -> bool:
        return parse_filled(block.source).roots.isdisjoint(self._sealed)

    def _block(self, block: Expr) -> Expr:
        return Expr(source_of(self._without_names(parse_filled(block.source).tree)))

    def _text(self, template: Text) -> Template:
        pieces: list[str | Expr] = []
        for part in template.parts:
            if isinstance(part, Expr) and not self._is_open(part):
                pieces.append(self._block(part))
                continue
            text = part if isinstance(part, str) else self.rendering.text_of(part)
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += text
            else:
                pieces.append(text)
        if all(isinstance(piece, str) for piece in pieces):
            return Literal("".join(map(str, pieces)))
        return Text(tuple(pieces))

    def _without_names(self, node: Node) -> Node:
        """Return the tree with all that reads no sealed name replaced by its value."""
        if any(isinstance(inner, Path) and inner.root in self._sealed for inner in walk(node)):
            return with_children(node, self._without_names)
        if isinstance(node, Constant):
            return node
        try:
            value = evaluate(of_tree(node, ""), self._scope, Budget())
        except NeedsValue as question:
            self.rendering.need(question)
            return node
        except ExpressionError as error:
            return self._failing(node, error)
        return self._written(value)

    def _failing(self, node: Node, error: ExpressionError) -> Node:
        """Return a tree that fails in the same way without any names: it may stand where nobody will look."""
        if isinstance(error, Missing) and not children(node):
            return Access(_from_json("{}"), (Constant(error.field),), 0)
        if isinstance(node, Path) and node.keys:
            key = Constant(node.keys[-1])
            above = self._without_names(Path(node.root, node.keys[:-1], node.position))
            if isinstance(above, Access):
                return Access(above.target, (*above.keys, key), node.position)
            return Access(above, (key,), node.position)
        return with_children(node, self._without_names)

    def _written(self, value: Json) -> Node:
        """Return a tree whose value is the given one; any when something is needed for it."""
        has_no_literal = type(value) in {list, dict, FileRef, ValueRef}
        if not has_no_literal and not (type(value) is int and abs(value) > LARGEST_INTEGER):
            return Constant(value)
        try:
            return _from_json(json_of(Evaluation(self._scope, Budget()), value))
        except NeedsValue as question:
            self.rendering.need(question)
            return Constant(None)


def _from_json(text: str) -> Node:
    return Call("from_json", (Constant(text),), 0)
