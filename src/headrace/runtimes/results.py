"""What a command leaves behind, told as a `JobEnded`: its texts, its exit code, its files, or why it failed.

This file must never know how the process was run or waited for.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from headrace.definition.outcomes import Failure, Usage
from headrace.runtimes import launching, long_logs
from headrace.runtimes.protocol import Command, Job, JobEnded, Outcome
from headrace.runtimes.record import Ending, Verdict
from headrace.security import shortening
from headrace.texts import text_of_error, text_of_path

QUICK_BYTES = 1024 * 1024
"""Up to so much is read on the event loop's thread; above, a thread reads it."""

OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of one output text; above, a step that succeeded fails with `output_too_large`."""

_TAIL_LINES = 20
_TAIL_BYTES = 4096
_RESTS = bytes(range(0x80, 0xC0))
"""Bytes that stand in a character of UTF-8 and do not begin one."""


class Finished(Struct, frozen=True, kw_only=True):
    """An attempt whose process is gone."""

    attempt: int
    job: Job | None
    """None when only the number was known (cancelled by a later server)."""
    place: str
    ending: Ending
    started_at: float | None
    ended_at: float
    pid: int | None = None
    node: str | None = None
    usage: Usage | None = None
    memory: int | None = None
    """Bytes that were seen when an attempt was ended for its memory."""
    warnings: tuple[str, ...] = ()


def report_quickly(finished: Finished) -> JobEnded | None:
    """Return the report where it costs next to nothing, without files to look for and with little to read."""
    sizes = _sizes(finished.place)
    command = finished.job.work if finished.job else None
    declares = isinstance(command, Command) and bool(command.outputs)
    if isinstance(finished.ending, int) and (declares or sum(sizes.values()) > QUICK_BYTES):
        return None
    return _report(finished, sizes)


def report(finished: Finished) -> JobEnded:
    """Read what the attempt left and say how it ended."""
    return _report(finished, _sizes(finished.place))


def unreadable(finished: Finished, error: Exception) -> JobEnded:
    """Return the report of an attempt whose process ended, when what it left cannot be read."""
    message = f"What the step left cannot be read: {text_of_error(error)}"
    exit_code = finished.ending if isinstance(finished.ending, int) else None
    failure = Failure(code="result_unreadable", message=message, exit_code=exit_code)
    return _ended(finished, "failed", {}, failure)


def _report(finished: Finished, sizes: Mapping[str, int]) -> JobEnded:
    """Tell how an attempt ended whose logs have these sizes, in bytes."""
    ending = finished.ending
    if isinstance(ending, str):
        outcome: Outcome = "failed" if ending == "out_of_memory" else ending
        return _ended(finished, outcome, {}, verdict_failure(ending, finished.job, finished.memory))
    command = finished.job.work if finished.job else None
    if not isinstance(command, Command):
        failure = None if ending == 0 else _exit_failure(finished, ending)
        return _ended(finished, "failed" if failure else "succeeded", {}, failure)
    outputs: dict[str, Any] = {"exit_code": ending}
    unread = _read_texts(finished, command, sizes, outputs)
    if ending != 0:
        return _ended(finished, "failed", outputs, _exit_failure(finished, ending))
    failure = unread or _find_files(finished, command, outputs)
    if failure is not None:
        failure = msgspec.structs.replace(failure, exit_code=ending)
    return _ended(finished, "failed" if failure else "succeeded", outputs, failure)


def verdict_failure(verdict: Verdict, job: Job | None, memory: int | None = None) -> Failure:
    """Return the failure that goes with an ending by a server's decision; `memory` is in bytes."""
    match verdict:
        case "timed_out":
            seconds = job.timeout if job else None
            limit = "" if seconds is None else f" of {seconds:g} s"
            return Failure(code="timeout", message=f"The step did not end within its timeout{limit}.")
        case "out_of_memory":
            limit = f" of {_mib(job.memory)}" if job and job.memory else ""
            seen = f" {_mib(memory)} of" if memory else " more"
            message = f"The step held{seen} memory, above its limit{limit}, and was ended."
            return Failure(code="out_of_memory", message=message, exit_code=128 + signal.SIGKILL)
        case "cancelled":
            return Failure(code="cancelled", message="The step was cancelled.")
        case "lost":
            return Failure(code="lost", message="The step's process is gone and left no exit code.")


def _mib(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"


def _ended(
    finished: Finished, outcome: Outcome, outputs: dict[str, Any], failure: Failure | None
) -> JobEnded:
    return JobEnded(
        attempt=finished.attempt,
        outcome=outcome,
        started_at=finished.started_at,
        ended_at=finished.ended_at,
        outputs=outputs,
        failure=failure,
        usage=finished.usage,
        native=None if finished.pid is None else str(finished.pid),
        node=finished.node,
        warnings=finished.warnings,
    )


def _exit_failure(finished: Finished, code: int) -> Failure:
    message = f"The step ended with exit code {code}{_signal_name(code)}."
    if tail := _tail(f"{finished.place}.stderr"):
        message += f"\n{tail}"
    return Failure(code="exit_code", message=message, exit_code=code)


def _signal_name(code: int) -> str:
    """Name the signal behind 128 + n, which people do not know by heart."""
    try:
        return f" ({signal.Signals(code - 128).name})"
    except ValueError:
        return ""


def _tail(path: str) -> str:
    """Return the last lines of a log, bounded, with a mark before a line that is not whole."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            content = file.read()
    except OSError:
        return ""
    if size > _TAIL_BYTES:
        # The rest of a character that was cut in two would stand between the mark and its text.
        content = shortening.MARK + content.lstrip(_RESTS)
    return "\n".join(content.decode(errors="replace").splitlines()[-_TAIL_LINES:]).strip()


def _read_texts(
    finished: Finished, command: Command, sizes: Mapping[str, int], outputs: dict[str, Any]
) -> Failure | None:
    """Put the logs under `stdout` and `stderr`, unless the command's option `capture` is false."""
    if not command.options.get("capture", True):
        return None
    for stream, size in sizes.items():
        path = f"{finished.place}.{stream}"
        is_cut = size > QUICK_BYTES and long_logs.is_cut(path)
        if size > OUTPUT_LIMIT or is_cut:
            written = f"more than the {size} bytes that were kept" if is_cut else f"{size} bytes"
            return Failure(
                code="output_too_large",
                message=f"The step wrote {written} to {stream}; an output may have {OUTPUT_LIMIT}.",
                final=True,
            )
        outputs[stream] = _text(path) if size else ""
    return None


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(OUTPUT_LIMIT).decode(errors="replace")
    except OSError:
        return ""


def _sizes(place: str) -> dict[str, int]:
    """Return the sizes of both logs, in bytes; of one that is not there 0."""
    return {stream: _size(f"{place}.{stream}") for stream in ("stdout", "stderr")}


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return 0


def _find_files(finished: Finished, command: Command, outputs: dict[str, Any]) -> Failure | None:
    """Put the paths that the declared outputs match under `files`, relative to the working directory."""
    if not command.outputs:
        return None
    root = launching.work_directory(command, finished.place)
    try:
        matches = {pattern: _matches(root, pattern) for pattern in command.outputs}
    except OSError as error:  # a name longer than names can be, a directory that lets nobody in
        why = f"The step succeeded, but its outputs cannot be looked for: {error}."
        return Failure(code="output_missing", message=why)
    if missing := [pattern for pattern, paths in matches.items() if not paths]:
        names = ", ".join(missing)
        return Failure(code="output_missing", message=f"The step succeeded but did not leave: {names}.")
    found = dict.fromkeys(path for paths in matches.values() for path in paths)
    outputs["files"] = [text_of_path(path) for path in found]
    return None


def _matches(root: str, pattern: str) -> list[str]:
    """Return the sorted paths that a glob finds; a name that exists as it is written is no glob.

    `**` does not follow links, so a loop of links cannot keep us for ever.
    """
    base = Path(root)
    if (base / pattern).exists():
        return [pattern]
    try:
        return sorted(str(path.relative_to(base)) for path in base.glob(pattern))
    except ValueError:  # no glob: nothing can match it
        return []
