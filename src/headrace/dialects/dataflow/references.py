"""The syntax of templates: texts with `{{…}}` are cut into pieces, and references into their parts.

Knows nothing of which inputs, tasks or outputs exist; that is `scope.py`.
"""

from __future__ import annotations

import re
from typing import Literal as OneOf, NamedTuple

Root = OneOf["inputs", "tasks", "outputs", "secrets"]

_SEGMENT = re.compile(r"[\w-]+\Z")

LONGEST = 2000
"""Characters of one reference; an expression has 16 KiB, and a condition names its reference five times."""

MOST = 10_000
"""References in one text, each of which is looked up."""

_FORMS = "{{inputs.NAME}}, {{tasks.TASK.outputs.NAME}}"


class Unreadable(ValueError):
    """The template cannot be read; the message is a sentence for people."""


class Reference(NamedTuple):
    """What stands between two pairs of braces, trimmed."""

    content: str


class Address(NamedTuple):
    """A reference, taken apart."""

    root: Root
    task: str
    """As written; empty for other roots than `tasks`."""
    name: str
    """Input, output or secret, as written."""
    place: int
    """Which part the name is, from 0."""
    steps: tuple[str, ...]
    """Fields inside the value."""
    is_capitalised: bool
    """The root is spelled as in `Inputs`."""


def pieces(text: str) -> list[str | Reference]:
    r"""Cut a text into literal pieces and references; `\{{` is two literal braces.  Raises Unreadable."""
    found: list[str | Reference] = []
    literal = ""
    at = count = 0
    while (begin := text.find("{{", at)) >= 0:
        if text.endswith("\\", at, begin):
            literal += text[at : begin - 1] + "{{"
            at = begin + 2
            continue
        end = text.find("}}", begin + 2)
        if end < 0:
            raise Unreadable(f"'{_shortened(text[begin:])}' has no closing '}}}}'.")
        literal += text[at:begin]
        if literal:
            found.append(literal)
            literal = ""
        found.append(Reference(text[begin + 2 : end].strip()))
        at = end + 2
        count += 1
        if count > MOST:
            raise Unreadable(f"The text has more than {MOST:,} references.")
    literal += text[at:]
    if literal or not found:
        found.append(literal)
    return found


def can_hold(name: str) -> bool:
    """Tell whether a reference with this name in it can be read, though perhaps as more than one segment."""
    return all(map(_SEGMENT.match, name.split(".")))


def address_of(content: str) -> Address:
    """Take a reference apart; raises Unreadable."""
    if not content:
        raise Unreadable(f"The braces are empty; a reference is written as in {_FORMS}.")
    if len(content) > LONGEST:
        raise Unreadable(f"The reference is longer than {LONGEST} characters.")
    if not can_hold(content):
        raise Unreadable(
            f"'{_shortened(content)}' is no reference: inside the braces stand names with dots between them, "
            "no filters, operators or literals."
        )
    segments = content.split(".")
    is_capitalised = segments[0][0].isupper()
    match [segments[0].lower(), *segments[1:]]:
        case ["workflow", second, name, *steps] if second.lower() in {"inputs", "input"}:
            return Address("inputs", "", name, 2, tuple(steps), is_capitalised)
        case ["inputs" | "input", name, *steps]:
            return Address("inputs", "", name, 1, tuple(steps), is_capitalised)
        case ["outputs" | "output", name, *steps]:
            return Address("outputs", "", name, 1, tuple(steps), is_capitalised)
        case ["tasks" | "refs", task, middle, name, *steps] if middle.lower() in {"outputs", "output"}:
            return Address("tasks", task, name, 3, tuple(steps), is_capitalised)
        case ["secrets", name]:
            return Address("secrets", "", name, 1, (), is_capitalised)
        case [root, *_]:
            raise Unreadable(_incomplete(root, content))
        case _:
            raise AssertionError("a split text has at least one part")


def _incomplete(root: str, content: str) -> str:
    if root in {"tasks", "refs"}:
        return f"'{_shortened(content)}' names no output; that is written {{{{tasks.TASK.outputs.NAME}}}}."
    if root in {"workflow", "inputs", "input"}:
        return f"'{_shortened(content)}' names no input; that is written {{{{inputs.NAME}}}}."
    if root in {"outputs", "output", "secrets"}:
        return (
            f"'{_shortened(content)}' does not name one of the {root}; that is written {{{{{root}.NAME}}}}."
        )
    return f"A reference cannot begin with '{_shortened(root)}'; it is written as in {_FORMS}."


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


def respelled(content: str, place: int, name: str) -> str:
    """Return the reference, with braces, with another name in one of its parts."""
    segments = content.split(".")
    segments[place] = name
    return f"{{{{{'.'.join(segments)}}}}}"


def key(name: str) -> str:
    """Return how an expression reads this field of an object."""
    return f".{name}" if name.isascii() and name.isidentifier() else f"['{name}']"


def step(name: str) -> str:
    """Return how an expression reads this field of an object, or the element of a list at this place."""
    return f".'{name}'" if name.isascii() and name.isdecimal() else key(name)
