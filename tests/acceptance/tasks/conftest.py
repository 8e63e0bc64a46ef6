from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from headrace.artifacts.local import open_local
from headrace.security.egress import Egress
from headrace.security.egress_client import guarded_async_client
from headrace.tasks.context import Context

MakeContext = Callable[..., Context]


@pytest.fixture
def logged() -> list[str]:
    return []


@pytest.fixture
def make_context(tmp_path: Path, logged: list[str]) -> MakeContext:
    """Make a context that may reach loopback, unless `allow` says otherwise."""
    certificates = ssl.create_default_context()

    def make(allow: tuple[str, ...] = ("127.0.0.0/8",), **fields: object) -> Context:
        client = partial(guarded_async_client, Egress(allow), verify=certificates)
        return Context(
            artifacts=open_local(tmp_path / "artifacts"),
            http=client,
            openai_http=client,
            write_log=logged.append,
            **fields,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def context(make_context: MakeContext) -> Context:
    return make_context()
