"""What the local runtime remembers of one attempt while it waits, runs or is being read."""

from __future__ import annotations

import asyncio
import os

import msgspec
import structlog

from headrace.definition.outcomes import Usage
from headrace.runtimes import long_logs, record, results
from headrace.runtimes.long_runs import LongRun
from headrace.runtimes.protocol import Job, JobEnded
from headrace.runtimes.stopping import Process

log = structlog.get_logger(__name__)


class Step:
    """One attempt that waits, runs or is being read."""

    __slots__ = (
        "attempt",
        "claim",
        "ended_at",
        "job",
        "long_run",
        "memory",
        "place",
        "process",
        "started_at",
        "timer",
        "usage",
        "verdict",
        "wait_status",
    )

    def __init__(self, attempt: int, job: Job | None, place: str) -> None:
        self.attempt = attempt
        self.job = job
        """None when only the number is known."""
        self.place = place
        self.process: Process | None = None
        self.claim: record.Claim | None = None
        """Of a process that an earlier server started."""
        self.started_at: float | None = None
        self.ended_at: float | None = None
        """When its ending was written, where that stood there before this server looked."""
        self.timer: asyncio.TimerHandle | None = None
        self.verdict: record.Verdict | None = None
        """Why it is being stopped."""
        self.wait_status: int | None = None
        """As wait4 gives it; only for our own children."""
        self.long_run: LongRun | None = None
        """What was kept of it while it ran; None for one that was soon over."""
        self.memory: int | None = None
        """Bytes that it held when it was ended for them."""
        self.usage: Usage | None = None

    def ending_without_record(self, owner: record.Claim | None) -> record.Ending | None:
        """Tell how it ended when its shell wrote no ending, and note that; None when it never began."""
        if self.process is None or not self.process.is_child:
            ending: record.Ending = "lost"
        elif owner is None:
            return None
        else:
            code = os.waitstatus_to_exitcode(self.wait_status or 0)
            ending = code if code >= 0 else 128 - code
        record.add(self.place, ending)
        return ending

    def finished(
        self, ending: record.Ending, now: float, node: str, warnings: tuple[str, ...]
    ) -> results.Finished:
        """Return what its report is made of; `now` is in Unix seconds, `node` is this machine."""
        runner = self.process or self.claim
        ended_at = now
        if self.process is None and self.ended_at is not None:
            # The times of files are rounded down to a clock's tick, and may be of another clock altogether.
            ended_at = max(self.started_at or 0.0, min(now, self.ended_at))
        return results.Finished(
            attempt=self.attempt,
            job=self.job,
            place=self.place,
            ending=ending,
            started_at=self.started_at,
            ended_at=ended_at,
            pid=runner.pid if runner else None,
            node=node if runner else None,
            usage=self._usage_as_seen(),
            memory=self.memory,
            warnings=warnings,
        )

    def settled(self, finished: results.Finished, max_log: int) -> JobEnded:
        """Close what is kept of it and read what it left; `max_log` is in bytes of each stream.

        Whatever cannot be read: the report is the only witness of its end, so there always is one.
        """
        try:
            if self.long_run is not None:
                self.long_run.close()
            else:
                long_logs.trim(self.place, max_log)
            return results.report(finished)
        except Exception as error:
            log.exception("result_unreadable", attempt=self.attempt)
            return results.unreadable(finished, error)

    def _usage_as_seen(self) -> Usage | None:
        """Return what it used, with the memory for which it was ended: samples may have seen less."""
        if self.memory is None or self.usage is None or self.usage.max_rss_bytes >= self.memory:
            return self.usage
        return msgspec.structs.replace(self.usage, max_rss_bytes=self.memory)

    def disarm(self) -> None:
        """Let its timer do nothing."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
