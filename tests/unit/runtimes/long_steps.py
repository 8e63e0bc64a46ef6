"""Steps that live long enough to be looked at, and the runtime that runs them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.protocol import Command, Job
from headrace.runtimes.samples import Samples
from headrace.testing.witness import Witness

MIB = 1024 * 1024

SPIN = "import time\nwhile time.process_time() < {seconds}: pass"
HOLD = "import time\nheld = b'x' * {size}\ntime.sleep({seconds})"


@asynccontextmanager
async def opened(
    directories: AttemptDirectories, **options: Any
) -> AsyncIterator[tuple[LocalRuntime, Witness]]:
    """Open a runtime with its witness, and close it afterwards; its steps live on."""
    runtime = LocalRuntime(directories, cpus=4, memory=2**32, grace=timedelta(seconds=0.5), **options)
    witness = Witness()
    runtime.open(witness)
    try:
        yield runtime, witness
    finally:
        await runtime.close()


def step(attempt: int, script: str, **job: Any) -> Job:
    """Return a shell step."""
    return Job(attempt=attempt, label="step", work=Command(script=script), **job)


def python(text: str) -> str:
    """Return shell text that runs a Python program."""
    return f"{shlex.quote(sys.executable)} -S -c {shlex.quote(text)}"


def sampled(directories: AttemptDirectories, attempt: int) -> Samples | None:
    """Return the samples of an attempt."""
    return directories.samples(attempt)
