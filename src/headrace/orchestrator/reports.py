"""From what a runtime reports to the message that the execution is left.

Secrets are taken out here again: what is left to an execution reaches its journal.
"""

from __future__ import annotations

import msgspec

from headrace.engine import messages
from headrace.runtimes.protocol import JobEnded, JobStarted
from headrace.security import shortening
from headrace.security.redaction import Redactor


def attempt_started(status: JobStarted) -> messages.AttemptStarted:
    """Return what the execution is told of a start."""
    return messages.AttemptStarted(
        attempt=status.attempt, at=status.at, native=status.native, node=status.node
    )


def attempt_ended(status: JobEnded, *, repeatable: bool) -> messages.AttemptEnded:
    """Return what the execution is told of an end; `repeatable` says that doing it twice does no harm."""
    return messages.AttemptEnded(
        attempt=status.attempt,
        outcome=status.outcome,
        started_at=status.started_at,
        ended_at=status.ended_at,
        outputs=status.outputs,
        failure=status.failure,
        usage=status.usage,
        native=status.native,
        node=status.node,
        repeatable=repeatable,
    )


def cleared(status: JobEnded, secrets: tuple[str, ...]) -> JobEnded:
    """Return the report without the secrets that the job was given: they must not reach the journal."""
    redactor = Redactor(secrets)
    failure = status.failure
    if failure is not None:
        trace = None if failure.trace is None else shortening.masked(failure.trace, redactor)
        message = shortening.masked(failure.message, redactor)
        failure = msgspec.structs.replace(failure, message=message, trace=trace)
    return msgspec.structs.replace(status, outputs=redactor.json(status.outputs), failure=failure)
