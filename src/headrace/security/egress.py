"""The egress guard: where tasks and webhooks may send requests.

Only the public internet, and what the operator allows; never this server, whatever is allowed.
`check_url` is an early, kind answer at creation; the law is `check_address`, asked at connect time about the
very address that is connected to (`egress_client`), because a name may mean something else a moment later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import SplitResult, urlsplit

import psutil
from msgspec import Struct

from headrace.errors import Forbidden, Problem
from headrace.security import addresses, shortening
from headrace.security.addresses import Address

_PORTS = {"http": 80, "https": 443}
_UNSPECIFIED = (IPv4Address(0), IPv6Address(0))
_FORBIDDEN_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
_USER_INFORMATION = re.compile(r"(?<=//)[^/?#]*@")
_LONGEST_LABEL = 63
"""Characters between two dots of a name (RFC 1035)."""
_HOST = re.compile(r"[^\s/?#@:\[\]\\%<>^|]+")


class EgressBlocked(Forbidden):
    """The address may not be reached from here."""

    code = "egress_blocked"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Allowed(Struct, frozen=True):
    """One entry of the operator's list."""

    network: IPv4Network | IPv6Network | None
    host: str | None
    port: int | None

    def covers(self, address: Address, host: str, port: int) -> bool:
        """Whether the entry allows this target."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return self.host == host

    def names(self, host: str, port: int) -> bool:
        """Whether the entry allows this name, wherever it leads."""
        return self.host == host and self.port in (None, port)


class Egress:
    """Judges targets of outgoing requests."""

    def __init__(self, allow: Iterable[str] = (), own_addresses: Iterable[tuple[str, int]] = ()) -> None:
        """Take the operator's list and the server's own sockets and names.

        `allow` holds CIDRs, addresses and host names, each with an optional `:port` (then IPv6 in brackets).
        `own_addresses` are (address or host name, port); an unspecified address (`0.0.0.0`) stands for all of
        this machine's.
        Raises ValueError for an entry of `allow` that is none of these.
        """
        self._allowed = [_entry(text) for text in allow]
        own = [(_plain_host(host), port) for host, port in own_addresses]
        self._own_names = {(host, port) for host, port in own if addresses.parse(host) is None}
        self._own_addresses = {(address, port) for host, port in own for address in _addresses_of(host)}

    def check_url(self, url: str, path: str = "") -> Problem | None:
        """Judge a URL without resolving its name; `path` is the JSON pointer of the value.

        The codes are `invalid_url` (not an absolute http(s) URL, user info in it) and `egress_blocked`.
        """
        wrong = why_invalid(url)
        if wrong is not None:
            return Problem(path=path, code="invalid_url", message=f"{quoted(url)} {wrong}.")
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        host = _plain_host(parts.hostname or "")
        literal = addresses.parse_odd(host)
        if literal is not None:
            return self.check_address(str(literal), host, port, path)
        if (host, port) in self._own_names:
            return _own(path, f"{host}:{port}")
        if any(entry.names(host, port) for entry in self._allowed):
            return None
        if host == "localhost" or host.endswith(".localhost"):
            return _blocked(path, f"{host} is this machine")
        return None

    def check_address(self, ip: str, host: str, port: int, path: str = "") -> Problem | None:
        """Judge the address that a connection to `host` would go to."""
        address, name = addresses.parse(ip), _plain_host(host)
        if address is None:
            return _blocked(path, f"{ip[:100]!r} is not an IP address")
        inner = addresses.carried(address)
        shown = f"{name}:{port}" if name == ip else f"{name}:{port} ({ip})"
        if self._is_own(inner, name, port):
            return _own(path, shown)
        if any(entry.covers(inner, name, port) for entry in self._allowed):
            return None
        kind = addresses.why_not_public(address)
        if kind is not None:
            return _blocked(path, f"{shown} is not on the public internet ({kind})")
        return None

    def _is_own(self, address: Address, host: str, port: int) -> bool:
        if (host, port) in self._own_names or (address, port) in self._own_addresses:
            return True
        # 0.0.0.0 as a target is this machine; 127.0.0.2 reaches whoever listens on every address.
        everywhere = any((wild, port) in self._own_addresses for wild in _UNSPECIFIED)
        here = any(port == own_port for _, own_port in self._own_addresses)
        return (address.is_unspecified and here) or (address.is_loopback and everywhere)


def _own(path: str, target: str) -> Problem:
    message = f"Requests to this address are refused: {target} is this server itself."
    return Problem(path=path, code="egress_blocked", message=message)


def _blocked(path: str, reason: str) -> Problem:
    return Problem(
        path=path,
        code="egress_blocked",
        message=f"Requests to this address are refused: {reason}.",
        suggestion="The operator can allow it with the setting egress_allow.",
    )


def quoted(url: str) -> str:
    """Return a URL for a sentence: without its query and user information, which may hold secrets."""
    return repr(shortening.beginning(_USER_INFORMATION.sub("…@", url.partition("?")[0], count=1), 200))


def why_invalid(url: str) -> str | None:
    """Return why no request may be sent to a URL as it is written, as the rest of a sentence about it."""
    if _USER_INFORMATION.search(url.partition("?")[0]):
        return "has user information in it; send credentials in a header, from a secret"
    if _FORBIDDEN_IN_URLS.search(url):
        return "has white space, control characters or a backslash in it"
    try:
        parts = urlsplit(url)
    except ValueError:
        if "[" in url or "]" in url:
            return "has brackets in its host that are not closed or hold no IPv6 address"
        return "has a host with characters that no host has"
    if parts.scheme not in _PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        return "is not an absolute http or https URL"
    if not _has_port(parts):
        return "has a port that is no number from 1 to 65535"
    return _why_no_host(parts.hostname or "")


def _has_port(parts: SplitResult) -> bool:
    """Tell whether a request can go to the port of a URL, or to the usual one where it names none."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _why_no_host(host: str) -> str | None:
    if not _HOST.fullmatch(host) and addresses.parse(host) is None:
        return "names no host"
    if any(not 0 < len(part) <= _LONGEST_LABEL for part in host.removesuffix(".").split(".")):
        return f"has a host with a part that is empty or longer than {_LONGEST_LABEL} characters"
    return None


def _plain_host(host: str) -> str:
    """Return the host as a resolver sees it: full-width letters folded, no final dot, no brackets."""
    folded = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    return folded.strip("[]").lower().removesuffix(".")


def _entry(text: str) -> _Allowed:
    target, digits = _split_port(text.strip())
    if digits and not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise ValueError(f"{text!r} has a port that is none.")
    port = int(digits) if digits else None
    try:
        return _Allowed(ip_network(target, strict=False), None, port)
    except ValueError:
        host = _plain_host(target)
        if not _HOST.fullmatch(host) or addresses.parse_odd(host) is not None:
            raise ValueError(f"{text!r} is not a CIDR, an address or a host name.") from None
        return _Allowed(None, host, port)


def _split_port(text: str) -> tuple[str, str]:
    """Split `[::1]:80`, `10.0.0.0/8:80` and `host:80`; an IPv6 address without brackets has no port."""
    if text.startswith("["):
        target, closed, port = text[1:].partition("]")
        return (target, port.removeprefix(":")) if closed else (text, "")
    if text.count(":") > 1:
        return text, ""
    target, _, port = text.partition(":")
    return target, port


def _addresses_of(host: str) -> list[Address]:
    """Return the addresses under which a listening socket of this machine is reached."""
    if host == "localhost":
        return [IPv4Address("127.0.0.1"), IPv6Address("::1")]
    address = addresses.parse(host)
    if address is None:
        return []
    if not address.is_unspecified:
        return [addresses.carried(address)]
    interfaces = [entry.address for entries in psutil.net_if_addrs().values() for entry in entries]
    return [address, *(found for text in interfaces if (found := addresses.parse(text)) is not None)]
