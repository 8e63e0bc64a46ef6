"""Reads the declared inputs of a workflow."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from headrace.definition.types import Port, TypeName, accepts
from headrace.dialects.dataflow import fields, types_of
from headrace.dialects.dataflow.drafts import Declared
from headrace.dialects.dataflow.fields import Fields, Given
from headrace.dialects.dataflow.findings import Findings
from headrace.dialects.dataflow.values import unstorable
from headrace.dialects.dataflow.wire import INPUT, TYPE_WORDS


def read_inputs(given: Given | None, findings: Findings) -> Declared:
    """Return the declared inputs."""
    found: dict[str, Port] = {}
    if given is None:
        return Declared(found)
    are_known = isinstance(given.value, list)
    for index, item in enumerate(fields.list_of(given, findings)):
        path = f"{given.path}/{index}"
        read = fields.read_fields(item, path, INPUT, findings)
        if not isinstance(item, dict):
            are_known = False
            continue
        name = fields.name_of(read, path, INPUT, findings)
        are_known = are_known and name is not None
        if name in found:
            message = f"Another input has the name '{name}'."
            findings.problem(read["name"].path, "duplicate_name", message)
            found[name] = replace(found[name], type="any")
        port = _input(name or "", read, path, findings)
        if name:
            found.setdefault(name, port)
    return Declared(found, are_known)


def _input(name: str, read: Fields, path: str, findings: Findings) -> Port:
    type_given, description = read.get("type"), read.get("description")
    type_name: TypeName = "any"
    if type_given is None:
        findings.problem(path, "missing_field", "An input needs a 'type'.")
    else:
        type_name = read_type(type_given, findings) or "any"
    required = fields.flag_of(read["required"], findings) if "required" in read else True
    default = _default(read.get("default"), type_name, findings)
    return Port(
        name=name,
        type=type_name,
        required=bool(required) and default is UNSET,
        default=default,
        description=fields.text_of(description, findings) or "" if description else "",
    )


def read_type(given: Given, findings: Findings) -> TypeName | None:
    """Return a type by any of its words; None when a problem was told."""
    word = fields.text_of(given, findings)
    if word is None:
        return None
    type_name = TYPE_WORDS.get(word.lower())
    if type_name is None:
        near = findings.nearest(word, TYPE_WORDS)
        message = f"'{word[:60]}' is no type; the types are text, number, boolean, object and file."
        findings.problem(given.path, "unknown_type", message, suggestion=near)
    return type_name


def _default(given: Given | None, type_name: TypeName, findings: Findings) -> Any | UnsetType:
    if given is None:
        return UNSET
    if found := unstorable(given.value, given.path):
        findings.problem(found.path, "invalid_value", found.why)
    elif not has_type(type_name, given.value):
        message = f"The default must be of type {type_name}; it is {fields.kind(given.value)}."
        findings.problem(given.path, "invalid_type", message)
    elif type_name == "file" and (wrong := types_of.why_unreadable(given.value)):
        findings.problem(given.path, "invalid_value", wrong)
    elif type_name == "file":
        types_of.warn_of_unread(given.value, given.path, findings)
    return given.value


def has_type(type_name: TypeName, value: Any) -> bool:
    """Tell whether a value that was sent has exactly this type."""
    if type_name == "file":
        return types_of.describes_file(value)
    if type_name == "number":
        return fields.is_number(value)
    return type_name == "any" or accepts(type_name, value)
