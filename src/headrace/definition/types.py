"""The types of values, and when a value of one type may stand where another is wanted.

Six names: text, number, boolean, object, list, file; `any` is a value whose type is known only at run time.
Dialects map their own type words to these.
"""

from __future__ import annotations

import math
from typing import Any, Literal as OneOf

from msgspec import UNSET, Struct, UnsetType

from headrace.definition.templates import FileRef, Json, ValueRef

TypeName = OneOf["text", "number", "boolean", "object", "list", "file", "any"]

TYPE_NAMES: tuple[TypeName, ...] = ("text", "number", "boolean", "object", "list", "file", "any")


class Port(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named, typed place where a value goes in or comes out."""

    name: str
    type: TypeName = "any"
    required: bool = True
    """Whether a value must be given; for an output, whether there always is one."""
    default: Json | UnsetType = UNSET
    """Value when none is given; a default makes the port optional."""
    description: str = ""
    example: Json = None
    is_default: bool = False
    """For an output: the one that stands for the task where no name is given."""
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    """A number without a fraction."""
    choices: tuple[str, ...] | None = None
    """The only texts that are accepted."""
    any_case: bool = False
    """Choices may be written in small letters and in capitals."""
    min_length: int | None = None
    """For text, in code points."""
    max_length: int | None = None
    extra_types: tuple[TypeName, ...] = ()
    """Other types that are taken as they are (http.request's body is an object or a text)."""
    aliases: tuple[str, ...] = ()
    """Other names under which it is accepted."""
    literal_only: bool = False
    """A reference may not stand here (a script)."""
    form: OneOf["any", "names", "headers", "url"] = "any"
    """Of an object: any, which a list is too; only one with names; one with names and values of headers.
    Of a text: any, or an absolute http or https URL."""
    hosts: tuple[str, ...] = ()
    """The only ones of a URL, which is https then; `*.` stands for any subdomain."""
    secret: bool = False
    """Masked wherever it is shown."""

    @property
    def wants_names(self) -> bool:
        """Whether an object must have names, and so be no list."""
        return self.form in ("names", "headers")

    def offers(self, text: str) -> bool:
        """Tell whether a text is one of the choices, where there are any."""
        if self.choices is None or text in self.choices:
            return True
        return self.any_case and text.lower() in {each.lower() for each in self.choices}


class TaskTypeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the task library says of one type: its ports and how it runs."""

    type: str
    category: str
    description: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    runtime: OneOf["inline", "process", "command"] = "inline"
    """In the server; in a process of its own on the local runtime; or compiled to a shell command."""
    repeatable: bool = False
    """A lost attempt may be made anew: doing it twice does no harm."""
    aliases: tuple[str, ...] = ()
    timeout: float = 300.0
    """Seconds per attempt where the definition says nothing."""
    credential: str | None = None
    """Name of the secret that it needs."""
    available: bool = True
    unavailable_because: str | None = None
    """One sentence with the extra to install, when a library or program is missing."""

    def input(self, name: str) -> Port | None:
        """Return the input port of exactly this name."""
        return next((port for port in self.inputs if port.name == name), None)

    def output(self, name: str) -> Port | None:
        """Return the output port of exactly this name."""
        return next((port for port in self.outputs if port.name == name), None)

    @property
    def default_output(self) -> Port | None:
        """The output that stands for the task where no name is given."""
        return next((port for port in self.outputs if port.is_default), None)


def type_of(value: Json) -> TypeName:
    """Return the type name of a value; `any` for null."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list() | tuple():
            return "list"
        case dict():
            return "object"
        case FileRef():
            return "file"
        case ValueRef(kind="text"):
            return "text"
        case _:
            return "any"


def accepts(wanted: TypeName, value: Any) -> bool:
    """Tell whether a value has exactly this type; an object port takes lists too (Data Flow §5)."""
    found = type_of(value)
    if wanted == "any" or found == "any":
        # what is so large that it is kept elsewhere may be much, but no number and no boolean
        return wanted == "any" or (isinstance(value, ValueRef) and wanted not in ("number", "boolean"))
    if wanted == "object":
        return found in ("object", "list")
    if wanted == "number":
        return found == "number" and (isinstance(value, int) or math.isfinite(value))
    return found == wanted
