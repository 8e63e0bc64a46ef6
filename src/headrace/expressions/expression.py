"""An expression that was read once: what it refers to, and its value in a scope.

Long sources are refused here because nobody writes them; what the server itself has filled in may be longer.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from headrace.definition.templates import Json
from headrace.expressions.compiler import Run, compiled
from headrace.expressions.errors import ExpressionSyntaxError
from headrace.expressions.evaluation import Budget, Evaluation, check_size
from headrace.expressions.parser import tree_of
from headrace.expressions.scope import Lazy, Scope
from headrace.expressions.tree import Access, Call, Node, Path, walk
from headrace.expressions.values import holds_in, too_deep

LONGEST_SOURCE = 16 * 1024
"""Bytes of UTF-8 that an expression may have."""

_KEPT = 16_384
"""Parsed expressions that are kept, at some 4 KB each."""

_FILLED_LEVELS = 4
"""Levels that `from_json('{}')['x']` adds where `x` stood, with room to spare."""


class Reference(Struct, frozen=True):
    """A name and as much of the way below it as is known without evaluating."""

    root: str
    path: tuple[str | int, ...]
    position: int
    """Offset in the source in code points, from 0."""


class Expression(Struct, frozen=True, eq=False):
    """An expression that was read and compiled."""

    source: str
    tree: Node
    run: Run
    cost: int
    """Steps that every evaluation takes at the least."""
    references: tuple[Reference, ...]
    """What it reads, in the order of the source."""
    roots: frozenset[str]
    """The first names of all references."""
    functions: frozenset[str]
    """The names of all functions that it calls."""


def parse(source: str) -> Expression:
    """Return the expression of a source; raise ExpressionSyntaxError, also for too long or too deep a one."""
    if len(source) > LONGEST_SOURCE or len(source.encode("utf-8", "surrogatepass")) > LONGEST_SOURCE:
        raise ExpressionSyntaxError(f"Expression too long: more than {LONGEST_SOURCE} bytes", LONGEST_SOURCE)
    return _kept(source)


def parse_filled(source: str) -> Expression:
    """Return the expression of a source that may have been written by the server, with values filled in.

    Such a one may be longer than LONGEST_SOURCE, and deeper by what stands for a value or for a missing one.
    """
    if len(source) <= LONGEST_SOURCE:
        try:
            return _kept(source)
        except ExpressionSyntaxError:
            pass
    return of_tree(tree_of(source, -_FILLED_LEVELS), source, -_FILLED_LEVELS)


def of_tree(tree: Node, source: str, level: int = 0) -> Expression:
    """Return the expression of a tree whose outermost level is `level`."""
    nodes = list(walk(tree))
    run, cost = compiled(tree, level)
    references = tuple(
        Reference(node.root, node.keys, node.position) for node in nodes if isinstance(node, Path)
    )
    return Expression(
        source=source,
        tree=tree,
        run=run,
        cost=cost,
        references=references,
        roots=frozenset(reference.root for reference in references),
        functions=frozenset(node.name for node in nodes if isinstance(node, Call)),
    )


def evaluate(expression: Expression, scope: Scope, budget: Budget | None = None) -> Json:
    """Return the value of an expression; references in it that were only passed on stay references.

    Raise ExpressionError, or NeedsValue when it looks inside a value that the scope has not loaded.
    """
    work = Evaluation(scope, budget or Budget())
    work.spend(expression.cost)
    try:
        value = expression.run(work)
    except RecursionError:
        raise too_deep() from None
    if isinstance(value, Lazy):
        return value.whole()
    if not isinstance(expression.tree, Path | Access):
        check_size(value)
    return value


def holds(expression: Expression, scope: Scope, budget: Budget | None = None) -> bool:
    """Say whether the value of an expression counts as true; raise what `evaluate` raises."""
    work = Evaluation(scope, budget or Budget())
    return holds_in(work, evaluate(expression, scope, work.budget))


@lru_cache(maxsize=_KEPT)
def _kept(source: str) -> Expression:
    return of_tree(tree_of(source), source)
