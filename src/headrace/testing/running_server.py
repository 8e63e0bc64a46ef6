"""A real server as a process of its own, with its data in a directory that a test may look into.

    with RunningServer.start([sys.executable, "-m", "headrace.cli", "serve"], directory) as server:
        with server.client() as client:
            client.get("/v1/workflows")

It may be killed and started again on the same data, as a machine would do it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

TOKEN = "headrace-testing-token-with-enough-characters"  # noqa: S105 - made for servers that live for a test
"""The administrator's token of every server that is started here."""

PATIENCE = 30.0
"""Seconds in which a server must say where it listens, and in which it must end when asked."""


class NoServer(AssertionError):
    """The server did not do in time what was asked of it; the message has its log."""


class RunningServer:
    """A server process; started on construction, and again by `start_again`."""

    def __init__(self, command: Sequence[str], directory: Path, settings: Mapping[str, str]) -> None:
        self.directory = directory
        """Where its data and its logs are."""
        self.url = ""
        """Its address, without a slash at the end."""
        self.token = TOKEN
        self.settings = dict(settings)
        """Variables without their prefix, for the next start."""
        self.rest_of_output = ""
        """What it wrote to standard output after its address, known when it has ended."""
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_file = directory / "server.log"

    @classmethod
    def start(
        cls, command: Sequence[str], directory: Path, settings: Mapping[str, str] | None = None
    ) -> RunningServer:
        """Start a server; `settings` are variables without their prefix: `DATAFLOW__MAX_BODY`."""
        server = cls(command, directory, settings or {})
        server.start_again()
        return server

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything that it wrote to standard error so far, over all starts."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def start_again(self) -> None:
        """Start the process on the same data; return when it listens, raise `NoServer` when it does not."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
        own = {"DATA_DIR": str(self.directory / "data"), "PORT": "0", "ADMIN_TOKEN": TOKEN, **self.settings}
        environment = given | {f"HEADRACE_{name}": value for name, value in own.items()}
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is the caller's
                self._command, env=environment, stdout=subprocess.PIPE, stderr=log
            )
        self.url = self._first_line()

    def client(self, **options: Any) -> httpx2.Client:
        """Return a client with the server's address and token."""
        headers = {"authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30.0, trust_env=False, **options)

    def kill(self) -> None:
        """End the process as a power cut would; its steps go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """Ask the process to end; return its exit status. Does nothing when it has ended."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        assert self._process is not None
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise NoServer(f"The server did not end within {PATIENCE:.0f} s.\n{self.log}") from None
        finally:
            if self._process.stdout is not None and not self._process.stdout.closed:
                self.rest_of_output = self._process.stdout.read().decode()
                self._process.stdout.close()
        return status

    def _first_line(self) -> str:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        # A timer, because reading a line from a pipe has no timeout; killing the process ends the reading.
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        began = time.monotonic()
        try:
            line = process.stdout.readline().decode().strip()
        finally:
            timer.cancel()
            timer.join()
        if not line.startswith("http"):
            process.kill()
            self._reap()
            waited = time.monotonic() - began
            raise NoServer(f"The server ended or was silent for {waited:.1f} s.\n{self.log}")
        return line
