"""Runs one call in a process of its own: `python -m headrace.tasks.worker` with a job on standard input.

Limits come first, then the one module that the job names, then the call; the result file is the last thing.
Whatever is written, to the log or to the result, is written without the secrets that the job was given.
A task failure is a result and exit status 0; whatever else ends this process is the end of this task only.
Start-up is part of every call's cost, so nothing is imported here that some task type does not need.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import ipaddress
import operator
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from headrace.definition import codec
from headrace.security.redaction import Redactor
from headrace.tasks import process
from headrace.tasks.calling import call, unexpected
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import TaskType
from headrace.tasks.masked_output import masked_output
from headrace.tasks.process import Surroundings, WorkerJob, WorkerResult


def main() -> None:
    """Read a job, run it, leave its result."""
    os.umask(0o077)
    directory = Path(os.environ["HEADRACE_ATTEMPT_DIR"])
    job = codec.decode(base64.b64decode(sys.stdin.buffer.read()), WorkerJob)
    _limit(job)
    tempfile.tempdir = str(directory)
    redactor = Redactor(job.secrets)
    with masked_output(redactor):
        content = codec.encode(_masked(_result(job, redactor), redactor))
    draft = directory / f"{process.RESULT}.draft"
    draft.write_bytes(content)
    draft.replace(directory / process.RESULT)


def _limit(job: WorkerJob) -> None:
    """Bound what the process may use, before any stranger's byte is looked at; a core would hold secrets."""
    for kind, bound in (
        (resource.RLIMIT_AS, job.around.memory),
        (resource.RLIMIT_CPU, job.cpu_seconds),
        (resource.RLIMIT_NOFILE, job.around.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        lowered = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (lowered, lowered))


def _masked(result: WorkerResult, redactor: Redactor) -> WorkerResult:
    failure = result.failure
    if failure is not None:
        trace = None if failure.trace is None else redactor.text(failure.trace)
        failure = msgspec.structs.replace(failure, message=redactor.text(failure.message), trace=trace)
    return WorkerResult(outputs=redactor.json(result.outputs), failure=failure)


def _result(job: WorkerJob, redactor: Redactor) -> WorkerResult:
    type: TaskType = _named(job.place)
    sys.addaudithook(_guard(job.around))
    try:
        return WorkerResult(outputs=asyncio.run(call(type, job.inputs, _context(job, redactor))))
    except TaskFailure as failure:
        return WorkerResult(failure=failure.failure)
    except MemoryError as error:
        return WorkerResult(failure=unexpected(type.spec.type, error).failure)


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return operator.attrgetter(name)(importlib.import_module(module))


def _context(job: WorkerJob, redactor: Redactor) -> Context:
    def client() -> Any:
        from headrace.security.egress_client import guarded_async_client

        return guarded_async_client(_egress(job.around))

    return Context(
        artifacts=_named(job.around.artifacts)(Path(job.around.artifacts_root)),
        http=client,
        openai_http=client,
        limits=job.around.limits,
        label=job.label,
        redactor=redactor,
        write_log=lambda line: print(line, flush=True),  # noqa: T201  # standard output is the attempt's log
    )


def _egress(around: Surroundings) -> Any:
    from headrace.security.egress import Egress

    return Egress(around.egress_allow, around.own_addresses)


def _guard(around: Surroundings) -> Any:
    """Return an audit hook that judges every connection, whichever library makes it.

    A library with an HTTP client of its own knows nothing of our guarded one; the interpreter tells us.
    """
    judge: Any = None

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal judge
        if event != "socket.connect" or not isinstance(arguments[1], tuple):
            return
        host, port = arguments[1][:2]
        ipaddress.ip_address(host.partition("%")[0])  # raises ValueError for a name, which nobody could judge
        judge = judge or _egress(around)
        problem = judge.check_address(host, host, port)
        if problem is not None:
            raise TaskFailure(problem.code, problem.message)

    return hook


if __name__ == "__main__":
    main()
