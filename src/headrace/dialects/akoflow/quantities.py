"""CPUs, bytes and durations as people write them (section 2.5 of the specification).

Each reader returns the number, or what would have been right.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

_CPUS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})(m?)", re.ASCII)
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?|\.\d{1,9})(Ki|Mi|Gi|Ti|[kKMGT]?)", re.ASCII)
_DURATION = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([smh]?)", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,9})?|\.\d{1,9}", re.ASCII)
_TOO_LONG = re.compile(r"(?<![\d.])[1-9]\d{18}", re.ASCII)
"""More digits before the point than the largest of all amounts has."""
_LETTER = re.compile(r"[kmgt]i?", re.ASCII | re.IGNORECASE)

MOST_CPUS = 4096
LARGEST_SIZE, LONGEST = "4194304Ti", "87600h"
"""The most that is understood, as one writes it: 4 EiB and ten years."""
_LARGEST_SIZE = 1 << 62
_LONGEST = 87_600 * 3600
_BYTES = {"": 1} | {f"{letter}i": 1024**power for power, letter in enumerate("KMGT", 1)}
_BYTES |= {letter: 1000**power for power, letter in enumerate("KMGT", 1)} | {"k": 1000}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Wrong(NamedTuple):
    """A text that is no such quantity."""

    suggestion: str
    """The nearest form that would have been right."""


def cpus(text: str) -> float | Wrong:
    """Read cores (`1`, `0.5`) or thousandths (`500m`): above 0 and at most 4,096."""
    number = _cores(text.strip())
    if number is not None and 0 < number <= MOST_CPUS:
        return number
    written, rest = _number_in(text)
    near = written + ("m" if rest.strip() == "m" else "")
    return _Nearest(text, str(MOST_CPUS), MOST_CPUS).of(near, _cores(near)) or Wrong("1")


def size(text: str) -> int | Wrong:
    """Read bytes, with `Ki Mi Gi Ti` as powers of 1024 and `k K M G T` as powers of 1000."""
    number = _bytes(text.strip())
    if number is not None and 0 < number <= _LARGEST_SIZE:
        return number
    written, rest = _number_in(text)
    letter = _LETTER.search(rest)
    unit = "" if letter is None else letter[0][0].upper() + letter[0][1:].lower()
    # A number without a unit that is too small for bytes was meant in the unit that people think in.
    nearest = _Nearest(text, LARGEST_SIZE, _LARGEST_SIZE)
    for near in (written + (unit or ("Gi" if written == "1" else "")), f"{written}Gi"):
        if found := nearest.of(near, _bytes(near)):
            return found
    return Wrong("1Gi")


def seconds(text: str) -> float | Wrong:
    """Read seconds, or `90s`, `15m`, `2h`."""
    number = _duration(text.strip())
    if number is not None and number <= _LONGEST:
        return number
    unit = re.search(r"[smh]", text.lower())
    near = _number_in(text)[0] + (unit[0] if unit else "")
    return _Nearest(text, LONGEST, _LONGEST).of(near, _duration(near)) or Wrong("1s")


class _Nearest(NamedTuple):
    """What would have been right in place of a text, bounded by the most that is understood."""

    text: str
    largest: str
    bound: int

    def of(self, near: str, number: float | None) -> Wrong | None:
        """Return a form with its number, or the largest one; None when it is nothing at all."""
        if _TOO_LONG.search(self.text) or (number is not None and number > self.bound):
            return Wrong(self.largest)
        return Wrong(near) if number else None


def _cores(text: str) -> float | None:
    match = _CPUS.fullmatch(text)
    return None if match is None else float(match[1]) / (1000 if match[2] else 1)


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return None if match is None else int(Decimal(match[1]) * _BYTES[match[2]])


def _duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    return None if match is None else float(match[1]) * _SECONDS[match[2]]


def _number_in(text: str) -> tuple[str, str]:
    """Return the first number of the text and what follows it; where there is none above 0, 1."""
    match = _NUMBER.search(text)
    if match is None or float(match[0]) <= 0:
        return "1", text
    return ("0" if match[0][0] == "." else "") + match[0], text[match.end() :]
