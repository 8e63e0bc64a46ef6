"""Makes every form in which a file can be given (Data Flow section 5) a file of the artifact store.

A URL is fetched here, by the task that reads it, through the egress guard.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from msgspec import Struct

from headrace.definition.templates import FileRef
from headrace.errors import NotFound
from headrace.tasks.context import Context, Stored
from headrace.tasks.failures import TaskFailure, remote_refusal

OCTETS = "application/octet-stream"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")
_DATA = re.compile(r"data:(?P<type>[^,;]*)(?P<parameters>(?:;[^,;]*)*?)(?P<base64>;base64)?,", re.IGNORECASE)


class Inline(Struct, frozen=True):
    """A file whose content a value itself holds."""

    content: bytes
    name: str
    content_type: str | None = None
    """As it was given; None leaves it to be guessed."""


def inline(value: Any) -> Inline | None:
    """Return the file that a JSON value holds; None where it is given in another way.

    Raises TaskFailure `invalid_value` for content that cannot be read, and for a name that is no text.
    """
    match value:
        case str() if value[:5].lower() == "data:":
            return _from_data(value)
        case {"content_base64": str(content)}:
            name, kind = value.get("name"), value.get("content_type")
            if not isinstance(name, str | None) or not isinstance(kind, str | None):
                raise TaskFailure("invalid_value", "The 'name' and the 'content_type' of a file are texts.")
            return Inline(_unpacked(content), name or "file", kind)
        case _:
            return None


async def obtain(value: Any, context: Context) -> FileRef:
    """Return the file that a value stands for; raises TaskFailure."""
    match value:
        case FileRef():
            return await _stored(value, context)
        case str() if value[:5].lower() != "data:":
            return await _from_url(value, None, context)
        case {"url": str(url)}:
            return await _from_url(url, value.get("name"), context)
        case _:
            if (given := inline(value)) is not None:
                return await keep(given.content, given.name, given.content_type, context)
            raise TaskFailure(
                "type_mismatch", "A file is a URL, a data: URI, or an object that describes one."
            )


async def _stored(file: FileRef, context: Context) -> FileRef:
    """Return the file if it is still there: a rerun may be given what retention has removed meanwhile."""
    try:
        await context.artifacts.path(file.sha256)
    except NotFound:
        sentence = f"The file '{file.name}' is not kept any longer: it was deleted, or retention removed it."
        raise TaskFailure("missing_value", sentence) from None
    return file


async def keep(content: bytes, name: str, content_type: str | None, context: Context) -> FileRef:
    """Keep bytes as a file; an unknown media type is guessed from the name."""
    if len(content) > context.limits.file:
        raise TaskFailure("too_large", f"The file {name} has more than {context.limits.file} bytes.")
    async with context.artifacts.writer() as writer:
        await writer.write(content)
    return named(writer.stored.sha256, writer.stored.size, name, content_type)


async def keep_stream(chunks: AsyncIterator[bytes], context: Context) -> Stored:
    """Keep what arrives in pieces."""
    async with context.artifacts.writer() as writer:
        async for chunk in chunks:
            await writer.write(chunk)
    return writer.stored


def named(sha256: str, size: int, name: str, content_type: str | None) -> FileRef:
    """Return the reference to kept bytes, with a base name that is safe to show."""
    safe = _UNSAFE.sub("_", str(name)).strip(". ")[:200] or "file"
    return FileRef(sha256, size, safe, content_type or mimetypes.guess_type(safe)[0] or OCTETS)


async def _from_url(url: str, name: str | None, context: Context) -> FileRef:
    from headrace.tasks.fetching import (
        Ask,
        fetch,
    )  # a worker that is given no URL starts without the HTTP library

    async with fetch(context.http, Ask(url=url, timeout=context.limits.fetch_seconds)) as answer:
        if not answer.is_success:
            sentence = f"{answer.subject} answered {answer.status}."
            raise remote_refusal("http_status", sentence, answer.status, answer.retry_after)
        stored = await keep_stream(answer.chunks(context.limits.file), context)
    known = name or PurePosixPath(unquote(urlsplit(answer.url).path)).name or "file"
    return named(stored.sha256, stored.size, known, answer.media_type)


def _from_data(uri: str) -> Inline:
    head = _DATA.match(uri)
    if head is None:
        raise TaskFailure(
            "invalid_value", "The data: URI of a file has no comma between its head and its content."
        )
    body = uri[head.end() :]
    content = _unpacked(unquote(body)) if head["base64"] else unquote_to_bytes(body)
    kind = head["type"].lower() or "text/plain"
    return Inline(content, "file" + (mimetypes.guess_extension(kind) or ""), kind)


def _unpacked(content: str) -> bytes:
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise TaskFailure("invalid_value", f"The content of a file is not base64: {error}.") from error
