"""A run of a workflow as this dialect sees it: activities by place and id, their states and reasons.

Looks at the engine's values and never keeps or changes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from headrace.definition.model import RunCommand, TaskDefinition
from headrace.dialects.akoflow.compiling import activity_id
from headrace.dialects.akoflow.directories import Place
from headrace.dialects.akoflow.staging import STAGING
from headrace.dialects.akoflow.transfers import NO_TARGET, SOURCE_MISSING, clashes_in
from headrace.engine.execution import Execution, TaskRun
from headrace.engine.graph import Node
from headrace.engine.states import EXECUTION_ENDS, TASK_FAILURES

_SHOWN_NAMES = 10

MOST_BEHIND = 100
"""Failed activities that are remembered behind a skipped one; a sentence names ten of them."""

_QUOTED_PATH = re.compile(r"'(/[^']*)'")


class FailedBehind:
    """The failed activities that skipped ones would have needed; each skipped one is looked at once."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """Return the names of those behind an activity, its own dependencies first, at most `MOST_BEHIND`."""
        waiting = [name]
        while waiting:
            sources = self._sources(waiting[-1])
            skipped = [source for source, state in sources.items() if state == "skipped"]
            unknown = [source for source in skipped if source not in self._known]
            if unknown:
                waiting += unknown
                continue
            done = waiting.pop()
            near = [
                activity_brought_by(self._execution, source) or source
                for source, state in sources.items()
                if state not in ("succeeded", "skipped")
            ]
            found = dict.fromkeys((*near, *(each for source in skipped for each in self._known[source])))
            self._known[done] = tuple(islice(found, MOST_BEHIND))
        return self._known[name]

    def _sources(self, name: str) -> dict[str, str]:
        """Return the sources of a task that have begun, with their states."""
        runs, latest = self._execution.runs, self._execution.scopes[0].latest
        sources = self._execution.graph.nodes[name].sources
        return {source: runs[latest[source]].state for source in sources if source in latest}


class Activity:
    """One activity of a run."""

    __slots__ = ("_behind", "_execution", "_node", "run", "task")

    def __init__(self, execution: Execution, node: Node, run: TaskRun | None, behind: FailedBehind) -> None:
        self._execution = execution
        self._behind = behind
        self._node = node
        self.task: TaskDefinition = node.task
        self.run = run
        """None as long as nothing has become of it."""

    @property
    def id(self) -> int:
        """Unique on the server."""
        return activity_id(self._execution.number, self._node.index)

    @property
    def index(self) -> int:
        """Place in the document, from 0."""
        return self._node.index

    @property
    def notes(self) -> dict[str, Any]:
        """What the document said of it beside the model."""
        return self.task.annotations

    @property
    def directory(self) -> str:
        """Where it works; empty where each attempt has a directory of its own."""
        place = msgspec.convert(self.notes["directory"], Place)
        return place.text(self._execution.inputs)

    @property
    def command(self) -> RunCommand | None:
        """What it runs; None when that is nothing."""
        return self.task.action if isinstance(self.task.action, RunCommand) else None

    @property
    def state(self) -> str:
        """A key of `ACTIVITY_STATUS`; one that never began in a run that is over counts as cancelled.

        One whose files could not be brought has failed, though nothing of it was started.
        """
        if self.run is not None:
            bringing = self._failed_bringing()
            return self.run.state if bringing is None else bringing.state
        return "cancelled" if self._execution.state in EXECUTION_ENDS else "waiting"

    @property
    def only_dependency(self) -> int | None:
        """Id of the dependency when there is exactly one."""
        names = self.notes.get("depends_on", ())
        if len(names) != 1:
            return None
        return activity_id(self._execution.number, self._execution.graph.nodes[names[0]].index)

    @property
    def clashes(self) -> list[str]:
        """Files that several of its dependencies brought, of which the last one counted."""
        run = self._bringing()
        text = run.outputs.get("stdout") if run is not None else None
        return clashes_in(text) if isinstance(text, str) else []

    def reason(self) -> tuple[str, str]:
        """Return why it stands where it stands, as a code and a sentence; both empty when that is plain."""
        run = self.run
        if run is None:
            if self.state == "cancelled":
                return "cancelled", "The workflow ended before this activity could start."
            return "", ""
        if (bringing := self._failed_bringing()) is not None:
            return _why_not_brought(bringing)
        if run.state == "skipped":
            return self._why_skipped()
        if run.failure is not None and run.state in ("failed", "timed_out"):
            return self._failure_code(run.failure.code, run.failure.message), run.failure.message
        return (run.reason.code, run.reason.sentence) if run.reason is not None else ("", "")

    def _bringing(self) -> TaskRun | None:
        """Return what brought its files, where `standalone` has that and it has begun."""
        execution, sources = self._execution, self._node.sources
        if len(sources) != 1 or activity_brought_by(execution, sources[0]) is None:
            return None
        return execution.runs.get(execution.scopes[0].latest.get(sources[0], 0))

    def _failed_bringing(self) -> TaskRun | None:
        """Return what should have brought its files, where that is why it never began."""
        if self.run is None or self.run.state != "skipped":
            return None
        bringing = self._bringing()
        return bringing if bringing is not None and bringing.state in TASK_FAILURES else None

    def _why_skipped(self) -> tuple[str, str]:
        failed = self._behind.of(self.task.name)
        execution = self._execution
        names = [name for name in failed if is_activity(execution, name)]
        if names or not failed:
            return "upstream_failed", f"Skipped because of {_named(names)}."
        run = execution.runs[execution.scopes[0].latest[failed[0]]]
        code = _code_of_staging(execution.graph.nodes[failed[0]].task.annotations[STAGING], run)
        return code, f"Skipped because its files could not be brought. {_said(run)}".rstrip()

    def _failure_code(self, code: str, message: str) -> str:
        """Return the code of a failure; a directory that could not be made has one of its own."""
        quoted = _QUOTED_PATH.search(message) if code == "start_failed" else None
        is_directory = quoted is not None and f"{self.directory}/".startswith(quoted[1])
        return "mount_path_unavailable" if is_directory else code


def count_of(execution: Execution) -> int:
    """Return how many activities a run has; its other tasks stand behind them."""
    count: int = execution.definition.annotations["activities"]
    return count


def is_activity(execution: Execution, name: str) -> bool:
    """Tell whether a task is an activity and none that moves files."""
    node = execution.graph.nodes.get(name)
    return node is not None and node.index < count_of(execution)


def activity_brought_by(execution: Execution, name: str) -> str | None:
    """Return the activity whose files a task brings; None where the task does something else."""
    node = execution.graph.nodes.get(name)
    is_bringing = node is not None and node.task.annotations.get(STAGING) == "bring"
    return node.targets[0] if node is not None and is_bringing else None


def activities(execution: Execution) -> Iterator[Activity]:
    """Yield the activities of a run in the order of the document."""
    root = execution.scopes.get(0)
    latest = root.latest if root is not None else {}
    count, behind = count_of(execution), FailedBehind(execution)
    for node in execution.graph.nodes.values():
        if node.index >= count:
            return
        number = latest.get(node.name)
        yield Activity(execution, node, None if number is None else execution.runs[number], behind)


def activity_named(execution: Execution, name: str) -> Activity:
    """Return the activity of this name."""
    root = execution.scopes.get(0)
    number = root.latest.get(name) if root is not None else None
    run = None if number is None else execution.runs[number]
    return Activity(execution, execution.graph.nodes[name], run, FailedBehind(execution))


def activity_with(execution: Execution, number: int) -> Activity | None:
    """Return the activity with this id, or None."""
    index = number - activity_id(execution.number, 0)
    tasks = execution.definition.tasks
    return activity_named(execution, tasks[index].name) if 0 <= index < count_of(execution) else None


def reason_of(execution: Execution) -> tuple[str, str]:
    """Return why a run stands where it stands, as a code and a sentence; a failed one names its roots."""
    if execution.state != "failed" or not execution.failed:
        reason = execution.reason
        return (reason.code, reason.sentence) if reason is not None else ("", "")
    names = []
    code, sentences = "activities_failed", []
    for run in (execution.runs[number] for number in execution.failed):
        activity = activity_brought_by(execution, run.task) or run.task
        if is_activity(execution, activity):
            names.append(activity)
        else:
            code = _code_of_staging(execution.task(run).annotations[STAGING], run)
            sentences.append(_said(run))
    if names:
        names.sort(key=lambda name: execution.graph.nodes[name].index)
        sentences.insert(0, f"Failed because of {_named(names)}.")
    return code, " ".join(sentences)


def _why_not_brought(run: TaskRun) -> tuple[str, str]:
    """Return why an activity never began, in the words of what should have brought its files."""
    failure = run.failure
    code = "mount_path_unavailable" if failure and failure.exit_code == NO_TARGET else "stage_in_failed"
    return code, f"The files of its dependencies could not be brought. {_said(run)}".rstrip()


def _said(run: TaskRun) -> str:
    """Return what moved files says of its failure, whose exit code tells nobody anything."""
    message = run.failure.message if run.failure is not None else ""
    return message.partition("\n")[2] or message


def _code_of_staging(kind: str, run: TaskRun) -> str:
    if kind == "out":
        return "stage_out_failed"
    is_missing = run.failure is not None and run.failure.exit_code == SOURCE_MISSING
    return "volume_source_missing" if is_missing else "stage_in_failed"


def _named(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN_NAMES])
    return shown + (f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else "")
