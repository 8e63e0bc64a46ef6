"""Which IP addresses belong to the public internet.

The tables are IANA's special-purpose registries (RFC 6890), written out because what the standard library
calls global has changed between its patch releases.
An IPv6 address that carries an IPv4 address (mapped, 6to4, NAT64) is as public as the one that it carries.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_BLOCKED_V4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "reserved"),
        ("192.52.193.0/24", "reserved"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_BLOCKED_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("2001::/23", "reserved, Teredo among it"),
        ("2001:db8::/32", "documentation"),
        ("2620:4f:8000::/48", "reserved"),
        ("3fff::/20", "documentation"),
    )
)
_NAMED_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")


def parse(text: str) -> Address | None:
    """Read an address in its usual spelling, an IPv6 scope left aside; None when it is none."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def parse_odd(text: str) -> Address | None:
    """Read an address as a resolver does, so also `2130706433`, `0x7f.1` and `0177.0.0.1`; else None."""
    found = parse(text)
    if found is not None or not text.isascii() or text.split() != [text]:
        return found
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def carried(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 address that carries one, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address


def why_not_public(address: Address) -> str | None:
    """Return what kind of address it is when it is not on the public internet, else None."""
    inner = carried(address)
    if isinstance(inner, IPv4Address):
        return next((kind for network, kind in _BLOCKED_V4 if inner in network), None)
    if inner in _GLOBAL_V6:
        return next((kind for network, kind in _BLOCKED_V6 if inner in network), None)
    return next((kind for network, kind in _NAMED_V6 if inner in network), "reserved")
