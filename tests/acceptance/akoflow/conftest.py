"""One server for all tests of a file, and a user's script that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.acceptance.akoflow.client import Client

from headrace.testing.running_server import RunningServer


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(EGRESS_ALLOW="127.0.0.1")


@pytest.fixture
def client(server: RunningServer) -> Iterator[Client]:
    with server.client() as http:
        yield Client(http)
