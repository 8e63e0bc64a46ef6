"""The ways in which a secret value may be written: what the redactor looks for.

Most of them are the same for most values: a key of letters and digits has five forms, and one of all other
characters of ASCII some eighty.
Not covered: compression, encryption, hexadecimal, base64 that is wrapped into lines, a value cut in two,
names of hosts with letters beyond ASCII, a value that a `?` or `#` in it divides between two parts of a URL.
"""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

LEAST_SECRET = 4
"""Characters below which a value is not masked."""

_LEAST_LINE = 8
"""Characters from which a line of a value of several lines is masked by itself."""

_SUB_DELIMITERS = "!$&'()*+,;="
_USER_INFORMATION = _SUB_DELIMITERS.replace(";", "").replace("=", "") + "%"
_PATH = _USER_INFORMATION + "/:;=@[\\]^|"
_SAFE_SETS = (
    *("", "/", "-_.!~*'()", "-_.!~*'();/?:@&=+$,#"),
    *(_USER_INFORMATION, _USER_INFORMATION + ":", _PATH, _PATH + "?`{}", _PATH + "?{}#"),
)
"""What encoders leave as it is: strict, urllib's default, encodeURIComponent, encodeURI; then in the parts of
a URL (url.spec.whatwg.org, section 1.3) user information, the same with its colon, path, query, fragment."""

_IN_HOSTS = _SUB_DELIMITERS + '"`{}%|\\'
"""What stays as it is in the name of a host, which is also written small."""

_QUOTES = (
    ("&quot;", "'"),
    ("&quot;", "&#39;"),
    ("&quot;", "&#039;"),
    ("&quot;", "&apos;"),
    ("&#34;", "&#39;"),
)
"""How encoders of HTML write both quotes, beside Python's own way."""


def forms_of(secret: str) -> set[bytes]:
    """Return the byte sequences that betray the value; none for one of fewer than four characters."""
    lines = [line.strip() for line in secret.splitlines()]
    values = {secret, *(line for line in lines if len(line) >= _LEAST_LINE or line == secret.strip())}
    return {form for value in values if len(value) >= LEAST_SECRET for form in _forms(value)}


def _forms(value: str) -> set[bytes]:
    raw = value.encode("utf-8", "surrogatepass")
    quoted = {quote(raw, safe=safe) for safe in _SAFE_SETS} | {quote_plus(raw)}
    quoted.add(quote(value.lower().encode("utf-8", "surrogatepass"), safe=_IN_HOSTS))
    quoted |= {_lower_escapes(text) for text in quoted}
    as_json = json.dumps(value)[1:-1]
    written = {
        as_json,
        as_json.replace("/", "\\/"),
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        value.lower(),
        *_html_forms(value),
        *quoted,
    }
    return {raw, *(text.encode("utf-8", "surrogatepass") for text in written), *_base64_forms(raw)}


def _lower_escapes(text: str) -> str:
    head, *escapes = text.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in escapes)


def _html_forms(value: str) -> set[str]:
    plain = html.escape(value, quote=False)
    ways = {plain.replace('"', double).replace("'", single) for double, single in _QUOTES}
    return {plain, html.escape(value), *ways}


def _base64_forms(raw: bytes) -> set[bytes]:
    """Return the characters that the value alone decides, at each of the three alignments."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        decided = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        found |= {decided, decided.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
