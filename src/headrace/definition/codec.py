"""How our own values become bytes: MessagePack, with extension codes for references.

JSON could not tell a reference from a user's object that happens to look like one; an extension code can.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from headrace.definition.templates import FileRef, ValueRef

T = TypeVar("T")

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1
"""Whole numbers that MessagePack can hold."""

_VALUE, _FILE = 1, 2


def _extend(value: Any) -> Any:
    match value:
        case ValueRef():
            content = (value.sha256, value.size, value.kind)
            return msgspec.msgpack.Ext(_VALUE, msgspec.msgpack.encode(content))
        case FileRef():
            return msgspec.msgpack.Ext(
                _FILE, msgspec.msgpack.encode((value.sha256, value.size, value.name, value.content_type))
            )
        case _:
            raise NotImplementedError(f"{type(value).__name__} is not a value of the journal")


def _restore(code: int, content: memoryview) -> Any:
    fields = msgspec.msgpack.decode(content)
    match code:
        case 1:
            return ValueRef(*fields)
        case 2:
            return FileRef(*fields)
        case _:
            raise ValueError(f"unknown extension code {code}")


_encoder = msgspec.msgpack.Encoder(enc_hook=_extend)
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}

encode = _encoder.encode
"""Return the bytes of a Struct or a JSON value."""


def decode(content: bytes, type: type[T]) -> T:
    """Return the value of `type` that `encode` made these bytes of."""
    decoder = _decoders.get(type)
    if decoder is None:
        decoder = _decoders[type] = msgspec.msgpack.Decoder(type, ext_hook=_restore)
    return decoder.decode(content)  # type: ignore[no-any-return]
