"""What a client has already: entity tags in conditions, as RFC 9110 tells them (8.8.3, 13.1.1, 13.1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

_TAG = re.compile(r'(W/)?("[^"]*")')
"""A tag in a list, and before it the sign of a weak one; tags may contain commas."""


class Known:
    """One state of what is asked for, which the client may have already."""

    def __init__(self, request: Request, name: str, headers: Mapping[str, str] | None = None) -> None:
        """Take what tells this state from every other, and the headers that every answer about it has."""
        tag = f'"{name}"'
        self.headers = {"etag": tag, **(headers or {})}
        """Headers of the answer, the tag among them."""
        given = _given(request, "if-none-match")
        # Whether it is weak is no matter here: what is equivalent need not be sent either.
        self._is_known = given == "*" or any(each == tag for _, each in _TAG.findall(given))

    @property
    def answer(self) -> Response | None:
        """The answer to a client that has this state, 304 without a body; None to one that has not."""
        return Response(status_code=304, headers=self.headers) if self._is_known else None


def may_change(request: Request, name: str) -> bool:
    """Tell whether `If-Match` lets a request change the state that this name tells from every other.

    Without the header, and with `*`, it may; else one of the strong tags must be that of the state, and a
    weak one never is, because it does not say which state the client has seen.
    """
    if "if-match" not in request.headers:
        return True
    given = _given(request, "if-match")
    return given == "*" or ("", f'"{name}"') in _TAG.findall(given)


def _given(request: Request, header: str) -> str:
    return ",".join(request.headers.getlist(header)).strip()
