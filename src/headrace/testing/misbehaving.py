"""Task types that break in every way, to try what runs them."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

from msgspec import Struct

from headrace.tasks.library import task


class Nothing(Struct, frozen=True):
    """No outputs."""


class Names(Struct, frozen=True):
    """Names of variables.

    names: Sorted names. Example: ["PATH"]
    """

    names: list[Any]


@task("testing.raises", runtime="process")
def raises() -> Nothing:
    """Raise what nobody foresaw."""
    raise ZeroDivisionError


@task("testing.crashes", runtime="process")
def crashes() -> Nothing:
    """Die as by a fault in a C library."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Nothing()


@task("testing.leaves", runtime="process")
def leaves() -> Nothing:
    """Leave the process without a word."""
    os._exit(0)


@task("testing.hoards", runtime="process")
def hoards() -> Nothing:
    """Take more memory than anybody has."""
    bytearray(64 * 1024**3)
    return Nothing()


@task("testing.connects", runtime="process")
def connects(host: str) -> Nothing:
    """Connect to a host by a plain socket.

    host: Where to. Example: "127.0.0.1"
    """
    with socket.create_connection((host, 9), timeout=5):
        return Nothing()


@task("testing.tells_environment", runtime="process")
def tells_environment() -> Names:
    """Tell which environment variables are there."""
    return Names(sorted(os.environ))


@task("testing.prints", runtime="process")
def prints(text: str) -> Nothing:
    """Print a text, in pieces too, on both streams.

    text: What to print. Example: "Hello, World!"
    """
    for piece in (text[:3], text[3:], " and ", text, "\n"):
        sys.stdout.write(piece)
    sys.stderr.write(f"{text}\n")
    return Nothing()
