"""Reads the ports of a task type from the signature and the docstring of its function.

`str` is text, `float` number, `int` whole number, `bool` boolean, `dict` object, `list` list,
`FileRef` file.
An input that is `dict` takes no list; `dict | list` takes both, as `object` does in workflows.
Bounds come from `msgspec.Meta`, choices from `Literal`, the rest from `Note`.
A parameter with a default value has a default port; one that is `X | None = None` may be absent.
In a docstring the first paragraph describes the type, and a line `name: sentence` describes a port;
what follows the word `Example:` is its example, as JSON.
This file must never call a task or know a particular one.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal as OneOf, Union, get_args, get_origin

import msgspec

from headrace.definition.templates import FileRef, ValueRef
from headrace.definition.types import Port, TypeName
from headrace.errors import PluginError


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What an annotation says of a port that a Python type cannot say."""

    aliases: tuple[str, ...] = ()
    literal_only: bool = False
    secret: bool = False
    default_output: bool = False
    headers: bool = False
    """The members of the object are headers of a request."""
    url: bool = False
    """The text is an absolute http or https URL."""
    hosts: tuple[str, ...] = ()
    """The only hosts of the URL, which is https then; `*.` stands for any subdomain."""
    any_case: bool = False
    """The choices may be written in small letters and in capitals."""


_TYPES: dict[Any, TypeName] = {
    str: "text",
    float: "number",
    int: "number",
    bool: "boolean",
    dict: "object",
    list: "list",
    FileRef: "file",
    Any: "any",
}
_LINE = re.compile(r"^(?P<name>\w+): (?P<sentence>.+)$", re.MULTILINE)


class Docs(msgspec.Struct, frozen=True):
    """A docstring, taken apart."""

    summary: str
    ports: dict[str, tuple[str, Any]]
    """Port name to its sentence and example."""


def read_docs(owner: Callable[..., Any] | type) -> Docs:
    """Take the docstring of a function or a class apart."""
    text = inspect.getdoc(owner) or ""
    summary = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    ports = {}
    for match in _LINE.finditer(text):
        sentence, _, example = match["sentence"].partition(" Example: ")
        ports[match["name"]] = (sentence, msgspec.json.decode(example) if example else None)
    return Docs(summary, ports)


def input_ports(function: Callable[..., Any]) -> tuple[Port, ...]:
    """Return the input ports of a function, in the order of its parameters; `context` is not a port."""
    docs = read_docs(function)
    hints = typing.get_type_hints(function, include_extras=True)
    return tuple(
        _port(name, hints[name], docs, default=parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "context"
    )


def output_ports(function: Callable[..., Any]) -> tuple[Port, ...]:
    """Return the output ports of a function: the fields of the Struct that it returns."""
    result = typing.get_type_hints(function).get("return")
    if not (isinstance(result, type) and issubclass(result, msgspec.Struct)):
        raise PluginError(
            f"{function.__qualname__} must return a msgspec.Struct whose fields are its outputs."
        )
    docs = read_docs(result)
    hints = typing.get_type_hints(result, include_extras=True)
    read = (_port(name, hints[name], docs) for name in result.__struct_fields__)
    ports = [msgspec.structs.replace(port, form="any") for port in read]  # functions give what they like
    if len(ports) == 1:
        ports = [msgspec.structs.replace(ports[0], is_default=True)]
    return tuple(ports)


def _port(name: str, hint: Any, docs: Docs, default: Any = inspect.Parameter.empty) -> Port:
    description, example = docs.ports.get(name, ("", None))
    found: dict[str, Any] = {"name": name, "description": description, "example": example}
    type_names: list[TypeName] = []
    for part in _parts(hint):
        match part:
            case msgspec.Meta():
                found |= _bounds(part)
            case Note():
                found |= {
                    "aliases": part.aliases,
                    "literal_only": part.literal_only,
                    "secret": part.secret,
                    "is_default": part.default_output,
                    "form": "headers" if part.headers else "url" if part.url or part.hosts else "any",
                    "hosts": part.hosts,
                    "any_case": part.any_case,
                }
            case types.NoneType:
                found["required"] = False
            case ("choices", choices):
                found["choices"] = choices
                type_names.append("text")
            case _ if part in _TYPES:
                type_names.append(_TYPES[part])
                if part is int:
                    found["whole"] = True
            case _:
                raise PluginError(f"Port '{name}' has the type {part!r}, which is no type of a value.")
    if default is not inspect.Parameter.empty:
        found["required"] = False
        if default is not None:
            found["default"] = default
    first, *others = _names_of(type_names, found)
    return Port(type=first, extra_types=tuple(other for other in others if other != first), **found)


def _names_of(read: list[TypeName], found: dict[str, Any]) -> list[TypeName]:
    """Return the types of a port; where a dict alone is taken, its form says that a list is not."""
    if "object" not in read:
        return read or ["any"]
    if "list" not in read and found.get("form", "any") == "any":
        found["form"] = "names"
    return [each for each in read if each != "list"]


def _parts(hint: Any) -> Iterator[Any]:
    """Yield the plain types, the Metas and the Notes that a hint is made of."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *notes = get_args(hint)
        yield from _parts(inner)
        yield from notes
    elif origin in (Union, types.UnionType):
        for part in get_args(hint):
            if part is not ValueRef:
                yield from _parts(part)
    elif origin is OneOf:
        yield ("choices", get_args(hint))
    else:
        yield origin or hint


def _bounds(meta: msgspec.Meta) -> dict[str, Any]:
    known = {
        "minimum": meta.ge,
        "maximum": meta.le,
        "min_length": meta.min_length,
        "max_length": meta.max_length,
    }
    return {name: bound for name, bound in known.items() if bound is not None}
