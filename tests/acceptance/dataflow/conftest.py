"""One server with its surroundings for all tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.acceptance.dataflow.stage import Door, Stage, open_stage

from headrace.testing.running_server import RunningServer


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with open_stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer], stage: Stage) -> RunningServer:
    return start_server(**stage.settings)


@pytest.fixture(scope="module")
def door(server: RunningServer) -> Iterator[Door]:
    with server.client() as client:
        yield Door(client)
