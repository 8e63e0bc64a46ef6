"""Checks the body of a start against the workflow, and completes its inputs.

Pure: what only the server knows (stored files, secrets, keys, allowed addresses) comes in as `Facts`;
`needs` says before what has to be looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import UNSET, Struct, field

from headrace.definition.model import CallTask, WorkflowDefinition
from headrace.definition.templates import FileRef
from headrace.definition.types import Port, TaskTypeSpec
from headrace.dialects.dataflow import fields, types_of
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.fields import Given
from headrace.dialects.dataflow.findings import Findings, member
from headrace.dialects.dataflow.inputs import has_type
from headrace.dialects.dataflow.names import Ambiguous, Found, NameTable
from headrace.dialects.dataflow.ports import hidden_input, named
from headrace.dialects.dataflow.values import unstorable
from headrace.dialects.dataflow.webhooks import CheckUrl, Webhook, read_webhook
from headrace.dialects.dataflow.wire import START
from headrace.errors import Problem
from headrace.tasks import files
from headrace.tasks.context import Limits
from headrace.tasks.failures import TaskFailure


class Needs(Struct, frozen=True):
    """What has to be looked up before a start can be checked."""

    files: frozenset[str]
    """Ids of stored files."""
    secrets: frozenset[str]
    """Names of secrets."""
    credentials: frozenset[str]
    """Names of the secrets that task types need as keys."""


class Facts(Struct, frozen=True):
    """What was found."""

    files: Mapping[str, FileRef]
    """By id; one that does not exist is not in it."""
    secrets: Collection[str]
    """Names of those that exist."""
    keys: Collection[str]
    """Names of the credentials that are there, given with the start, stored, or not needed at all."""
    check_url: CheckUrl
    max_file: int = Limits().file
    """Bytes of one file."""
    removed: Mapping[str, str] = field(default_factory=dict)
    """Why a file is not there any longer, by id."""

    def why_unknown(self, file_id: str, addition: str = "") -> str:
        """Return the sentence about a file that cannot be used."""
        return self.removed.get(file_id) or f"There is no file '{file_id}'{addition}."


class CheckedStart(Struct, frozen=True):
    """What became of a start body."""

    inputs: dict[str, Any]
    """Complete: defaults filled in, null for what is absent, stored files as `FileRef`s.

    A file that came with its content is an `Inline`, which whoever starts the run has to keep.
    """
    webhook: Webhook | None
    problems: tuple[Problem, ...]
    """In document order, at most 100 and `more_problems`; when there are some, nothing may be started."""
    warnings: tuple[Problem, ...]


def needs(body: Any, definition: WorkflowDefinition, library: TaskTypes) -> Needs:
    """Return what `check_start` has to know."""
    values = [port.default for port in definition.inputs if port.type == "file"]
    top = fields.read_fields(body, "", START, Findings()) if isinstance(body, dict) else {}
    given = top.get("inputs")
    if given is not None and isinstance(given.value, dict):
        values += given.value.values()
    found = (types_of.file_id_of(value) for value in values)
    used = {spec.credential for _, spec in _types(definition, library) if spec}
    return Needs(
        files=frozenset(each for each in found if each) | frozenset(definition.annotations.get("files", ())),
        secrets=frozenset(definition.annotations.get("secrets", ())),
        credentials=frozenset(each for each in used if each),
    )


def check_start(
    body: Any, workflow_id: str, definition: WorkflowDefinition, library: TaskTypes, facts: Facts
) -> CheckedStart:
    """Check a decoded start body (None when it was empty); all problems are told at once."""
    findings = Findings()
    top = fields.read_fields({} if body is None else body, "", START, findings)
    if body is not None and not isinstance(body, dict):  # nothing can be said about its parts
        return CheckedStart({}, None, *findings.told(body))
    inputs = _Inputs(definition.inputs, facts, findings).read(top.get("inputs"))
    check_workflow_id(top.get("workflow_id"), workflow_id, findings)
    webhook = read_webhook(top, facts.check_url, findings)
    inputs |= _written_files(definition, facts, findings)
    for key, value in definition.annotations.get("contents", {}).items():
        inputs[hidden_input(key)] = _content(value, "", facts, findings)
    _check_tasks(definition, library, facts, findings)
    problems, warnings = findings.told(body)
    return CheckedStart(inputs, webhook, problems, warnings)


def check_tasks(definition: WorkflowDefinition, library: TaskTypes, facts: Facts) -> tuple[Problem, ...]:
    """Tell which tasks of a definition cannot run here and now, for a run that is given no new inputs."""
    findings = Findings()
    _check_tasks(definition, library, facts, findings)
    return findings.told(None)[0]


class _Inputs:
    """The inputs of one start."""

    def __init__(self, declared: tuple[Port, ...], facts: Facts, findings: Findings) -> None:
        self._declared = NameTable({port.name: port for port in declared})
        self._facts = facts
        self._findings = findings
        self._given: dict[str, Given] = {}

    def read(self, given: Given | None) -> dict[str, Any]:
        """Return a value for every declared input."""
        if given is not None and not isinstance(given.value, dict):
            message = f"'{given.key}' must be an object, not {fields.kind(given.value)}."
            self._findings.problem(given.path, "invalid_type", message)
            return {}
        for name, value in given.value.items() if given else ():
            self._take(name, Given(value, member(given.path if given else "", name), name))
        at = given.path if given else ""
        return {name: self._value(port, at) for name, port in self._declared.entries.items()}

    def _take(self, name: str, given: Given) -> None:
        found = self._declared.find(name)
        match found:
            case Found(own, _, is_exact):
                if not is_exact:
                    message = f"'{name}' is another spelling of '{own}'."
                    self._findings.warn(given.path, "alias_used", message, suggestion=own)
                earlier = self._given.setdefault(own, given)
                if earlier is not given and not fields.same(earlier.value, given.value):
                    message = f"'{earlier.key}' and '{name}' are one input, and their values differ."
                    self._findings.problem(given.path, "conflicting_fields", message)
            case Ambiguous(candidates):
                message = f"'{name}' may mean {' or '.join(candidates)}."
                self._findings.problem(given.path, "ambiguous_name", message)
            case None if self._declared.entries:
                near = self._findings.nearest(name, self._declared.entries)
                message = f"The workflow has no input '{name}'; it has {', '.join(self._declared.entries)}."
                self._findings.problem(given.path, "unknown_input", message, suggestion=near)
            case None:
                message = f"The workflow has no inputs; '{name}' is ignored."
                self._findings.warn(given.path, "input_ignored", message)

    def _value(self, port: Port, at: str) -> Any:
        given = self._given.get(port.name)
        if given is None or given.value is None:
            if port.required:
                where = at if given is None else given.path
                message = f"The workflow needs {named(port.type)} for its input '{port.name}'."
                self._findings.problem(where, "missing_input", message)
            if port.default is UNSET:
                return None
            whose = f" It is the default of the input '{port.name}'; give this input another file."
            return self._stored(port, port.default, at, whose)
        if found := unstorable(given.value, given.path):
            self._findings.problem(found.path, "invalid_value", found.why)
            return None
        if not has_type(port.type, given.value):
            message = f"Input '{port.name}' must be {named(port.type)}; it is {fields.kind(given.value)}."
            self._findings.problem(given.path, "invalid_type", message)
            return None
        if port.type == "file":
            types_of.warn_of_unread(given.value, given.path, self._findings)
        return self._stored(port, given.value, given.path)

    def _stored(self, port: Port, value: Any, path: str, whose: str = "") -> Any:
        """Return a stored file in the place of its id, the content of one that holds it; else the value.

        `whose` is a sentence on where the value stands, if not in the body.
        """
        if port.type != "file":
            return value
        if types_of.holds_content(value):
            return _content(value, path, self._facts, self._findings)
        file_id = types_of.file_id_of(value)
        if file_id is None:
            return value
        if file_id not in self._facts.files:
            self._findings.problem(path, "unknown_file", self._facts.why_unknown(file_id) + whose)
        return self._facts.files.get(file_id)


def _content(value: Any, path: str, facts: Facts, findings: Findings) -> files.Inline | None:
    """Return the content of a file that is sent inside the body; None when a problem was told."""
    try:
        content = files.inline(value)
    except TaskFailure as failure:
        findings.problem(path, failure.failure.code, failure.failure.message)
        return None
    if content is not None and len(content.content) > facts.max_file:
        message = f"The file has {len(content.content)} bytes; {facts.max_file} are allowed."
        findings.problem(path, "too_large", message)
    return content


def check_workflow_id(given: Given | None, workflow_id: str, findings: Findings) -> None:
    """Tell when a body names another workflow than its path."""
    if given is not None and given.value != workflow_id:
        message = f"The path starts {workflow_id}, and the body names another workflow."
        findings.problem(given.path, "invalid_value", message, suggestion=workflow_id)


def _written_files(definition: WorkflowDefinition, facts: Facts, findings: Findings) -> dict[str, FileRef]:
    """Return the stored files that the definition itself names."""
    found: dict[str, FileRef] = {}
    for file_id, task in definition.annotations.get("files", {}).items():
        file = facts.files.get(file_id)
        if file is None:
            message = facts.why_unknown(file_id, ", which the workflow names")
            findings.problem("", "unknown_file", message, task=task)
        else:
            found[hidden_input(file_id)] = file
    return found


def _check_tasks(
    definition: WorkflowDefinition, library: TaskTypes, facts: Facts, findings: Findings
) -> None:
    """Tell which tasks cannot run: no program, no key, no secret."""
    for secret, task in definition.annotations.get("secrets", {}).items():
        if secret not in facts.secrets:
            message = f"Task '{task}' needs the secret '{secret}', which does not exist."
            findings.problem("", "missing_secret", message, task=task)
    for (task, type_name), spec in _types(definition, library):
        if spec is None or not spec.available:
            because = (spec and spec.unavailable_because) or "This server does not know the type."
            message = f"Task '{task}' ({type_name}) cannot run here. {because}"
            findings.problem("", "task_type_unavailable", message, task=task)
        elif spec.credential and spec.credential not in facts.keys:
            message = (
                f"Task '{task}' ({type_name}) needs an OpenAI key: send the X-OpenAI-Key header or store the "
                f"secret '{spec.credential}'."
            )
            findings.problem("", "missing_credential", message, task=task)


def _types(
    definition: WorkflowDefinition, library: TaskTypes
) -> list[tuple[tuple[str, str], TaskTypeSpec | None]]:
    """Return the types that each task may run, its fallback's among them."""
    used: dict[tuple[str, str], None] = {}
    for task in definition.tasks:
        type_name = task.annotations.get("type")
        if type_name:
            used[task.name, type_name] = None
        for action in (task.action, task.fallback):
            if isinstance(action, CallTask):
                used[task.name, action.type] = None
    specs = {type_name: library.resolve(type_name) for _, type_name in used}
    return [(each, specs[each[1]]) for each in used]
