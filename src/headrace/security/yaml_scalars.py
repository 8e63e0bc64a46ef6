"""What a YAML scalar means: the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/, section 10.3).

So `no`, `on` and `1_000` are texts, `0o17` is fifteen and `017` is seventeen.
What no JSON number can carry (`.inf`, `.nan`, `1e999`, an integer of thousands of digits) stays a text.
"""

from __future__ import annotations

import re

from msgspec import Struct

Core = bool | int | float | str | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC_START = frozenset("+-.0123456789")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MOST_DIGITS = 3500
"""Python refuses to print integers of more than 4,300 decimal digits, which 3,500 of any base stay below."""

_TAGS: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:null": (type(None),),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (float, int),
}
_STRING_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


class Scalar(Struct, frozen=True, gc=False):
    """A YAML scalar that remembers how it was written."""

    text: str
    """The content as it was written, without quotes and with escapes resolved."""
    value: Core
    """What the core schema makes of it; a quoted scalar is its text."""


class WrongTag(ValueError):
    """A tag that the core schema does not have, or that does not suit the text."""


def as_value(text: str, tag: str) -> Core:
    """Return the value of a scalar by its tag, `?` for a plain one, `!` for a quoted one; raises WrongTag."""
    if tag == "?":
        return resolve(text)
    return text if tag in _STRING_TAGS else _tagged(text, tag)


def as_scalar(text: str, tag: str) -> Scalar:
    """Return the scalar with its text and, as `as_value` does, its value; raises WrongTag."""
    return Scalar(text, as_value(text, tag))


def resolve(text: str) -> Core:
    """Return what the core schema makes of an unquoted scalar without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if len(text) > _MOST_DIGITS:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def _tagged(text: str, tag: str) -> Core:
    expected = _TAGS.get(tag)
    if expected is None:
        raise WrongTag(f"The tag {_shown(tag)} is not one of YAML's core tags")
    value = resolve(text)
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise WrongTag(f"The text {text[:40]!r} does not suit its tag {_shown(tag)}")
    if float in expected and isinstance(value, int):
        return float(value) if len(text) < 300 else text
    return value


def _shown(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!", 1)[:80]
