"""What a task does, in the model: a call of the library, or for the shell step a command."""

from __future__ import annotations

import re

from headrace.definition.model import Action, CallTask, RunCommand
from headrace.definition.templates import Literal, ObjectOf, Template
from headrace.definition.types import TaskTypeSpec
from headrace.dialects.dataflow.findings import Findings, member
from headrace.dialects.dataflow.ports import Templates

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def action_of(
    spec: TaskTypeSpec, templates: Templates, path: str, findings: Findings, *, task: str
) -> Action | None:
    """Return what a task of this type does, or None when a problem was told; `path` is that of its inputs."""
    if spec.runtime != "command":
        return CallTask(type=spec.type, inputs=templates)
    environment = _environment(templates.get("env"), member(path, "env"), findings, task=task)
    script, stdin = templates.get("script"), templates.get("stdin")
    if environment is None or not isinstance(script, Literal):
        return None
    return RunCommand(script=script.value, environment=environment, stdin=stdin)


def _environment(
    template: Template | None, path: str, findings: Findings, *, task: str
) -> dict[str, Template] | None:
    match template:
        case None:
            return {}
        case Literal(dict() as values):
            variables: dict[str, Template] = {
                name: Literal(value) for name, value in values.items() if value is not None
            }
        case ObjectOf(entries):
            variables = entries
        case _:
            message = "'env' must be written out as an object; its values may be references."
            findings.problem(path, "type_mismatch", message, task=task)
            return None
    for name in variables:
        if not _VARIABLE.match(name):
            message = f"'{name[:60]}' is no name of an environment variable."
            findings.problem(member(path, name), "invalid_name", message, task=task)
    return variables
