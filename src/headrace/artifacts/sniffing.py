"""Which media type some content has, told by its first bytes, and where they say nothing by its name.

The magic numbers are those of the WHATWG MIME Sniffing Standard and of the formats' own specifications.
"""

from __future__ import annotations

import mimetypes

HEAD = 512
"""Bytes that are enough."""

UNKNOWN = "application/octet-stream"

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftyp", "video/mp4"),
)
"""Offset, bytes, type; the first that fits counts."""

_RIFF = ("image/webp", "audio/wav", "video/x-msvideo")
_CONTAINERS = ("application/zip", "audio/ogg", "video/webm")
"""What many formats are written in: a name that says more is believed."""
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def sniff(head: bytes, name: str) -> str:
    """Return the media type of content that begins with `head` (`HEAD` bytes or all) and is called `name`."""
    by_name = mimetypes.guess_type(name)[0]
    for offset, magic, found in _MAGIC:
        if head.startswith(magic, offset) and (found not in _RIFF or head.startswith(b"RIFF")):
            return by_name if by_name and found in _CONTAINERS else found
    if _is_mpeg_audio(head):
        return "audio/mpeg"
    if not _is_text(head):
        return UNKNOWN if by_name is None or by_name.startswith("text/") else by_name
    beginning = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith(_HTML):
        return "text/html"
    if by_name is not None:
        return by_name
    return "application/json" if beginning.startswith((b"{", b"[")) else "text/plain"


def _is_mpeg_audio(head: bytes) -> bool:
    """Eleven bits of frame sync, a known version, layer III, neither the bit rate nor the rate reserved."""
    return (
        len(head) >= 4
        and head[0] == 0xFF
        and head[1] & 0xE6 == 0xE2
        and head[1] & 0x18 != 0x08
        and head[2] & 0xF0 != 0xF0
        and head[2] & 0x0C != 0x0C
    )


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The head may end inside a character.
        return len(head) - error.start < 4 and len(head) >= HEAD
    return True
