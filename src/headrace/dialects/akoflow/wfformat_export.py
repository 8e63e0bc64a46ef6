"""Turns a run into a description of WfCommons (WfFormat 1.5, section 6).

https://github.com/wfcommons/WfFormat has the schema.
Members beside the schema's keep what it has no place for (the path of a file, the limits as written, the
storage policy), so that importing the description again gives the same workflow; WfFormat allows more members
everywhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from headrace import __version__
from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.file_graph import MADE, Edge, edges_of
from headrace.dialects.akoflow.file_names import FileNames
from headrace.dialects.akoflow.spelling import instant
from headrace.dialects.akoflow.views import Activity
from headrace.engine.execution import Execution, TaskRun
from headrace.store.provenance_rows import RecordedUse
from headrace.texts import text_of_path

Members = dict[str, Any]

VERSION = "1.5"

_FOREIGN = re.compile(r"[^0-9A-Za-z_.-]")
_GLOB = re.compile(r"[*?\[]")


class Machine(Struct, frozen=True):
    """The machine of this server, as far as it may be told."""

    name: str
    architecture: str
    cores: int
    memory: int
    """Bytes."""


class Ids:
    """Ids of names: only letters, digits, `-`, `_` and `.`, each once."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted = list(dict.fromkeys(names))
        self._of = {name: name for name in wanted if name and not _FOREIGN.search(name)}
        taken = set(self._of)
        for name in wanted:
            if name in self._of:
                continue
            plain = _FOREIGN.sub("_", name) or "_"
            made, count = plain, 1
            while made in taken:
                count += 1
                made = f"{plain}-{count}"
            taken.add(made)
            self._of[name] = made

    def __getitem__(self, name: str) -> str:
        return self._of[name]


class _Files:
    """The files of a run, by path, with what each activity did with them."""

    def __init__(self, execution: Execution, uses: Sequence[RecordedUse]) -> None:
        names = FileNames(execution)
        self.sizes: dict[str, int] = {}
        self.inside: dict[str, str] = {}
        """Path to the same file relative to its working directory, as documents name it."""
        self._read: dict[str, dict[str, None]] = {}
        self._made: dict[str, dict[str, None]] = {}
        for edge in edges_of(uses):
            if not _can_be_told(edge):
                continue
            path = names.of(edge.version)
            self.sizes[path] = edge.version.size
            self.inside[path] = text_of_path(edge.version.path)
            (self._made if edge.label == MADE else self._read).setdefault(edge.activity, {})[path] = None
        for each in views.activities(execution):
            name = each.task.name
            if not _has_begun(each) and name not in self._read and name not in self._made:
                self._declared(each)
        self.ids = Ids(self.sizes)

    def _declared(self, activity: Activity) -> None:
        """Take what an activity that has not begun says of itself; the size is not known."""
        command = activity.command
        name, outputs = activity.task.name, command.outputs if command is not None else ()
        for table, paths in ((self._read, activity.notes.get("inputs", ())), (self._made, outputs)):
            plain = [path for path in paths if not _GLOB.search(path)]
            table[name] = dict.fromkeys(plain)
            for path in plain:
                self.sizes.setdefault(path, 0)

    def read(self, activity: str) -> list[str]:
        """Return the ids of what an activity read."""
        return [self.ids[path] for path in self._read.get(activity, ())]

    def made(self, activity: str) -> list[str]:
        """Return the ids of what an activity made."""
        return [self.ids[path] for path in self._made.get(activity, ())]


def _can_be_told(edge: Edge) -> bool:
    """Tell whether an edge is about a file, has a text for its name, and is certain where it made that.

    Who reads the description takes each output for one that the command alone leaves.
    """
    version = edge.version
    is_text = text_of_path(version.path) == version.path
    return is_text and version.link is None and (edge.is_certain or edge.label != MADE)


def description_of(
    execution: Execution, uses: Sequence[RecordedUse], now: float, machine: Machine
) -> Members:
    """Return the description of a run; `uses` are those of its activities, in the order of their numbers."""
    activities = list(views.activities(execution))
    ids = Ids(each.task.name for each in activities)
    files = _Files(execution, uses)
    children: dict[str, list[str]] = {each.task.name: [] for each in activities}
    for each in activities:
        for parent in each.notes.get("depends_on", ()):
            children[parent].append(ids[each.task.name])
    tasks = [
        {
            "name": each.task.name,
            "id": ids[each.task.name],
            "parents": [ids[name] for name in each.notes.get("depends_on", ())],
            "children": children[each.task.name],
            "inputFiles": files.read(each.task.name),
            "outputFiles": files.made(each.task.name),
            # The schema has commands in `execution` only, where an activity that never ran does not stand.
            **({} if _has_begun(each) else _intended(each)),
        }
        for each in activities
    ]
    listed = [
        {"id": files.ids[path], "sizeInBytes": size, "path": files.inside.get(path, path)}
        for path, size in files.sizes.items()
    ]
    policy = execution.definition.annotations.get("storage_policy", "default")
    workflow: Members = {"specification": {"tasks": tasks, "files": listed, "storagePolicy": policy}}
    begun = [
        (each, run) for each in activities if (run := each.run) is not None and run.started_at is not None
    ]
    if begun:
        workflow["execution"] = _execution(execution, begun, ids, now, machine)
    return {
        "name": execution.definition.name,
        "createdAt": instant(execution.created_at),
        "schemaVersion": VERSION,
        "runtimeSystem": {"name": "Headrace", "version": __version__},
        "workflow": workflow,
    }


def _execution(
    execution: Execution, begun: Sequence[tuple[Activity, TaskRun]], ids: Ids, now: float, machine: Machine
) -> Members:
    began = min(run.started_at or now for _, run in begun)
    ended = now if execution.ended_at is None else execution.ended_at
    nodes = dict.fromkeys(_node(run, machine) for _, run in begun)
    return {
        "makespanInSeconds": max(0.0, ended - began),
        "executedAt": instant(began),
        "tasks": [{"id": ids[each.task.name], **_task(each, run, now, machine)} for each, run in begun],
        "machines": [_machine(name, machine) for name in nodes],
    }


def _task(activity: Activity, run: TaskRun, now: float, machine: Machine) -> Members:
    began = run.started_at or now
    wall = max(0.0, (now if run.ended_at is None else run.ended_at) - began)
    told: Members = {"runtimeInSeconds": wall, **_intended(activity)}
    if activity.command is not None:
        told["coreCount"] = max(1, activity.command.resources.cpus or 1)
    used = [each.usage for each in run.tries if each.usage is not None]
    if used:
        if memory := max(each.max_rss_bytes for each in used):  # 0 is what is not known
            told["memoryInBytes"] = memory
        told["readBytes"] = sum(each.read_bytes for each in used)
        told["writtenBytes"] = sum(each.written_bytes for each in used)
        if wall:
            told["avgCPU"] = round(100 * sum(each.cpu_seconds for each in used) / wall, 3)
    told["machine"] = _node(run, machine)
    return told


def _has_begun(activity: Activity) -> bool:
    """Tell whether an activity ran in this run; one that was skipped or is reused did not."""
    return activity.run is not None and activity.run.started_at is not None


def _intended(activity: Activity) -> Members:
    """Return what an activity is to run, and with which limits, as the document says."""
    notes = activity.notes
    limits = {"cpuLimit": notes.get("cpu_limit"), "memoryLimit": notes.get("memory_limit")}
    told: Members = {"requested": {key: value for key, value in limits.items() if value}}
    if (argv := _argv(activity)) is not None:
        told["command"] = {"program": argv[0], "arguments": argv[1:]}
    return told


def _argv(activity: Activity) -> list[str] | None:
    """Return what an activity runs as program and arguments, none of which is empty."""
    command = activity.command
    if command is None:
        return None
    if command.script is not None:
        return ["bash", "-c", command.script]
    written = activity.notes["command"]
    argv = [*written["entrypoint"], *written["arguments"]]
    if environment := written["environment"]:
        argv = ["env", *(f"{name}={value}" for name, value in environment.items()), *argv]
    return argv if all(argv) else ["bash", "-c", shlex.join(argv)]


def _node(run: TaskRun, machine: Machine) -> str:
    return next(_names(run), machine.name)


def _names(run: TaskRun) -> Iterator[str]:
    return (each.node for each in reversed(run.tries) if each.node)


def _machine(name: str, machine: Machine) -> Members:
    if name != machine.name:
        return {"nodeName": name}
    return {
        "nodeName": name,
        "system": "linux",
        "architecture": machine.architecture,
        "memoryInBytes": machine.memory,
        "cpu": {"coreCount": machine.cores},
    }
