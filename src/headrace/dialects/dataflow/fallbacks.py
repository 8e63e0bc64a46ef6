"""A fallback must offer whatever others read of its task (section 3, Failure)."""

from __future__ import annotations

from headrace.definition.model import Action
from headrace.definition.types import Port, TaskTypeSpec
from headrace.dialects.dataflow import fields, ports
from headrace.dialects.dataflow.actions import action_of
from headrace.dialects.dataflow.catalog import Catalog
from headrace.dialects.dataflow.drafts import Site, TaskDraft
from headrace.dialects.dataflow.fields import Given
from headrace.dialects.dataflow.findings import Findings
from headrace.dialects.dataflow.scope import Scope
from headrace.dialects.dataflow.tasks import find_type
from headrace.dialects.dataflow.wire import FALLBACK


class Fallback:
    """The type that runs when a task has failed for good."""

    def __init__(self, spec: TaskTypeSpec, path: str, action: Action | None) -> None:
        self.spec = spec
        self.path = path
        """Pointer of its type."""
        self.action = action
        """None when a problem was told."""


def fallback_of(given: Given | None, catalog: Catalog, scope: Scope, site: Site) -> Fallback | None:
    """Compile a fallback; None when there is none or a problem was told."""
    if given is None:
        return None
    findings = scope.findings
    read = fields.read_fields(given.value, given.path, FALLBACK, findings, task=site.task)
    type_given = read.get("task")
    if type_given is None:
        if isinstance(given.value, dict):
            findings.problem(
                given.path, "missing_field", "A fallback needs a 'task', its type.", task=site.task
            )
        return None
    spec, _ = find_type(type_given, site.task, catalog, findings)
    if spec is None:
        return None
    inputs = read.get("inputs")
    call = ports.Call(spec, catalog, scope, site)
    call.read(inputs)
    call.refuse_missing(inputs, given.path)
    return Fallback(spec, type_given.path, action_of(spec, call.templates))


def renames_with(
    fallback: Fallback, draft: TaskDraft, used: dict[str, str], findings: Findings
) -> dict[str, str]:
    """Return the task's renames with those that the fallback needs; tell what it lacks.

    `used` has the outputs that others refer to, with the name of who does.
    """
    assert draft.spec is not None
    assert draft.outputs is not None
    renames = dict(draft.renames)
    own_names = {final: own for own, final in draft.renames.items()}
    for output, reader in used.items():
        own = own_names.get(output, output)
        wanted = draft.outputs.entries.get(output)
        if wanted is None:
            continue
        named = fallback.spec.output(own)
        stands_in = fallback.spec.default_output if wanted.is_default else None
        if named is not None and named.type == wanted.type:
            continue
        if named is None and stands_in is not None and _can_be_called(stands_in, wanted, draft.spec):
            renames[stands_in.name] = output
            continue
        message = (
            f"{fallback.spec.type} has no output '{own}' of type {wanted.type}, "
            f"which {reader} reads of task '{draft.name}'."
        )
        findings.problem(fallback.path, "fallback_mismatch", message, task=draft.name)
    return renames


def _can_be_called(stands_in: Port, wanted: Port, spec: TaskTypeSpec) -> bool:
    """Tell whether a default output may take the place: one map of names serves task and fallback."""
    return stands_in.type == wanted.type and spec.output(stands_in.name) is None
