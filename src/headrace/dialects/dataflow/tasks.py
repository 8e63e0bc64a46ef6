"""Reads the head of each task: its name, its type and the names of its outputs.

Values wait until all heads are read, because they may refer to any task.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from msgspec.structs import replace

from headrace.definition.types import Port, TaskTypeSpec
from headrace.dialects.dataflow import fields, references
from headrace.dialects.dataflow.catalog import Catalog, port_table
from headrace.dialects.dataflow.drafts import TaskDraft
from headrace.dialects.dataflow.fields import Fields, Given
from headrace.dialects.dataflow.findings import Findings, member
from headrace.dialects.dataflow.names import Ambiguous, Found, NameTable
from headrace.dialects.dataflow.wire import MOST_PROBLEMS, NAME, NAMED_VALUE, TASK


class _Rename(NamedTuple):
    """One written rename."""

    name: Given
    value: Given


def read_tasks(items: list[Any], path: str, catalog: Catalog, findings: Findings) -> list[TaskDraft]:
    """Return the heads of all tasks, in order; a broken one has no name or no type."""
    drafts = []
    seen: set[str] = set()
    for index, item in enumerate(items):
        at = f"{path}/{index}"
        read = fields.read_fields(item, at, TASK, findings)
        if not isinstance(item, dict):
            drafts.append(TaskDraft(index, at, "", "", None, {}, None, None, {}))
            continue
        name = _name(read, at, index, findings)
        if name and name in seen:
            where = read["name"].path if "name" in read else at
            findings.problem(where, "duplicate_name", f"Another task has the name '{name}'.", task=name)
        seen.add(name)
        spec, written = _type(read, at, name, catalog, findings)
        told = len(findings.problems)
        renames = _renames(read.get("outputs"), spec, name, catalog, findings) if spec else {}
        is_sure = NAME.match(name) is not None and len(findings.problems) == told
        outputs = _outputs(spec, renames, catalog) if spec and is_sure else None
        ports = outputs.entries.values() if outputs else ()
        default = next((port for port in ports if port.is_default), None)
        drafts.append(TaskDraft(index, at, name, written, spec, read, outputs, default, renames))
    shared = {name for name, count in Counter(draft.name for draft in drafts).items() if count > 1}
    return [replace(draft, outputs=None) if draft.name in shared else draft for draft in drafts]


def _name(read: Fields, path: str, index: int, findings: Findings) -> str:
    given = read.get("name")
    if given is None:
        name = f"task_{index + 1}"
        findings.warn(
            path, "name_generated", f"The task has no name and is called '{name}'.", suggestion=name
        )
        return name
    text = fields.text_of(given, findings)
    if text is not None:
        fields.check_name(text, given, findings)
    return text or ""


def _type(
    read: Fields, path: str, task: str, catalog: Catalog, findings: Findings
) -> tuple[TaskTypeSpec | None, str]:
    given = read.get("type")
    if given is None:
        findings.problem(path, "missing_field", "A task needs a 'type'.", task=task)
        return None, ""
    return find_type(given, task, catalog, findings)


def find_type(
    given: Given, task: str, catalog: Catalog, findings: Findings
) -> tuple[TaskTypeSpec | None, str]:
    """Look a task type up; return it with its own name, or nothing with what was written."""
    written = fields.text_of(given, findings, task=task)
    if written is None:
        return None, ""
    spec = catalog.find(written)
    if spec is None:
        near = catalog.suggest(written) if len(findings.problems) < MOST_PROBLEMS else None
        message = f"There is no task type '{written}'."
        findings.problem(given.path, "unknown_task_type", message, suggestion=near, task=task)
        return None, written
    if spec.type != written:
        message = f"'{written}' is another spelling of '{spec.type}'."
        findings.warn(given.path, "alias_used", message, suggestion=spec.type, task=task)
    if not spec.available:
        message = spec.unavailable_because or f"{spec.type} cannot run on this server."
        findings.warn(given.path, "task_type_unavailable", message, task=task)
    return spec, spec.type


def _outputs(spec: TaskTypeSpec, renames: dict[str, str], catalog: Catalog) -> NameTable[Port]:
    if not renames:
        return catalog.outputs(spec)
    return port_table(
        tuple(
            replace(port, name=renames[port.name], aliases=()) if port.name in renames else port
            for port in spec.outputs
        )
    )


def _renames(
    given: Given | None, spec: TaskTypeSpec, task: str, catalog: Catalog, findings: Findings
) -> dict[str, str]:
    """Return the type's name of each renamed output with the task's."""
    if given is None:
        return {}
    match given.value:
        case dict():
            entries = [
                _Rename(Given(name, path, name), Given(value, path, name))
                for name, value in given.value.items()
                for path in (member(given.path, name),)
            ]
        case list():
            entries = _named_renames(given, task, findings)
        case _:
            message = f"'{given.key}' must be an object or a list, not {fields.kind(given.value)}."
            findings.problem(given.path, "invalid_type", message, task=task)
            return {}
    reading = _Renames(spec, catalog, task, findings)
    for entry in entries:
        reading.take(entry)
    return reading.checked()


def _named_renames(given: Given, task: str, findings: Findings) -> list[_Rename]:
    entries = []
    for index, item in enumerate(given.value):
        path = f"{given.path}/{index}"
        read = fields.read_fields(item, path, NAMED_VALUE, findings, task=task)
        name, value = read.get("name"), read.get("value")
        if isinstance(item, dict) and (name is None or value is None):
            missing = "name" if name is None else "value"
            findings.problem(path, "missing_field", f"A renamed output needs a '{missing}'.", task=task)
        elif name and value and fields.text_of(name, findings, task=task) is not None:
            entries.append(_Rename(name, value))
    return entries


class _Renames:
    """The renamed outputs of one task."""

    def __init__(self, spec: TaskTypeSpec, catalog: Catalog, task: str, findings: Findings) -> None:
        self._spec = spec
        self._table = catalog.outputs(spec)
        self._task = task
        self._findings = findings
        self._renames: dict[str, str] = {}
        self._paths: dict[str, str] = {}

    def take(self, entry: _Rename) -> None:
        fields.check_name(entry.name.value, entry.name, self._findings)
        port = self._port(entry.value)
        if port is None:
            return
        if port in self._renames:
            message = f"Output '{port}' has the name '{self._renames[port]}' already."
            self._tell(entry.value.path, "duplicate_name", message)
            return
        self._renames[port] = entry.name.value
        self._paths[port] = entry.name.path

    def checked(self) -> dict[str, str]:
        """Return the renames; tell of two outputs with one name."""
        kept = {port.name for port in self._spec.outputs if port.name not in self._renames}
        for port, name in self._renames.items():
            if name in kept:
                message = f"{self._spec.type} has another output with the name '{name}'."
                self._tell(self._paths[port], "duplicate_name", message)
            kept.add(name)
        return self._renames

    def _port(self, entry: Given) -> str | None:
        content = self._content(entry)
        if content is None:
            return None
        try:
            address = references.address_of(content)
        except references.Unreadable as error:
            self._tell(entry.path, "invalid_template", str(error))
            return None
        if address.root != "outputs":
            message = "Here only the task's own outputs can be read, as in {{outputs.NAME}}."
            self._tell(entry.path, "reference_not_available", message)
            return None
        return self._found(address, content, entry.path)

    def _content(self, entry: Given) -> str | None:
        """Return the one reference of which the value of a rename consists."""
        try:
            pieces = references.pieces(entry.value) if isinstance(entry.value, str) else []
        except references.Unreadable as error:
            self._tell(entry.path, "invalid_template", str(error))
            return None
        match pieces:
            case [references.Reference(content)]:
                return content
            case _:
                message = "An output is renamed by one reference to it, as in {{outputs.NAME}}."
                self._tell(entry.path, "invalid_value", message)
                return None

    def _found(self, address: references.Address, content: str, path: str) -> str | None:
        match self._table.find(address.name):
            case Found(name, _, is_exact):
                if address.steps:
                    message = "An output is renamed as a whole, not a part of it."
                    self._tell(path, "invalid_value", message)
                    return None
                if not is_exact:
                    message = f"'{address.name}' is another spelling of '{name}'."
                    self._findings.warn(path, "alias_used", message, suggestion=name, task=self._task)
                return name
            case Ambiguous(candidates):
                self._tell(path, "ambiguous_name", f"'{address.name}' may mean {' or '.join(candidates)}.")
            case None:
                names = ", ".join(self._table.entries)
                near = self._findings.nearest(address.name, self._table.entries)
                message = f"{self._spec.type} has no output '{address.name}'; it has {names}."
                suggestion = near and references.respelled(content, address.place, near)
                self._tell(path, "unknown_reference", message, suggestion)
        return None

    def _tell(self, path: str, code: str, message: str, suggestion: str | None = None) -> None:
        self._findings.problem(path, code, message, suggestion=suggestion, task=self._task)
