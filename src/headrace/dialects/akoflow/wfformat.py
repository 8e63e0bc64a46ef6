"""Turns a WfCommons description (WfFormat 1.5 and 1.6) into a document of this dialect (section 6).

Parents become dependencies, commands commands, counted cores and bytes limits, files inputs and outputs.
https://github.com/wfcommons/WfFormat has the schema; only what is read here is checked.
A document that would be refused is made of no description: what is wrong is told of its tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from msgspec import Struct
from msgspec.structs import replace

from headrace.dialects.akoflow.findings import Findings
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.tables import CONTROL
from headrace.dialects.akoflow.wire import MOST_PROBLEMS, STORAGE_POLICIES
from headrace.errors import InvalidDefinition, Problem

VERSIONS = ("1.5", "1.6")
_TASKS = "/workflow/specification/tasks"
_FILES = "/workflow/specification/files"
_EXECUTED = "/workflow/execution/tasks"
_LISTS = ("parents", "children", "inputFiles", "outputFiles")
_COUNTED = {"coreCount": "cpuLimit", "memoryInBytes": "memoryLimit"}
"""What was counted and measured to the limit that it becomes."""


class _Found(Struct, frozen=True):
    """A part of the description, and the pointer to it."""

    path: str
    values: dict[str, Any]


class Imported(Struct, frozen=True):
    """What became of a description."""

    document: str
    """YAML."""
    warnings: tuple[Problem, ...]


def document_of(description: Any) -> Imported:
    """Return the document of a decoded description; raises InvalidDefinition with all problems."""
    findings = Findings()
    reading = _Reading(description, findings)
    spec: dict[str, Any] = {"runtime": "local", **reading.storage(), "activities": reading.activities()}
    if findings.problems:
        raise InvalidDefinition(findings.problems)
    name = description.get("name")
    made = {"name": name if isinstance(name, str) and name else "imported", "spec": spec}
    text = yaml.dump(made, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)
    if wrong := parse(text.encode(), Surroundings()).problems:
        raise InvalidDefinition([_told_of(each) for each in wrong])
    return Imported(text, tuple(findings.warnings[:MOST_PROBLEMS]))


def _told_of(problem: Problem) -> Problem:
    """Return a problem of the document as one of the description that it was made of."""
    words = problem.path.split("/")
    is_of_a_task = words[1:3] == ["spec", "activities"]
    path = "/".join([_TASKS, *words[3:4]]) if is_of_a_task else problem.path
    return replace(problem, path=path, line=None, column=None)


class _Reading:
    """One description on its way to a document."""

    def __init__(self, description: Any, findings: Findings) -> None:
        self._findings = findings
        self._version(description)
        workflow = _member(description, "workflow")
        specification = _member(workflow, "specification")
        tasks = _member(specification, "tasks")
        if not isinstance(tasks, list) or not tasks:
            message = "A description has a list of tasks in 'workflow.specification'."
            findings.problem(_TASKS, "wfformat_invalid", message)
        self._tasks: dict[str, _Found] = {}
        for index, task in enumerate(tasks if isinstance(tasks, list) else ()):
            self._take(f"{_TASKS}/{index}", task)
        self._executed = _by_id(_member(_member(workflow, "execution"), "tasks"), _EXECUTED)
        self._files = _by_id(_member(specification, "files"), _FILES)
        self._policy = _member(specification, "storagePolicy")
        self._names = self._unique_names()

    def storage(self) -> dict[str, Any]:
        """Return the storage policy, where the description is one of ours and names an unusual one."""
        is_known = self._policy in STORAGE_POLICIES and self._policy != STORAGE_POLICIES[0]
        return {"storagePolicy": {"type": self._policy}} if is_known else {}

    def activities(self) -> list[dict[str, Any]]:
        """Return the activities in the order of the tasks."""
        self._check_links()
        return [self._activity(task_id, task) for task_id, task in self._tasks.items()]

    def _version(self, description: Any) -> None:
        version = _member(description, "schemaVersion")
        if version not in VERSIONS:
            message = f"The versions that are read are {' and '.join(VERSIONS)}."
            self._findings.problem("/schemaVersion", "wfformat_version", message, suggestion=VERSIONS[0])

    def _take(self, path: str, task: Any) -> None:
        task_id = _member(task, "id")
        if not isinstance(task_id, str) or not task_id:
            self._findings.problem(path, "wfformat_invalid", "A task needs an 'id', which is a text.")
        elif task_id in self._tasks:
            self._findings.problem(path, "duplicate_activity", f"Two tasks have the id '{task_id[:100]}'.")
        else:
            lists = {key: self._texts(task, key, path) for key in _LISTS}
            self._tasks[task_id] = _Found(path, {**task, **lists})

    def _unique_names(self) -> dict[str, str]:
        """Return the name of each task, which is its id where two share a name."""
        named = {task_id: task.values.get("name") for task_id, task in self._tasks.items()}
        seen: dict[Any, int] = {}
        for name in named.values():
            if isinstance(name, str):
                seen[name] = seen.get(name, 0) + 1
        return {
            task_id: name
            if isinstance(name, str) and name and seen[name] == 1 and name not in self._tasks
            else task_id
            for task_id, name in named.items()
        }

    def _check_links(self) -> None:
        """Tell where parents and children do not say the same."""
        tasks = self._tasks.items()
        down = {(task_id, each) for task_id, task in tasks for each in task.values["children"]}
        up = {(each, task_id) for task_id, task in tasks for each in task.values["parents"]}
        for parent, child in sorted(down ^ up):
            known, said = (child, "parent") if (parent, child) in up else (parent, "child")
            message = f"'{parent}' and '{child}' do not agree: only '{known}' names the other as {said}."
            self._findings.problem(self._tasks[known].path, "parents_children_disagree", message)

    def _activity(self, task_id: str, task: _Found) -> dict[str, Any]:
        # What never ran stands only among the tasks; our own exports say there what it is to run.
        known = self._executed.get(task_id, task)
        made: dict[str, Any] = {"name": self._names[task_id]}
        command = _member(known.values, "command")
        program = _member(command, "program")
        if isinstance(program, str) and program:
            made |= _command(program, self._texts(command, "arguments", f"{known.path}/command"))
        else:
            message = f"The task '{task_id}' has no command; it does nothing."
            self._findings.warn(f"{known.path}/command", "no_command", message)
        made["dependsOn"] = [self._names.get(each, each) for each in task.values["parents"]]
        made |= self._limits(task_id, known)
        made["inputs"] = self._paths(task, "inputFiles")
        made["outputs"] = self._paths(task, "outputFiles")
        return {key: value for key, value in made.items() if value}

    def _limits(self, task_id: str, known: _Found) -> dict[str, Any]:
        """Return the limits: those that were once written, else what was counted and measured."""
        requested = known.values.get("requested")
        if isinstance(requested, dict):
            written = {key: requested.get(key) for key in ("cpuLimit", "memoryLimit")}
            return {key: value for key, value in written.items() if isinstance(value, str | int | float)}
        made: dict[str, Any] = {}
        for key, limit in _COUNTED.items():
            value = known.values.get(key)
            if _is_amount(value):
                made[limit] = value
            elif value is not None:
                message = f"'{key}' of the task '{task_id}' is no number above 0, so there is no '{limit}'."
                self._findings.warn(f"{known.path}/{key}", "limit_unknown", message)
        return made

    def _paths(self, task: _Found, key: str) -> list[str]:
        """Return the paths of files, without those that a document cannot name."""
        paths = []
        for index, path in enumerate(map(self._path, task.values[key])):
            if CONTROL.search(path):
                message = f"The file {path[:100]!r} has a control character in its name and is left out."
                self._findings.warn(f"{task.path}/{key}/{index}", "file_left_out", message)
            else:
                paths.append(path)
        return paths

    def _path(self, file_id: str) -> str:
        """Return the path of a file, which is its id unless the description says more."""
        known = self._files.get(file_id)
        path = known.values.get("path") if known is not None else None
        is_inside = isinstance(path, str) and path and path[0] != "/" and ".." not in path.split("/")
        return str(path) if is_inside else file_id

    def _texts(self, values: Mapping[str, Any], key: str, path: str) -> list[str]:
        """Return a list of texts, which may be absent; anything else is a problem."""
        found = values.get(key)
        if found is None:
            return []
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            return found
        self._findings.problem(f"{path}/{key}", "wfformat_invalid", f"'{key}' must be a list of texts.")
        return []


def _by_id(items: Any, path: str) -> dict[str, _Found]:
    return {
        each["id"]: _Found(f"{path}/{index}", each)
        for index, each in enumerate(items if isinstance(items, list) else ())
        if isinstance(each, dict) and isinstance(each.get("id"), str)
    }


def _command(program: str, arguments: list[str]) -> dict[str, Any]:
    """Return what runs a program; shell text for a shell is the text itself."""
    if program == "bash" and len(arguments) == 2 and arguments[0] == "-c":
        return {"run": arguments[1]}
    return {"command": {"entrypoint": program, "arguments": arguments}}


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
