"""Which texts are URLs that a task can ask: judged where a document writes one out, and before it is asked.

Whether the address behind one may be reached is another question, which the egress guard answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

import httpx2

from headrace.security import egress

_ABSOLUTE: Final = re.compile(r"https?://[^/?#]", re.IGNORECASE)


def why_unusable(written: str) -> str | None:
    """Return what is wrong with a URL, which is quoted as it was written, without its query.

    The library mends some, as blanks in a path; the rule of the egress guard holds for what it makes of them.
    """
    shown_as = egress.quoted(written)
    if written != written.strip():
        return f"{shown_as} has white space around it."
    if not _ABSOLUTE.match(written):
        return f"{shown_as} is not an absolute http or https URL."
    try:
        wrong = egress.why_invalid(str(httpx2.URL(written)))
    except httpx2.InvalidURL as error:
        wrong = egress.why_invalid(written) or f"is not a URL to ask: {error}"
    return wrong and f"{shown_as} {wrong}."


def is_of(hosts: Iterable[str], url: str) -> bool:
    """Tell whether a URL is an https link of one of these hosts; `*.` stands for any subdomain."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_known = any(fnmatchcase(host, each) for each in hosts)
    return is_known and parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc
