"""How the bodies of deliveries lie in the database: large ones compressed, small ones as they are sent.

Whoever is told of each change of a run is sent the run as a whole each time, so that the bodies of a long run
are large and much alike.
A body that is compressed begins with a byte with which no UTF-8 text does; what was kept before bodies were
compressed is read as it is.
"""

from __future__ import annotations

import zlib
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

LARGEST_PLAIN = 4 * 1024
"""Bytes of a body up to which it is kept as it is: it takes a page or less, and is written more often."""

_COMPRESSED = b"\xff"
_LEVEL = 1
"""The fastest, because commits wait for it; the sixth makes the details of a run a tenth smaller."""


def packed(body: bytes) -> bytes:
    """Return the bytes that are kept of a body."""
    if len(body) > LARGEST_PLAIN or body.startswith(_COMPRESSED):
        return _COMPRESSED + zlib.compress(body, _LEVEL)
    return body


def unpacked(kept: bytes) -> bytes:
    """Return the body of which these bytes were kept."""
    return zlib.decompress(kept[1:]) if kept.startswith(_COMPRESSED) else kept


class Body(TypeDecorator[bytes]):
    """A column of bodies."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy asks so
        """Pack what is written."""
        return None if value is None else packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - as above
        """Unpack what is read."""
        return None if value is None else unpacked(value)
