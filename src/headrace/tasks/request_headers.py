"""Which headers a request can carry (RFC 9110, section 5): judged before anything is sent.

The sentences name a header and never say its value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headrace.security import shortening

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
_LONGEST_NAME = 60
"""Characters of a name that a sentence shows."""


def why_unusable(headers: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the first header that cannot be sent; None when all can.

    Values are JSON values; of one that is null, or not known yet, only the name is judged.
    """
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            return f"{_shown(name)!r} is no name of a header: it has ASCII letters, digits and '-'."
        if isinstance(value, str) and (wrong := _wrong_text(value)):
            return f"The value of the header '{_shown(name)}' {wrong}."
        match name.lower():
            case "content-length" if value is not None and not str(value).isdecimal():
                return "The header 'Content-Length' is a whole number; leave it out, and it is counted."
            case "transfer-encoding" if value is not None and str(value).lower() != "chunked":
                return "The header 'Transfer-Encoding' can only be 'chunked'; leave it out."
    return None


def why_miscounted(headers: Mapping[str, str], size: int) -> str | None:
    """Return what is wrong when a Content-Length is not the size of the body in bytes."""
    told = next((value for name, value in headers.items() if name.lower() == "content-length"), None)
    if told is None or int(told) == size:
        return None
    shown = shortening.beginning(told, 20)
    return f"The header 'Content-Length' says {shown}, and the body has {size} bytes; leave it out."


def _shown(name: str) -> str:
    return shortening.beginning(name, _LONGEST_NAME)


def _wrong_text(value: str) -> str | None:
    if _VALUE.fullmatch(value):
        return None
    if any(each < " " and each != "\t" for each in value) or "\x7f" in value:
        return "has a line break or another control character in it"
    if not value.isascii():
        return "has characters beyond ASCII; encode them, as in percent-encoding"
    return "begins or ends with white space"
