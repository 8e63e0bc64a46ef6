"""Names of things: time-ordered UUIDs (RFC 9562, version 7) and short random aliases.

Integer numbers come from the store, which never gives one twice.
"""

from __future__ import annotations

import secrets
import uuid

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def uuid7(moment: float, randomness: int | None = None) -> str:
    """Return a UUIDv7 for `moment` (Unix seconds), text form, sortable by time.

    `randomness` supplies the 74 random bits, for callers that must be deterministic.
    """
    bits = secrets.randbits(74) if randomness is None else randomness & ((1 << 74) - 1)
    value = (int(moment * 1000) & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (bits >> 62) << 64
    value |= 0b10 << 62 | bits & ((1 << 62) - 1)
    return str(uuid.UUID(int=value))


def alias(prefix: str, length: int = 8) -> str:
    """Return `prefix-` and `length` random characters of a-z and 0-9."""
    left = secrets.randbelow(len(_ALPHABET) ** length)  # one draw: each asks the operating system
    drawn = []
    for _ in range(length):
        left, place = divmod(left, len(_ALPHABET))
        drawn.append(_ALPHABET[place])
    return f"{prefix}-{''.join(drawn)}"
