"""Which value may stand where which type is wanted (section 5 of the specification).

Text from numbers, booleans and objects needs nothing of us where a task type takes it: the library makes the
text itself when the value is there.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headrace.definition.templates import Expr, Literal, Template, Text
from headrace.definition.types import Port, TypeName
from headrace.dialects.dataflow.findings import Findings, member
from headrace.dialects.dataflow.values import Compiled, is_storable, literal_of
from headrace.dialects.dataflow.wire import FILE_ID, FILE_MEMBERS
from headrace.tasks import files
from headrace.tasks.failures import TaskFailure

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_BOOLEANS = {"true": True, "false": False}
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)


def fitted(compiled: Compiled, wanted: tuple[TypeName, ...]) -> Template | None:
    """Return the value as one of the wanted types, or None when it can be none of them."""
    found: TypeName = "object" if compiled.type == "list" else compiled.type
    if compiled.type == "any" or "any" in wanted or found in wanted or compiled.type in wanted:
        return compiled.template
    if compiled.kind == "literal":
        value = literal_of(compiled)
        return next((made for each in wanted if (made := _converted(value, each)) is not None), None)
    return compiled.template if "text" in wanted and found != "file" else None


def _converted(value: Any, wanted: TypeName) -> Literal | None:
    """Return a literal as another type, where the page allows it for literals."""
    if wanted == "file":
        return Literal(value) if describes_file(value) else None
    if wanted == "text":
        return Literal(text_of(value))
    if wanted == "number" and isinstance(value, str) and _NUMBER.match(value):
        number = int(value) if value.removeprefix("-").isdecimal() else float(value)
        return Literal(number) if is_storable(number) else None
    if wanted == "boolean" and isinstance(value, str) and value in _BOOLEANS:
        return Literal(_BOOLEANS[value])
    return None


def as_text(template: Template) -> Template:
    """Return the template as one whose value is a text, for places where nobody makes one of it later."""
    match template:
        case Expr():
            return Text((template,))
        case Literal(value):
            return Literal(text_of(value))
        case _:
            return template


def text_of(value: Any) -> str:
    """Return a JSON value as interpolation shows it: text as it is, 2.0 as 2, objects as compact JSON."""
    match value:
        case str():
            return value
        case None:
            return ""
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return msgspec.json.encode(value).decode()


def describes_file(value: Any) -> bool:
    """Tell whether a JSON value is one of the six ways to give a file."""
    match value:
        case str():
            return bool(_WEB.match(value) or FILE_ID.match(value)) or holds_content(value)
        case {"file_id": str(text)}:
            return bool(FILE_ID.match(text))
        case {"url": str(text)}:
            return bool(_WEB.match(text))
        case {"content_base64": str()}:
            return True
        case _:
            return False


def holds_content(value: Any) -> bool:
    """Tell whether a file is given by its content."""
    match value:
        case str():
            return value[:5].lower() == "data:"
        case {"content_base64": str()}:
            return True
        case _:
            return False


def warn_of_unread(value: Any, path: str, findings: Findings, *, task: str | None = None) -> None:
    """Warn of what nobody reads in a file that is given as an object."""
    for key in value if isinstance(value, dict) else ():
        if key not in FILE_MEMBERS:
            near = findings.nearest(key, FILE_MEMBERS)
            message = f"A file has no field '{key}'."
            findings.warn(member(path, key), "unknown_field", message, suggestion=near, task=task)


def why_unreadable(value: Any) -> str | None:
    """Return what is wrong with the content of a file that is given so; None when nothing is."""
    try:
        files.inline(value)
    except TaskFailure as failure:
        return failure.failure.message
    return None


def url_of(value: Any) -> str | None:
    """Return the URL by which a file is given, if it is given so."""
    match value:
        case str(text) | {"url": str(text)} if _WEB.match(text):
            return text
        case _:
            return None


def file_id_of(value: Any) -> str | None:
    """Return the `file-…` id by which a file is given, if it is given so."""
    match value:
        case str(text) | {"file_id": str(text)} if FILE_ID.match(text):
            return text
        case _:
            return None


def outside(port: Port, value: Any) -> str | None:
    """Return what the port wants when a literal value lies outside its bounds."""
    match value:
        case bool():
            return None
        case int() | float():
            if port.whole and value != int(value):
                return f"a whole number{_between(port.minimum, port.maximum)}"
            if _is_between(value, port.minimum, port.maximum):
                return None
            return f"a {'whole ' if port.whole else ''}number{_between(port.minimum, port.maximum)}"
        case str():
            if port.choices is not None and not port.offers(value):
                return "one of " + ", ".join(port.choices)
            if _is_between(len(value), port.min_length, port.max_length):
                return None
            return f"a text{_between(port.min_length, port.max_length)} characters"
        case _:
            return None


def _is_between(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _between(low: float | None, high: float | None) -> str:
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f" of at least {low:g}"
        case None, _:
            return f" of at most {high:g}"
        case _:
            return f" from {low:g} to {high:g}"
