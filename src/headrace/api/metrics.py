"""What Prometheus is told: executions, task runs, commits, queues and the process.

The only file that knows the client library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from headrace.engine.states import EXECUTION, TASK_ENDS
from headrace.store.rows import Commit

MEDIA_TYPE = CONTENT_TYPE_LATEST

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds; a durable flush on a good disk takes well under a millisecond."""


class Metrics:
    """The numbers of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._executions = Gauge(
            "headrace_executions", "Executions by state.", ["state"], registry=self._registry
        )
        self._ended = Counter(
            "headrace_task_runs_ended",
            "Task runs that have ended since the server began, by state and type.",
            ["state", "type"],
            registry=self._registry,
        )
        self._commits = Histogram(
            "headrace_commit_seconds",
            "Time from asking for a commit to its being durable.",
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def watch(self, name: str, help: str, read: Callable[[], float]) -> None:
        """Show a number that is read whenever somebody asks: the depth of a queue."""
        Gauge(f"headrace_{name}", help, registry=self._registry).set_function(read)

    def committed(self, commit: Commit, seconds: float) -> None:
        """Count a commit, and the task runs that ended with it."""
        self._commits.observe(seconds)
        for run in commit.task_runs:
            if run.state in TASK_ENDS:
                self._ended.labels(run.state, run.type).inc()

    def exposition(self, executions: Mapping[str, int]) -> bytes:
        """Return everything in the text format; `executions` is state to number of executions."""
        for state in EXECUTION:
            self._executions.labels(state).set(executions.get(state, 0))
        return generate_latest(self._registry)
