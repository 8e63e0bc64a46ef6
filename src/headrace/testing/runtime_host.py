"""Hosts a runtime in a process of its own, so that a test can kill the server without killing itself.

    python -m headrace.testing.runtime_host MODULE:FACTORY DIRECTORY < jobs

`FACTORY(Path)` returns a runtime; standard input holds a JSON list of jobs, which are submitted.
Each report is a line of JSON on standard output; the host runs until it is killed.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import msgspec

from headrace.runtimes.protocol import Job, JobStatus, Runtime


async def host(runtime: Runtime, jobs: list[Job]) -> None:
    """Submit the jobs and tell what is reported, for ever."""

    def tell(status: JobStatus) -> None:
        sys.stdout.buffer.write(msgspec.json.encode([type(status).__name__, status]) + b"\n")
        sys.stdout.buffer.flush()

    runtime.open(tell)
    for job in jobs:
        runtime.submit(job)
    await asyncio.Event().wait()


def main() -> None:
    """Read the jobs and host the runtime."""
    module, _, factory = sys.argv[1].partition(":")
    runtime: Runtime = getattr(importlib.import_module(module), factory)(Path(sys.argv[2]))
    asyncio.run(host(runtime, msgspec.json.decode(sys.stdin.buffer.read(), type=list[Job])))


if __name__ == "__main__":
    main()
