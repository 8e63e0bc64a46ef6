"""Requests without a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request

from headrace.security.callers import CALLER
from headrace.security.tokens import issue

MakeRequest = Callable[..., Request]


@pytest.fixture
def make_request() -> MakeRequest:
    """Make a POST to `/things` with headers, and with what the server puts in the scope."""
    _, caller = issue(number=7, name="test", scopes=["run"], now=0.0)

    def make(headers: dict[str, str] | None = None, **scope: Any) -> Request:
        raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        made = {
            "type": "http",
            "method": "POST",
            "path": "/things",
            "query_string": b"",
            "headers": raw,
            CALLER: caller,
        }
        return Request({**made, **scope})

    return make
