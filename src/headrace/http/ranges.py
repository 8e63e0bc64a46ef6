"""One range of a content, as RFC 9110 asks for it; several ranges at once are answered with everything."""

from __future__ import annotations

import re

from msgspec import Struct
from starlette.requests import Request

from headrace.errors import RequestError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class RangeNotSatisfiable(RequestError):
    """The range lies outside of the content."""

    code = "range_not_satisfiable"
    status = 416

    def __init__(self, size: int) -> None:
        super().__init__(f"The range lies outside of the content, which has {size} bytes.")
        self.size = size

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        return {"content-range": f"bytes */{self.size}"}


class Span(Struct, frozen=True):
    """Which bytes are answered."""

    start: int
    end: int
    """The first byte that is not answered."""
    is_part: bool
    """Whether a range was asked for, so that the answer is 206."""

    def headers(self, size: int) -> dict[str, str]:
        """Return the headers of the answer; `size` is that of the whole content."""
        found = {"content-length": str(self.end - self.start), "accept-ranges": "bytes"}
        if self.is_part:
            found["content-range"] = f"bytes {self.start}-{self.end - 1}/{size}"
        return found

    @property
    def status(self) -> int:
        """The status of the answer."""
        return 206 if self.is_part else 200


def asked_span(request: Request, size: int, tag: str | None = None) -> Span:
    """Return what a request asks for of the content that has this strong tag; raises `RangeNotSatisfiable`.

    `If-Range` holds only when it is that very tag (RFC 9110, 13.1.5): a weak tag is never, and neither is a
    date, because no content of ours is told with the time of its last change.
    """
    conditions = request.headers.getlist("if-range")
    if conditions and [each.strip() for each in conditions] != [tag]:
        return Span(0, size, is_part=False)
    return span_of(request.headers.get("range"), size)


def span_of(header: str | None, size: int) -> Span:
    """Return what a `Range` header asks for; raises `RangeNotSatisfiable`."""
    whole = Span(0, size, is_part=False)
    found = _RANGE.fullmatch(header.strip().lower()) if header is not None else None
    if found is None:
        return whole
    first, last = found.groups()
    if not first and not last:
        return whole
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise RangeNotSatisfiable(size)
        return Span(size - length, size, is_part=True)
    start = int(first)
    if last and int(last) < start:
        return whole
    if start >= size:
        raise RangeNotSatisfiable(size)
    end = min(int(last) + 1, size) if last else size
    return Span(start, end, is_part=True)
