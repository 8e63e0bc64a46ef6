"""A real server for every test that wants one; its log is shown when the test fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.acceptance.command_line import Ask, environment

from headrace.testing.running_server import RunningServer

COMMAND = [sys.executable, "-m", "headrace.cli", "serve"]

StartServer = Callable[..., RunningServer]


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start servers with settings of their own: `start_server(DATAFLOW__MAX_BODY="1KiB")`."""
    with ExitStack() as servers:

        def start(**settings: str) -> RunningServer:
            directory = tmp_path_factory.mktemp("server")
            server = RunningServer.start(COMMAND, directory, settings)
            _started.append(server)
            servers.callback(_started.remove, server)
            return servers.enter_context(server)

        yield start


@pytest.fixture(scope="module")
def running_server(start_server: StartServer) -> RunningServer:
    """One server for all tests of a file."""
    return start_server()


@pytest.fixture
def ask(running_server: RunningServer, tmp_path: Path) -> Ask:
    """Run `headrace` beside the server, in a directory of its own."""

    def run(*arguments: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        given = {"URL": running_server.url, "TOKEN": running_server.token, **variables}
        return subprocess.run(
            [sys.executable, "-m", "headrace.cli", *arguments],
            env=environment(**given),
            cwd=tmp_path,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


_started: list[RunningServer] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show the end of the logs of all servers beside a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result
    if report.failed:
        for server in _started:
            report.sections.append((f"log of {server.url}", server.log[-6000:]))
