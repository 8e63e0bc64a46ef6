"""CPUs, bytes and durations as people write them (section 2.5 of the specification).

Each reader returns the number, or what would have been right.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

_CPUS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})(m?)", re.ASCII)
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?|\.\d{1,9})(Ki|Mi|Gi|Ti|[kKMGT]?)", re.ASCII)
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([smh]?)", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,9})?", re.ASCII)
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
    match = _CPUS.fullmatch(text.strip())
    if match:
        number = float(match[1]) / (1000 if match[2] else 1)
        if 0 < number <= MOST_CPUS:
            return number
        return Wrong("1" if number == 0 else str(MOST_CPUS))
    return Wrong(_number_in(text))


def size(text: str) -> int | Wrong:
    """Read bytes, with `Ki Mi Gi Ti` as powers of 1024 and `k K M G T` as powers of 1000."""
    match = _SIZE.fullmatch(text.strip())
    if match:
        number = int(Decimal(match[1]) * _BYTES[match[2]])
        if 0 < number <= _LARGEST_SIZE:
            return number
        if number:
            return Wrong(LARGEST_SIZE)
    number_text = _number_in(text)
    letter = _LETTER.search(text.partition(number_text)[2])
    unit = "" if letter is None else letter[0][0].upper() + letter[0][1:].lower()
    return Wrong(number_text + (unit or ("Gi" if number_text == "1" else "")))


def seconds(text: str) -> float | Wrong:
    """Read seconds, or `90s`, `15m`, `2h`."""
    match = _DURATION.fullmatch(text.strip())
    if match:
        number = float(match[1]) * _SECONDS[match[2]]
        if number <= _LONGEST:
            return number
        return Wrong(LONGEST)
    unit = re.search(r"[smh]", text.lower())
    return Wrong(_number_in(text) + (unit[0] if unit else ""))


def _number_in(text: str) -> str:
    """Return the first number of the text that is above 0, else 1."""
    match = _NUMBER.search(text)
    return match[0] if match and float(match[0]) > 0 else "1"
