"""Turns the body of an answer into a text, however large: small ones in place, large ones as an artifact.

Memory stays flat: a large body is decoded piece by piece on its way to the store.
Secrets that the call was given are masked on that way, because nobody looks into an artifact afterwards; in
a small text whoever takes the outputs masks them.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from headrace.definition import codec
from headrace.definition.templates import ValueRef
from headrace.tasks import files
from headrace.tasks.charset import PEEK, charset_of
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.fetching import Answer

_TEXT_TYPES = frozenset(
    (
        "",
        "application/ecmascript",
        "application/javascript",
        "application/json",
        "application/xml",
        "image/svg+xml",
    )
)


def is_text(media_type: str) -> bool:
    """Whether a media type is text, HTML, XML or JSON; an absent one is judged by what follows."""
    return (
        media_type in _TEXT_TYPES or media_type.startswith("text/") or media_type.endswith(("+json", "+xml"))
    )


async def read_text(answer: Answer, context: Context, max_bytes: int) -> str | ValueRef:
    """Return the decoded body; above the inline limit it is kept as an artifact and only referred to.

    Bytes that do not decode become U+FFFD in a text, and are the failure `not_text` in anything else.
    """
    pieces = _as_utf8(answer, max_bytes)
    start: list[bytes] = []
    size = 0
    async for piece in pieces:
        start.append(piece)
        size += len(piece)
        if size > context.limits.inline:
            stored = await files.keep_stream(_masked(_joined(start, pieces), context), context)
            return ValueRef(stored.sha256, stored.size, "text")
    return b"".join(start).decode()


async def _joined(start: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in start:
        yield piece
    async for piece in rest:
        yield piece


async def _masked(pieces: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
    mask = context.redactor.stream()
    async for piece in pieces:
        yield mask.feed(piece)
    yield mask.finish()


async def _as_utf8(answer: Answer, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body again, in UTF-8."""
    waiting = b""
    decoder: codecs.IncrementalDecoder | None = None
    try:
        async for chunk in answer.chunks(max_bytes):
            waiting += chunk
            if decoder is None and len(waiting) >= PEEK:
                decoder = _decoder(answer, waiting[:PEEK])
            if decoder is not None:
                yield decoder.decode(waiting).encode(errors="replace")
                waiting = b""
        decoder = decoder or _decoder(answer, waiting)
        yield decoder.decode(waiting, final=True).encode(errors="replace")
    except UnicodeDecodeError as error:
        raise TaskFailure(
            "not_text", f"{answer.subject} answered {answer.media_type}, which does not decode as text."
        ) from error


def _decoder(answer: Answer, start: bytes) -> codecs.IncrementalDecoder:
    errors = "replace" if is_text(answer.media_type) else "strict"
    if not answer.media_type and b"\0" in start:
        errors = "strict"
    return codecs.getincrementaldecoder(charset_of(answer.charset, start))(errors)


async def read_json(body: str | ValueRef, media_type: str, context: Context) -> Any:
    """Return the object or list that a body spells, `{}` when it spells none.

    Raises TaskFailure `invalid_value` for a whole number that no journal can hold.

    A body that is kept as an artifact is looked into only when its media type says JSON,
    and its value is then an artifact too.
    """
    if isinstance(body, str):
        return _parsed(body)
    if not media_type.endswith(("/json", "+json")):
        return {}
    path = await context.artifacts.path(body.sha256)
    content = await asyncio.to_thread(lambda: codec.encode(_parsed(path.read_bytes())))
    async with context.artifacts.writer() as writer:
        await writer.write(content)
    return ValueRef(writer.stored.sha256, writer.stored.size, "json")


def _parsed(body: str | bytes) -> Any:
    try:
        value = msgspec.json.decode(body)
        codec.encode(value)
    except OverflowError:
        low, high = codec.SMALLEST_INTEGER, codec.LARGEST_INTEGER
        raise TaskFailure(
            "invalid_value",
            f"The answer has a whole number beyond {low} to {high}, which 'json' cannot hold; "
            "web.download gives the answer as a text.",
        ) from None
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return value if isinstance(value, dict | list) else {}
