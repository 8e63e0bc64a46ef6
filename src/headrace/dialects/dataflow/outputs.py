"""Reads the declared outputs of a workflow."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.definition.model import OutputDefinition
from headrace.definition.templates import Template
from headrace.definition.types import TypeName
from headrace.dialects.dataflow import fields, ports, types_of
from headrace.dialects.dataflow.drafts import Site
from headrace.dialects.dataflow.fields import Fields, Given
from headrace.dialects.dataflow.inlining import CannotInline, Inlining
from headrace.dialects.dataflow.inputs import read_type
from headrace.dialects.dataflow.scope import Scope
from headrace.dialects.dataflow.values import Compiled, compile_value
from headrace.dialects.dataflow.wire import OUTPUT


def read_outputs(given: Given | None, scope: Scope, site: Site) -> tuple[OutputDefinition, ...]:
    """Return the outputs in order; each may read the ones before it."""
    found: list[OutputDefinition] = []
    known: dict[str, OutputDefinition] = {}
    unsure: set[str] = set()
    if given is None:
        return ()
    for index, item in enumerate(fields.list_of(given, scope.findings)):
        path = f"{given.path}/{index}"
        read = fields.read_fields(item, path, OUTPUT, scope.findings)
        if not isinstance(item, dict):
            continue
        name = fields.name_of(read, path, OUTPUT, scope.findings)
        if name in scope.outputs:
            message = f"Another output has the name '{name}'."
            scope.findings.problem(read["name"].path, "duplicate_name", message)
        output = _output(name or "", read, path, scope, site, unsure)
        if output is not None:
            found.append(_written_out(output, known, path, scope))
            known[output.name] = found[-1]
    return tuple(found)


def _written_out(
    output: OutputDefinition, earlier: dict[str, OutputDefinition], path: str, scope: Scope
) -> OutputDefinition:
    inlining = Inlining(earlier, scope.borrowed)
    try:
        return replace(output, value=inlining.of(output.value), needs=inlining.needs)
    except CannotInline as error:
        scope.findings.problem(path, "invalid_value", str(error))
        return output


def _output(
    name: str, read: Fields, path: str, scope: Scope, site: Site, unsure: set[str]
) -> OutputDefinition | None:
    """Return an output; `unsure` has the earlier ones whose type is known only when the run ends."""
    findings = scope.findings
    declared = read_type(read["type"], findings) if "type" in read else None
    description = read.get("description")
    told = fields.text_of(description, findings) if description else None
    given = read.get("value")
    compiled = None
    if given is None:
        findings.problem(path, "missing_field", "An output needs a 'value'.")
    else:
        compiled = compile_value(given.value, given.path, scope, site)
    scope.outputs.setdefault(name, declared or (compiled.type if compiled else "any"))
    if given is None or compiled is None:
        return None
    template = _declared(compiled, declared, name, given, scope, site) if declared else compiled.template
    if template is None:
        return None
    if _is_unsure(compiled, scope, unsure):
        unsure.add(name)
        return OutputDefinition(name=name, value=template, type=declared, description=told or "")
    return OutputDefinition(name=name, value=template, description=told or "")


def _is_unsure(compiled: Compiled, scope: Scope, unsure: set[str]) -> bool:
    """Tell whether only the run shows of which type a value is: one inside an object, or such an output."""
    if compiled.reference is not None and compiled.reference.root == "outputs":
        earlier, steps = scope.borrowed[compiled.reference.source]
        return bool(steps) or earlier in unsure
    return compiled.type == "any"


def _declared(
    compiled: Compiled, declared: TypeName, name: str, given: Given, scope: Scope, site: Site
) -> Template | None:
    template = types_of.fitted(compiled, (declared,))
    if template is None:
        shown = compiled.reference.written if compiled.reference else "its value"
        found = "object" if compiled.type == "list" else compiled.type
        message = f"Output '{name}' is declared {declared}; {shown} is {found}."
        scope.findings.problem(given.path, "type_mismatch", message, suggestion=found)
        return None
    if declared == "text" and compiled.type != "text":
        return types_of.as_text(template)
    return ports.with_kept_file(template, given.path, scope, site) if declared == "file" else template
