"""Compiles the values of a document, at any depth, into templates of the model.

A string that is exactly one reference keeps the value's type; any other with references is interpolated text.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal as OneOf, NamedTuple

from msgspec import Struct, field

from headrace.definition.codec import LARGEST_INTEGER, SMALLEST_INTEGER
from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Template, Text
from headrace.definition.types import TypeName, type_of
from headrace.dialects.dataflow import references
from headrace.dialects.dataflow.drafts import Resolved, Site
from headrace.dialects.dataflow.findings import member
from headrace.dialects.dataflow.scope import Scope


class Compiled(Struct, frozen=True, gc=False):
    """A value of the document as a template, with what is known of its type."""

    template: Template
    type: TypeName
    kind: OneOf["literal", "reference", "composed"]
    reference: Resolved | None = None
    """Only with kind `reference`."""
    members: dict[str, Compiled] = field(default_factory=dict)
    """What stands in an object, or in a list by its numbers, where it is written out."""


class Unstorable(NamedTuple):
    """A number that no journal can hold."""

    path: str
    why: str


def compile_value(value: Any, path: str, scope: Scope, site: Site) -> Compiled | None:
    """Compile a value and all inside it; None when a problem was told."""
    match value:
        case str():
            return (
                _string(value, path, scope, site)
                if "{{" in value
                else Compiled(Literal(value), "text", "literal")
            )
        case dict():
            return _object(value, path, scope, site)
        case list():
            return _list(value, path, scope, site)
        case int() | float() if not is_storable(value):
            scope.findings.problem(path, "invalid_value", why_not_storable(value), task=site.task)
            return None
        case _:
            return Compiled(Literal(value), type_of(value), "literal")


def is_storable(value: float) -> bool:
    """Tell whether a number is finite and, as an integer, has at most 64 bits: others fit into no journal."""
    return SMALLEST_INTEGER <= value <= LARGEST_INTEGER if isinstance(value, int) else isfinite(value)


def why_not_storable(value: float) -> str:
    """Return the sentence about a number that is not storable."""
    if not isinstance(value, int):
        return "The number is not finite."
    return (
        f"Whole numbers go from {SMALLEST_INTEGER} to {LARGEST_INTEGER}; "
        "one beyond can be given as a text, or with an exponent, which rounds it."
    )


def unstorable(value: Any, path: str) -> Unstorable | None:
    """Return the first number in a JSON value at `path` that is not storable; None when all are."""
    match value:
        case dict():
            inside = ((inner, member(path, key)) for key, inner in value.items())
        case list():
            inside = ((inner, f"{path}/{index}") for index, inner in enumerate(value))
        case int() | float() if not is_storable(value):
            return Unstorable(path, why_not_storable(value))
        case _:
            return None
    return next((found for each in inside if (found := unstorable(*each)) is not None), None)


def _string(text: str, path: str, scope: Scope, site: Site) -> Compiled | None:
    try:
        pieces = references.pieces(text)
    except references.Unreadable as error:
        scope.findings.problem(path, "invalid_template", str(error), task=site.task)
        return None
    match pieces:
        case [references.Reference(content)]:
            found = scope.resolve(content, path, site)
            return Compiled(_block(found), found.type, "reference", found) if found else None
        case [str(literal)]:
            return Compiled(Literal(literal), "text", "literal")
    parts: list[str | Expr] = []
    is_whole = True
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        found = scope.resolve(piece.content, path, site)
        if found is None:
            is_whole = False
        elif found.type == "file":
            message = f"{found.written} is a file, which cannot become part of a text."
            scope.findings.problem(path, "type_mismatch", message, task=site.task)
            is_whole = False
        else:
            parts.append(_block(found))
    return Compiled(Text(tuple(parts)), "text", "composed") if is_whole else None


def _block(found: Resolved) -> Expr:
    """Return a reference as a block; one that looks inside a value can miss, and is then told as written."""
    return Expr(found.source, found.written if found.type == "any" else "")


def _object(value: dict[str, Any], path: str, scope: Scope, site: Site) -> Compiled | None:
    members = {key: compile_value(inner, member(path, key), scope, site) for key, inner in value.items()}
    known = {key: inner for key, inner in members.items() if inner is not None}
    if len(known) < len(members):
        return None
    if all(inner.kind == "literal" for inner in known.values()):
        values = {key: literal_of(inner) for key, inner in known.items()}
        return Compiled(Literal(values), "object", "literal", members=known)
    templates = {key: inner.template for key, inner in known.items()}
    return Compiled(ObjectOf(templates), "object", "composed", members=known)


def _list(value: list[Any], path: str, scope: Scope, site: Site) -> Compiled | None:
    items = [compile_value(inner, f"{path}/{index}", scope, site) for index, inner in enumerate(value)]
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        return None
    if all(item.kind == "literal" for item in known):
        return Compiled(Literal([literal_of(item) for item in known]), "list", "literal")
    members = {str(index): item for index, item in enumerate(known)}
    return Compiled(ListOf(tuple(item.template for item in known)), "list", "composed", members=members)


def literal_of(compiled: Compiled) -> Any:
    """Return the value of something of kind `literal`."""
    assert isinstance(compiled.template, Literal)
    return compiled.template.value
