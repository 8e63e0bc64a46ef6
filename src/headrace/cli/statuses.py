"""Exit statuses (DESIGN §8), and which of them each error is."""

from __future__ import annotations

from enum import IntEnum

from headrace.errors import (
    Forbidden,
    HeadraceError,
    InvalidInput,
    InvalidSettings,
    NotFound,
    StoreError,
    Unauthorized,
)


class Status(IntEnum):
    """What the command line says at its end."""

    DONE = 0
    FAILED = 1
    """The run failed, the document has problems, or what was asked was refused."""
    USAGE = 2
    """The command line or the settings were not understood."""
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells say it."""


class UsageError(HeadraceError):
    """The command line was not understood."""

    code = "usage"
    status = 400


def status_of(error: HeadraceError) -> Status:
    """Return the exit status that an error leads to."""
    answer = getattr(error, "answer", None)  # what a server said
    if error.code in ("unreachable", "server_failed"):
        return Status.UNREACHABLE
    if answer is not None and answer.code in ("invalid_input", "invalid_execution"):
        return Status.USAGE
    match error:
        case UsageError() | InvalidSettings() | InvalidInput():
            return Status.USAGE
        case NotFound():
            return Status.NOT_FOUND
        case Unauthorized() | Forbidden():
            return Status.NOT_ALLOWED
        case StoreError():
            return Status.UNREACHABLE
        case _:
            return Status.FAILED


def status_of_run(state: str) -> Status:
    """Return the exit status that the end of an execution leads to."""
    return Status.DONE if state == "succeeded" else Status.FAILED
