"""How this dialect spells states and moments (sections 4.1 and 4.4 of the specification)."""

from __future__ import annotations

from datetime import UTC, datetime

CREATED, RUNNING, FINISHED, FAILED, CANCELLED, SKIPPED = range(6)

WORKFLOW_STATUS = {
    "pending": CREATED,
    "running": RUNNING,
    "paused": RUNNING,
    "cancelling": RUNNING,
    "succeeded": FINISHED,
    "failed": FAILED,
    "timed_out": FAILED,
    "cancelled": CANCELLED,
}
ACTIVITY_STATUS = {
    "waiting": CREATED,
    "queued": CREATED,
    "running": RUNNING,
    "retrying": RUNNING,
    "succeeded": FINISHED,
    "failed": FAILED,
    "timed_out": FAILED,
    "cancelled": CANCELLED,
    "skipped": SKIPPED,
}
COUNTS = ("created", "running", "finished", "failed", "cancelled", "skipped")
"""Names of the statuses, as the counts of a workflow show them."""

_DOCUMENTED_SUCCESS = 1


def webhook_status(status: int) -> int:
    """Return the status in a webhook: 1 for what finished well, which REST calls 2; 2 never appears."""
    return _DOCUMENTED_SUCCESS if status == FINISHED else status


def stamp(moment: float | None) -> str:
    """Return `YYYY-MM-DD HH:MM:SS` in UTC, empty for not yet."""
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def instant(moment: float | None) -> str | None:
    """Return RFC 3339 in UTC with whole seconds and `Z`, None for not yet."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_seconds(began: float | None, ended: float | None, now: float) -> str:
    """Return whole seconds as text, so far while it runs and empty before."""
    return "" if began is None else str(max(0, int((now if ended is None else ended) - began)))
