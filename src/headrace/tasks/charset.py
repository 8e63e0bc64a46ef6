"""Which charset a body of bytes is in: its header, else a byte order mark or `<meta>`, else UTF-8.

The labels are the web's, not Python's: `iso-8859-1` means windows-1252 there, and codecs that are no charset
(`zip`, `rot13`, `unicode_escape`, `idna`, UTF-7) are never used, whatever a page asks for.
"""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^>]{0,512}?charset\s*=\s*["']?\s*([\w:.-]{1,40})|<\?xml[^>]{0,128}?encoding\s*=\s*["']([\w:.-]{1,40})""",
    re.IGNORECASE,
)
_NO_CHARSETS = frozenset(("idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7"))
_WEB_MEANING = {"ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gbk"}

PEEK = 4096
"""Bytes from the start of a body that are enough to find its charset (HTML asks for 1,024)."""


def charset_of(declared: str | None, start: bytes) -> str:
    """Return the Python codec for a body.

    `declared` is the charset of its Content-Type header; `start` are its first `PEEK` bytes.
    """
    found = _codec(declared) if declared else None
    if found is None:
        found = next((codec for mark, codec in _MARKS if start.startswith(mark)), None)
    if found is None and (match := _DECLARED.search(start)):
        found = _codec((match[1] or match[2]).decode("ascii", "replace"))
        if found is not None and found.startswith("utf-16"):
            found = "utf-8"
    return "utf-8-sig" if found in (None, "utf-8") else found


def _codec(label: str) -> str | None:
    try:
        found = codecs.lookup(label.strip())
    except (LookupError, ValueError):
        return None
    if found.name in _NO_CHARSETS or not getattr(found, "_is_text_encoding", False):
        return None
    return _WEB_MEANING.get(found.name, found.name)
