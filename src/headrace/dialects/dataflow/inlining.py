"""Puts earlier workflow outputs in the place of `{{outputs.X}}`.

The engine evaluates each output by itself, so an output that reads another one is written out in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from headrace.definition.model import OutputDefinition
from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Template, Text
from headrace.dialects.dataflow import references, types_of
from headrace.dialects.dataflow.drafts import Borrowed

LARGEST = 10_000
"""Pieces of one output; an output that names the one before it twice doubles, and so on."""


class CannotInline(ValueError):
    """The output cannot be written out; the message is a sentence for people."""


class Inlining:
    """Writes one output out in full."""

    def __init__(self, earlier: Mapping[str, OutputDefinition], borrowed: Borrowed) -> None:
        self._earlier = earlier
        self._borrowed = borrowed
        self._needs: dict[str, None] = {}
        self._left = LARGEST

    @property
    def needs(self) -> tuple[str, ...]:
        """What was put in so far that a run may find to be of a wrong type, and then has no value."""
        return tuple(self._needs)

    def of(self, template: Template) -> Template:
        """Return the template with every earlier output in its place; raises CannotInline."""
        match template:
            case Literal():
                return template
            case Expr(source):
                return self._whole(source) if source in self._borrowed else template
            case Text(parts):
                return Text(tuple(piece for part in parts for piece in self._pieces(part)))
            case ListOf(items):
                return ListOf(tuple(map(self.of, items)))
            case ObjectOf(entries):
                return ObjectOf({key: self.of(entry) for key, entry in entries.items()})
            case _:
                assert_never(template)

    def _whole(self, source: str) -> Template:
        name, steps = self._borrowed[source]
        output = self._earlier.get(name)
        if output is not None and (output.type is not None or output.needs):
            self._needs[name] = None
        found = output.value if output is not None else Literal(None)
        self._spend(found)
        for step in steps:
            found = _field(found, step)
        return found

    def _pieces(self, part: str | Expr) -> tuple[str | Expr, ...]:
        if isinstance(part, str) or part.source not in self._borrowed:
            return (part,)
        match self._whole(part.source):
            case Literal(value):
                return (types_of.text_of(value),)
            case Expr() as found:
                return (found,)
            case Text(parts):
                return parts
            case ListOf() | ObjectOf():
                raise CannotInline(
                    "An output that is put together from references cannot become part of a text."
                )

    def _spend(self, template: Template) -> None:
        waiting = [template]
        while waiting:
            self._left -= 1
            if self._left < 0:
                raise CannotInline(f"Written out in full, the output has more than {LARGEST} pieces.")
            match waiting.pop():
                case Text(parts):
                    self._left -= len(parts)
                case ListOf(items):
                    waiting.extend(items)
                case ObjectOf(entries):
                    waiting.extend(entries.values())
                case _:
                    pass


def _field(template: Template, step: str) -> Template:
    match template:
        case Expr(source):
            return Expr(source + references.step(step))
        case ObjectOf(entries) if step in entries:
            return entries[step]
        case Literal(dict() as value) if step in value:
            return Literal(value[step])
        case ListOf(items) if step.isdecimal() and int(step) < len(items):
            return items[int(step)]
        case Literal(list() as value) if step.isdecimal() and int(step) < len(value):
            return Literal(value[int(step)])
        case _:
            raise CannotInline(f"The earlier output has no '{step}'.")
