"""Reads the body of a submission: a JSON object whose member `workflow` is the YAML in base64 (section 4.2).

Base64 may be standard or URL-safe, padded or not, and wrapped with white space.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from headrace.errors import InvalidDefinition, Problem
from headrace.security.documents import read_json

_SPACE = re.compile(r"\s+")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")
_STANDARD_ONLY = re.compile(r"[+/]")
_URL_ONLY = re.compile(r"[-_]")
_MOST_PADDING = 2
_LOOKS_LIKE_YAML = re.compile(r"^\s*[A-Za-z]\w*:(\s|$)", re.MULTILINE)
_MEMBER = "/workflow"


def document_in(body: bytes) -> bytes:
    """Return the YAML inside of a body; raises InvalidDefinition with the one thing that is wrong."""
    try:
        read = read_json(body)
    except InvalidDefinition as error:
        [first, *_] = error.problems
        raise _wrong("", "body_not_json", first.message, line=first.line, column=first.column) from None
    value = read.value
    if not isinstance(value, dict):
        raise _wrong("", "body_not_object", "The body must be a JSON object with a member 'workflow'.")
    if "workflow" not in value:
        raise _wrong("", "workflow_missing", "The body needs a member 'workflow': the YAML in base64.")
    text = value["workflow"]
    if not isinstance(text, str):
        raise _wrong(_MEMBER, "workflow_not_string", "'workflow' must be a text: the YAML in base64.")
    if not text.strip():
        raise _wrong(_MEMBER, "workflow_empty", "'workflow' is empty; it must be the YAML in base64.")
    return decoded(text)


def decoded(text: str) -> bytes:
    """Return what a base64 text stands for; raises InvalidDefinition `base64_invalid`."""
    whole = _SPACE.sub("", text)
    _check_form(whole)
    packed = whole.translate(_URL_SAFE).rstrip("=")
    foreign = _FOREIGN.search(packed)
    if foreign is not None:
        place = text.translate(_URL_SAFE).find(foreign[0]) + 1
        hint = "Send the YAML in base64." if _LOOKS_LIKE_YAML.search(text) else None
        message = f"'workflow' is not base64: character {foreign[0]!r} at position {place}."
        raise _wrong(_MEMBER, "base64_invalid", message, suggestion=hint)
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4))
    except binascii.Error:
        message = f"'workflow' is not base64: it breaks off at position {len(text)}."
        raise _wrong(_MEMBER, "base64_invalid", message) from None


def _check_form(packed: str) -> None:
    """Refuse padding that is neither absent nor right, and both alphabets in one text."""
    content = packed.rstrip("=")
    padding = len(packed) - len(content)
    if padding and (padding > _MOST_PADDING or len(packed) % 4):
        message = (
            f"'workflow' is not base64: {padding} signs '=' are not the padding of {len(content)} others."
        )
        raise _wrong(_MEMBER, "base64_invalid", message)
    if _STANDARD_ONLY.search(content) and _URL_ONLY.search(content):
        message = "'workflow' is not base64: '+' or '/' stand beside '-' or '_', which are of two alphabets."
        raise _wrong(_MEMBER, "base64_invalid", message)


def _wrong(path: str, code: str, message: str, **more: Any) -> InvalidDefinition:
    return InvalidDefinition([Problem(path=path, code=code, message=message, **more)], message=message)
