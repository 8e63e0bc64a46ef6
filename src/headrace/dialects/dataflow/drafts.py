"""What is known of a document between reading its fields and compiling its values."""

from __future__ import annotations

from typing import Literal as OneOf

from msgspec import Struct, field

from headrace.definition.types import Port, TaskTypeSpec, TypeName
from headrace.dialects.dataflow.fields import Fields
from headrace.dialects.dataflow.names import NameTable
from headrace.dialects.dataflow.references import Root

Borrowed = dict[str, tuple[str, tuple[str, ...]]]
"""Expression that reads an earlier workflow output to that output's name and the fields inside it."""


class Declared(Struct, frozen=True):
    """The inputs of a document."""

    ports: dict[str, Port]
    """By name; one with a problem has the type `any`, and so no second problem."""
    are_known: bool = True
    """Whether an input that is not among them does not stand in the document."""


class TaskDraft(Struct, frozen=True, eq=False):
    """A task whose name, type and outputs are read, and whose values are not yet."""

    index: int
    path: str
    name: str
    """Empty when there is none that can be used."""
    type: str
    """Its type's own name, or what was written when there is no such type."""
    spec: TaskTypeSpec | None
    """None when the type is unknown: then nothing is told about its inputs."""
    fields: Fields
    outputs: NameTable[Port] | None
    """What it offers, by the names that it gives.

    None where the type is unknown, a name is wrong or another task has the same: then nothing is told about
    what reads them.
    """
    default_output: Port | None
    renames: dict[str, str]
    """The type's name of an output to the task's."""


class Resolved(Struct, frozen=True, gc=False):
    """A reference with its meaning."""

    source: str
    """Its expression."""
    type: TypeName
    root: Root
    written: str
    """As in the document, with braces."""
    task: int | None = None
    """Index of the task whose output it is."""
    output: str = ""
    """That output."""
    is_optional: bool = False
    """An input that may be absent."""


class Site(Struct, eq=False):
    """A task, or the workflow's outputs, where references stand; collects what they refer to."""

    index: int
    """Place in the list of tasks; behind the last one for the outputs."""
    task: str
    """Its name, empty for the outputs."""
    place: OneOf["inputs", "condition", "outputs"] = "inputs"
    used: dict[tuple[int, str], str] = field(default_factory=dict)
    """(earlier task, output) to the pointer of the first reference."""
    late: list[tuple[int, str]] = field(default_factory=list)
    """References to itself or to later tasks: (task, pointer)."""
