"""The ways in which a secret value may be written: what the redactor looks for.

Not covered: compression, encryption, hexadecimal, base64 that is wrapped into lines, a value cut in two.
"""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

LEAST_SECRET = 4
"""Characters below which a value is not masked."""

_LEAST_LINE = 8
"""Characters from which a line of a value of several lines is masked by itself."""

_SAFE_SETS = ("", "/", "-_.!~*'()", "-_.!~*'();/?:@&=+$,#")
"""What encoders leave as it is: strict, urllib's default, encodeURIComponent, encodeURI."""


def forms_of(secret: str) -> set[bytes]:
    """Return the byte sequences that betray the value; none for one of fewer than four characters."""
    lines = [line.strip() for line in secret.splitlines()]
    values = {secret, *(line for line in lines if len(line) >= _LEAST_LINE or line == secret.strip())}
    return {form for value in values if len(value) >= LEAST_SECRET for form in _forms(value)}


def _forms(value: str) -> set[bytes]:
    raw = value.encode("utf-8", "surrogatepass")
    quoted = {quote(raw, safe=safe) for safe in _SAFE_SETS} | {quote_plus(raw)}
    quoted |= {_lower_escapes(text) for text in quoted}
    as_json = json.dumps(value)[1:-1]
    written = {
        as_json,
        as_json.replace("/", "\\/"),
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        *quoted,
    }
    return {raw, *(text.encode("utf-8", "surrogatepass") for text in written), *_base64_forms(raw)}


def _lower_escapes(text: str) -> str:
    head, *escapes = text.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in escapes)


def _base64_forms(raw: bytes) -> set[bytes]:
    """Return the characters that the value alone decides, at each of the three alignments."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        decided = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        found |= {decided, decided.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
