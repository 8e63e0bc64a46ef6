"""The Host and Origin rules: which requests a browser may have been tricked into sending.

A page of another site can make a browser send a request to us, and a rebound DNS name can make that look as
if it came from our own site; the first is told by `Origin`, the second by `Host`.
Pure functions over header texts.
Exemptions are made by the caller, who does not ask.
"""

from __future__ import annotations

import ipaddress
import re
from enum import IntEnum
from urllib.parse import urlsplit

from msgspec import Struct

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]\\]+)(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Verdict(IntEnum):
    """The status of the answer that a request deserves so far."""

    OK = 200
    FORBIDDEN = 403
    """The origin is neither the server's own nor allowed."""
    MISDIRECTED = 421
    """The host is not a name of this server."""


class Rules(Struct, frozen=True, kw_only=True):
    """What the operator allows beyond the defaults."""

    public_url: str | None = None
    """The URL under which users reach the server."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names without port; `*.example.org` stands for every name below it."""
    allowed_origins: tuple[str, ...] = ()
    """Origins as browsers send them, `scheme://host[:port]`."""


def judge(host: str | None, origin: str | None, rules: Rules) -> Verdict:
    """Judge a request by the values of its `Host` and `Origin` headers; None is an absent header."""
    if not _is_ours(host, rules):
        return Verdict.MISDIRECTED
    if origin is not None and not _is_welcome(origin, host, rules):
        return Verdict.FORBIDDEN
    return Verdict.OK


def _is_ours(host: str | None, rules: Rules) -> bool:
    authority = _authority(host)
    if authority is None:
        return False
    name, _ = authority
    if name == "localhost" or _is_ip(name):
        return True
    if rules.public_url is not None and name == (urlsplit(rules.public_url).hostname or "").lower():
        return True
    return any(_matches(name, pattern.lower()) for pattern in rules.allowed_hosts)


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _is_welcome(origin: str, host: str | None, rules: Rules) -> bool:
    if origin in rules.allowed_origins:
        return True
    asked = _origin(origin)
    if asked is None:
        return False
    scheme, name, port = asked
    own = _authority(host)
    if own is not None and (name, port) == (own[0], own[1] or _DEFAULT_PORTS[scheme]):
        return True
    listed = (*rules.allowed_origins, *([rules.public_url] if rules.public_url else []))
    return any(asked == _origin(entry) for entry in listed)


def _origin(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for `null`, for other schemes and for what is no origin."""
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    authority = _authority(rest.partition("/")[0])
    if not separator or scheme not in _DEFAULT_PORTS or authority is None:
        return None
    return scheme, authority[0], authority[1] or _DEFAULT_PORTS[scheme]


def _authority(text: str | None) -> tuple[str, int | None] | None:
    """Return host (lower case, without brackets and final dot) and port."""
    found = _AUTHORITY.fullmatch(text or "")
    if found is None:
        return None
    host, port = found.groups()
    name = host.lower().strip("[]").removesuffix(".")
    return (name, int(port) if port else None) if name else None


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
