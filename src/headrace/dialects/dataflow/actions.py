"""What a task does, in the model: a call of the library, or for the shell step a command."""

from __future__ import annotations

from headrace.definition.model import Action, CallTask, RunCommand
from headrace.definition.templates import Literal, ObjectOf, Template
from headrace.definition.types import TaskTypeSpec
from headrace.dialects.dataflow.ports import Templates


def action_of(spec: TaskTypeSpec, templates: Templates) -> Action | None:
    """Return what a task of this type does, or None when a problem with its inputs was told."""
    if spec.runtime != "command":
        return CallTask(type=spec.type, inputs=templates)
    script, stdin = templates.get("script"), templates.get("stdin")
    if not isinstance(script, Literal):
        return None
    environment = _environment(templates.get("env"))
    return RunCommand(script=script.value, environment=environment, stdin=stdin)


def _environment(template: Template | None) -> dict[str, Template]:
    match template:
        case Literal(dict() as values):
            return {name: Literal(value) for name, value in values.items() if value is not None}
        case ObjectOf(entries):
            return entries
        case _:
            return {}
