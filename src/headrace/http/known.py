"""What a client has already: entity tags, and `If-None-Match`, as RFC 9110 tells them (8.8.3, 13.1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?("[^"]*")')
"""A tag in a list; tags may contain commas, and are compared weakly, so without the sign of weakness."""


class Known:
    """One state of what is asked for, which the client may have already."""

    def __init__(self, request: Request, name: str, headers: Mapping[str, str] | None = None) -> None:
        """Take what tells this state from every other, and the headers that every answer about it has."""
        tag = f'"{name}"'
        self.headers = {"etag": tag, **(headers or {})}
        """Headers of the answer, the tag among them."""
        given = ",".join(request.headers.getlist("if-none-match")).strip()
        self._is_known = given == "*" or tag in _TAG.findall(given)

    @property
    def answer(self) -> Response | None:
        """The answer to a client that has this state, 304 without a body; None to one that has not."""
        return Response(status_code=304, headers=self.headers) if self._is_known else None
