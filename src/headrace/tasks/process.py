"""A call in a process of its own: what the process is given, and what it leaves behind.

Both sides speak MessagePack through `definition.codec`, because JSON could not tell a file from an object.
Who composes the server turns `argv` and `stdin` into a command of a runtime and asks `outcome_of` at the end.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct

from headrace.definition import codec
from headrace.definition.outcomes import Failure
from headrace.tasks.context import Limits
from headrace.tasks.library import TaskType

RESULT = "result.msgpack"
"""File in the directory of the attempt; it appears whole or not at all, and is the user's alone.

The directory is the worker's own; who has read the result and remembered it removes both.
"""

_CORES = 4
"""So many cores may be busy for the whole of a type's timeout; beyond, something runs wild."""


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a worker needs to know of the server, the same for every job."""

    artifacts: str
    """`module:name` of what opens the artifact store, given `artifacts_root`."""
    artifacts_root: str
    egress_allow: tuple[str, ...] = ()
    """The operator's list (setting egress_allow)."""
    own_addresses: tuple[tuple[str, int], ...] = ()
    """Sockets and names of the server, which no task may reach."""
    limits: Limits = Limits()
    memory: int = 2 * 1024**3
    """Bytes of address space."""
    open_files: int = 256


class WorkerJob(Struct, frozen=True, kw_only=True):
    """One call, as the worker reads it from its standard input."""

    place: str
    """`module:name` of the task type, so that the worker imports that module and no other."""
    inputs: dict[str, Any]
    around: Surroundings
    label: str
    cpu_seconds: int
    """Processor time after which the kernel ends the worker."""
    secrets: tuple[str, ...] = ()
    """Secret values among the inputs: masked in all that the worker leaves behind."""


class WorkerResult(Struct, frozen=True, kw_only=True):
    """How the call ended; exactly one of the two."""

    outputs: dict[str, Any] | None = None
    failure: Failure | None = None


def argv() -> tuple[str, ...]:
    """Return the argument list of a worker; -P keeps its working directory out of the import path."""
    return (sys.executable, "-P", "-m", "headrace.tasks.worker")


def stdin(
    type: TaskType,
    inputs: dict[str, Any],
    around: Surroundings,
    label: str = "task",
    *,
    secrets: tuple[str, ...] = (),
) -> str:
    """Return what the worker reads: one line of base64. Values may be references; files may be URLs.

    It goes through a pipe or memory alone, since it holds the `secrets`.
    """
    job = WorkerJob(
        place=type.place,
        inputs=inputs,
        around=around,
        label=label,
        cpu_seconds=int(_CORES * type.spec.timeout),
        secrets=secrets,
    )
    return base64.b64encode(codec.encode(job)).decode()


def outcome_of(directory: Path, exit_code: int | None) -> dict[str, Any] | Failure:
    """Return the outputs or the failure that a worker left in the directory of its attempt.

    A worker that left nothing that can be read is gone: the failure `lost`, which another try may mend.
    """
    try:
        result = codec.decode((directory / RESULT).read_bytes(), WorkerResult)
    except (OSError, MsgspecError):
        how = "left no result" if exit_code in (0, None) else f"ended with exit code {exit_code}"
        return Failure(code="lost", message=f"The worker went away: its process {how}.", exit_code=exit_code)
    return result.failure or result.outputs or {}
