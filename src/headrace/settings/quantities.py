"""The values that people write with a unit or a comma: sizes, durations, rates, lists, addresses.

Each type carries the sentence that says what is accepted; errors and the reference page repeat it.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

_BYTES = {"": 1, "b": 1}
_BYTES |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)}
_BYTES |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_PART_OF_A_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


class Accepts(NamedTuple):
    """Says in words what a setting accepts."""

    sentence: str
    takes_empty: bool = False
    """An empty variable is a value of its own; else it counts as absent."""


class Rate(NamedTuple):
    """So many requests in so long."""

    requests: int
    period: timedelta


def parse_size(value: Any) -> Any:
    """Return bytes for `16MiB` (1024), `16MB` (1000) or a plain number; other types pass."""
    if not isinstance(value, str):
        return value
    match = _QUANTITY.fullmatch(value.strip())
    if match is None or match[2].lower() not in _BYTES:
        raise ValueError("no size")
    return int(Decimal(match[1]) * _BYTES[match[2].lower()])


def parse_duration(value: Any) -> Any:
    """Return a timedelta for `90s`, `15m`, `1h30m` or a number of seconds; other types pass."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _seconds(value)
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if _NUMBER.fullmatch(text):
        return _seconds(float(text))
    parts = _PART_OF_A_DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("no duration")
    return _seconds(float(sum(Decimal(number) * _SECONDS[unit] for number, unit in parts)))


def _seconds(number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except OverflowError:
        raise ValueError("more time than there is") from None


def parse_retention(value: Any) -> Any:
    """Return a timedelta for `30d`, None for `never`."""
    if isinstance(value, str) and value.strip().lower() == "never":
        return None
    return parse_duration(value)


def parse_rate(value: Any) -> Any:
    """Return a Rate for `60/1m`, None for `off`."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "off":
        return None
    requests, _, period = value.partition("/")
    rate = Rate(int(requests), parse_duration(period))
    if rate.requests < 1 or rate.period <= timedelta():
        raise ValueError("no rate")
    return rate


def split_list(value: Any) -> Any:
    """Return the parts of `a, b`; a list stays one."""
    if isinstance(value, str):
        return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
    return value


def _must_be_positive(value: timedelta | None) -> timedelta | None:
    if value is not None and value <= timedelta():
        raise ValueError("no time at all")
    return value


def _must_be_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("no address")
    return value.rstrip("/")


def _must_be_file(value: Path) -> Path:
    if not value.expanduser().is_file():
        raise ValueError("no file")
    return value.expanduser()


def _must_be_network(value: str) -> str:
    ipaddress.ip_network(value)
    return value


def _must_be_host(value: str) -> str:
    if re.fullmatch(r"(\*\.)?[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:]+\]?", value) is None:
        raise ValueError("no host")
    return value.lower()


def _must_be_origin(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme not in {"http", "https"}
        or value != f"{parts.scheme}://{parts.netloc}"
        or not parts.hostname
    ):
        raise ValueError("no origin")
    return value.lower()


def _must_be_destination(value: str) -> str:
    """A CIDR or a host, each with an optional port; the egress guard reads it."""
    address, port = value, ""
    if value.startswith("[") or value.count(":") == 1:
        address, _, port = value.rpartition(":") if not value.endswith("]") else (value, "", "")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("no port")
    address = address.strip("[]")
    if "/" in address or ":" in address:
        ipaddress.ip_network(address)
    else:
        _must_be_host(address)
    return value.lower()


Port = Annotated[int, Accepts("a whole number from 0 to 65535")]
Count = Annotated[int, Accepts("a whole number from 1")]
Cores = Annotated[float, Accepts("a number above 0, such as 4 or 0.5")]
Switch = Annotated[bool, Accepts("`true` or `false`")]
Words = Annotated[str, Accepts("a text that is not empty")]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Accepts("a size such as `64KiB`, `16MiB` or `2GiB`, or a number of bytes"),
]
LogSize = Annotated[
    int,
    BeforeValidator(parse_size),
    Accepts("a size of at least `1MiB` such as `16MiB` or `2GiB`, or a number of bytes"),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(_must_be_positive),
    Accepts("a duration above 0 such as `500ms`, `90s`, `15m` or `1h30m`, or a number of seconds"),
]
Retention = Annotated[
    timedelta | None,
    BeforeValidator(parse_retention),
    AfterValidator(_must_be_positive),
    Accepts("`never`, or a duration above 0 such as `12h` or `30d`, or a number of seconds"),
]
RateLimit = Annotated[
    Rate | None,
    NoDecode,
    BeforeValidator(parse_rate),
    Accepts("`off`, or a count per duration such as `600/1m`"),
]
Folder = Annotated[
    Path,
    AfterValidator(Path.expanduser),
    Accepts("a directory; a relative one starts at the working directory"),
]
Folders = Annotated[
    tuple[Annotated[Path, AfterValidator(Path.expanduser)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Accepts("directories, separated by commas"),
]
PemFile = Annotated[Path, AfterValidator(_must_be_file), Accepts("the path of a PEM file that can be read")]
Url = Annotated[str, AfterValidator(_must_be_url), Accepts("an http or https address without query")]
Password = Annotated[SecretStr, Accepts("a text that is not empty")]
StrongPassword = Annotated[SecretStr, Accepts("a text of at least 32 characters")]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_must_be_network)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Accepts("addresses or networks such as `10.0.0.0/8`, separated by commas"),
]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_must_be_host)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Accepts("host names without port such as `flows.example.org` or `*.example.org`, separated by commas"),
]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_must_be_origin)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Accepts("origins such as `https://app.example.org:8443`, separated by commas"),
]
Destinations = Annotated[
    tuple[Annotated[str, AfterValidator(_must_be_destination)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Accepts("hosts or networks such as `127.0.0.1:9000` or `10.0.0.0/8`, port optional, separated by commas"),
]
