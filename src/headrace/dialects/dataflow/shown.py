"""How values of a run are shown: files as file objects, large values as previews, secrets masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard, assert_never

import msgspec
from msgspec import Struct, field

from headrace.definition.templates import Expr, FileRef, ListOf, Literal, ObjectOf, Template, Text, ValueRef
from headrace.dialects.dataflow import types_of
from headrace.dialects.dataflow.spelling import ours
from headrace.dialects.dataflow.wire import Style
from headrace.security.redaction import Redactor

PREVIEW_CHARACTERS = 1024
LARGEST_TASK_OUTPUT = 64 * 1024
"""Bytes of one value; a larger one is shown by its beginning."""
LARGEST_RUN_OUTPUT = 1024 * 1024
MASK = "***"


class Shelf(Struct, frozen=True):
    """What is known beside the execution itself."""

    loaded: Mapping[str, Any] = field(default_factory=dict)
    """Large values by content hash."""
    beginnings: Mapping[str, str] = field(default_factory=dict)
    """Masked beginnings of large texts by content hash, of as many characters as a preview has."""
    file_ids: Mapping[str, str] = field(default_factory=dict)
    """Content hash of a stored file to its `file-…` id."""
    id_of_made: Callable[[str], str] | None = None
    """Content hash of any other file to its id, where every file of the run has one."""
    redactor: Redactor = field(default_factory=Redactor)
    """Masks what is cut: afterwards nobody would know the part of a secret that stands before the cut."""

    def file_id(self, sha256: str) -> str | None:
        """Return the id of a file; None for one that is read where it was made."""
        found = self.file_ids.get(sha256)
        return self.id_of_made(sha256) if found is None and self.id_of_made is not None else found

    def beginning(self, ref: ValueRef) -> str:
        """Return the preview of a large text."""
        found = self.beginnings.get(ref.sha256)
        return self.preview(self.loaded.get(ref.sha256, "")) if found is None else found

    def preview(self, text: str) -> str:
        """Return the first characters of a text as they may be shown."""
        return self.redactor.beginning(text, PREVIEW_CHARACTERS)


class Beginning(Struct, frozen=True):
    """A large text of which only the beginning is shown."""

    ref: ValueRef


Needed = ValueRef | FileRef | Beginning
"""What the shelf must have before a value is shown: a large value, the id of a file, a masked beginning."""


def needed(value: Any, largest: int) -> Iterator[Needed]:
    """Yield what `shown` looks for on the shelf; a large text that is only previewed is not loaded for it."""
    if _is_begun(value, largest):
        yield Beginning(value)
    else:
        yield from kept_elsewhere(value)


def _is_begun(value: Any, largest: int) -> TypeGuard[ValueRef]:
    return isinstance(value, ValueRef) and value.kind == "text" and value.size > largest


def kept_elsewhere(value: Any) -> Iterator[ValueRef | FileRef]:
    """Yield what a value refers to."""
    match value:
        case ValueRef() | FileRef():
            yield value
        case dict():
            for inner in value.values():
                yield from kept_elsewhere(inner)
        case list():
            for inner in value:
                yield from kept_elsewhere(inner)
        case _:
            pass


def shown(value: Any, url: str, largest: int, style: Style, shelf: Shelf) -> Any:
    """Return a value as an answer shows it; `url` is where the whole of it can be read."""
    if _is_begun(value, largest):
        return ours(style, {"preview": shelf.beginning(value), "size": value.size, "url": url})
    size = sum(ref.size for ref in kept_elsewhere(value) if isinstance(ref, ValueRef))
    if size <= largest:
        return _whole(value, url, style, shelf)
    text = types_of.text_of(_whole(value, url, style, shelf))
    if not isinstance(value, ValueRef):
        size = len(text.encode())
    return ours(style, {"preview": shelf.preview(text), "size": size, "url": url})


def _whole(value: Any, url: str, style: Style, shelf: Shelf) -> Any:
    match value:
        case ValueRef():
            return shelf.loaded.get(value.sha256)
        case FileRef():
            return file_object(value, url, style, shelf)
        case dict():
            return {key: _whole(inner, url, style, shelf) for key, inner in value.items()}
        case list():
            return [_whole(inner, url, style, shelf) for inner in value]
        case _:
            return value


def file_object(file: FileRef, url: str, style: Style, shelf: Shelf) -> dict[str, Any]:
    """Return the file object of section 2; a file without an id of its own is read where it was made."""
    file_id = shelf.file_id(file.sha256)
    return ours(
        style,
        {
            "file_id": file_id,
            "name": file.name,
            "content_type": file.content_type,
            "size": file.size,
            "sha256": file.sha256,
            "url": url if file_id is None else f"/files/{file_id}/content",
        },
    )


def raw(value: Any) -> tuple[bytes, str]:
    """Return the bytes and the media type of a value (no file) that is asked for as a whole."""
    if isinstance(value, str):
        return value.encode(), "text/plain; charset=utf-8"
    return msgspec.json.encode(value), "application/json"


def masked(template: Template) -> Any:
    """Return a template whose secrets are not put in, with a mask for each."""
    match template:
        case Literal(value):
            return value
        case Expr():
            return MASK
        case Text(parts):
            return "".join(part if isinstance(part, str) else MASK for part in parts)
        case ListOf(items):
            return [masked(item) for item in items]
        case ObjectOf(entries):
            return {key: masked(entry) for key, entry in entries.items()}
        case _:
            assert_never(template)
