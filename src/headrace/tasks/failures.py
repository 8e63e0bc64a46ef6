"""How a task type says that it failed, and which failures another try cannot mend.

The codes and their finality are the table of task errors of the Data Flow dialect (section 6).
"""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.definition.outcomes import Failure

FINAL: dict[str, bool] = {
    "missing_value": True,
    "invalid_value": True,
    "type_mismatch": True,
    "invalid_url": True,
    "unsupported_url": True,
    "egress_blocked": True,
    "connection_failed": False,
    "timeout": False,
    "lost": False,
    "http_status": False,
    "openai_error": False,
    "credential_rejected": True,
    "credential_lost": True,
    "missing_credential": True,
    "too_many_redirects": True,
    "not_text": True,
    "too_large": True,
    "output_too_large": True,
    "video_unavailable": True,
    "not_media": True,
    "no_audio_stream": True,
    "task_type_unavailable": True,
    "unexpected": False,
}
"""Code to whether it is final; `http_status` and `openai_error` depend on the status of the remote side."""

_PASSING_STATUSES = frozenset((408, 425, 429))


class TaskFailure(Exception):
    """The task failed for a reason that its author foresaw."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        """Make the failure of a code of `FINAL`; `details` are further fields of `Failure`."""
        details.setdefault("final", FINAL[code])
        self.failure = Failure(code=code, message=message, **details)
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a way through pickle, as between processes of a cluster."""
        return (_restore, (msgspec.structs.asdict(self.failure),))


def _restore(fields: dict[str, Any]) -> TaskFailure:
    return TaskFailure(fields.pop("code"), fields.pop("message"), **fields)


def remote_refusal(code: str, message: str, status: int, retry_after: float | None = None) -> TaskFailure:
    """Return the failure for a status of the remote side: 4xx is final except 408, 425 and 429."""
    final = 400 <= status < 500 and status not in _PASSING_STATUSES
    return TaskFailure(code, message, status=status, retry_after=retry_after, final=final)
