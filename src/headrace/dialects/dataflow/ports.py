"""Compiles the inputs of one call: names of ports, their values, and what is missing.

The table of task types is the library's; here stand only rules about how documents are written.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from msgspec import UNSET

from headrace.definition.templates import Expr, Literal, ObjectOf, Template
from headrace.definition.types import Port, TaskTypeSpec, type_of
from headrace.dialects.dataflow import fields, types_of, variables
from headrace.dialects.dataflow.catalog import Catalog
from headrace.dialects.dataflow.drafts import Site, TaskDraft
from headrace.dialects.dataflow.fields import Given
from headrace.dialects.dataflow.findings import member
from headrace.dialects.dataflow.names import Found
from headrace.dialects.dataflow.scope import Scope
from headrace.dialects.dataflow.values import Compiled, compile_value
from headrace.dialects.dataflow.wire import NAMED_VALUE, VOICES
from headrace.tasks import request_headers, urls

Templates = dict[str, Template]
"""Port name to its template."""


class Entry(NamedTuple):
    """One written port."""

    name: str
    value: Any
    path: str


class Call:
    """The inputs of one task or of its fallback, while they are compiled."""

    def __init__(self, spec: TaskTypeSpec, catalog: Catalog, scope: Scope, site: Site) -> None:
        self._spec = spec
        self._catalog = catalog
        self._scope = scope
        self._site = site
        self._written: dict[str, Entry] = {}
        """Port name to its entry; a port whose value has a problem is in it, too."""
        self.templates: Templates = {}
        self._is_readable = True
        """Whether a port that was not found was left out; of a broken list nobody knows."""
        self.implicit: int | None = None
        """Index of the task whose default output fills a port that was left out."""

    def read(self, given: Given | None) -> None:
        """Compile what was given."""
        told = len(self._scope.findings.problems)
        entries = [] if given is None else self._entries(given)
        self._is_readable = len(self._scope.findings.problems) == told
        ports = self._catalog.inputs(self._spec)
        for entry in entries:
            if (port := ports.entries.get(entry.name)) is not None:
                self._take(port, entry)
                continue
            what = f"an input of {self._spec.type}"
            found = self._scope.named(ports, entry.name, entry.path, self._site, what)
            if isinstance(found, Found):
                self._take(found.value, entry)
            elif found is None:
                near = self._scope.findings.nearest(entry.name, ports.entries)
                self._tell(
                    entry.path, "unknown_port", f"{self._spec.type} has no input '{entry.name}'.", near
                )
        if "parameters" in self._written and self._spec.input("max_tokens"):
            self._check_parameters(self._written["parameters"])

    def fill(self, previous: TaskDraft | None, given: Given | None, path: str) -> None:
        """Fill the first port that was left out from the task before; tell of the others.

        One that takes no references can only be written out.
        """
        at = path if given is None else given.path
        for port in self._missing():
            output = previous.default_output if previous else None
            if previous and previous.outputs is None:
                continue
            fits = output is not None and output.type == port.type and not port.literal_only
            if previous and output and fits and self.implicit is None:
                self.implicit = previous.index
                self._fill_from(port, previous, output, at)
            else:
                self._tell(at, "missing_port", f"{self._spec.type} needs '{port.name}'.", port.name)

    def refuse_missing(self, given: Given | None, path: str) -> None:
        """Tell of every required port that was left out."""
        self.fill(None, given, path)

    def _missing(self) -> list[Port]:
        if not self._is_readable:
            return []
        return [
            port
            for port in self._spec.inputs
            if port.required and port.default is UNSET and port.name not in self._written
        ]

    def _fill_from(self, port: Port, previous: TaskDraft, output: Port, at: str) -> None:
        reference = f"tasks.{previous.name}.outputs.{output.name}"
        found = self._scope.resolve(reference, at, self._site)
        if found is not None:
            self.templates[port.name] = Expr(found.source)
            written = f"{{{{{reference}}}}}"
            message = f"'{port.name}' of {self._spec.type} is left out and takes {written}."
            self._scope.findings.warn(at, "implicit_input", message, suggestion=written, task=self._site.task)

    def _entries(self, given: Given) -> list[Entry]:
        match given.value:
            case dict():
                return [Entry(name, value, member(given.path, name)) for name, value in given.value.items()]
            case list():
                return named_values(given, self._scope, self._site)
            case bool() | int() | float() | str():
                port = next((port for port in self._spec.inputs if port.required), None)
                if port is not None:
                    return [Entry(port.name, given.value, given.path)]
        message = f"'{given.key}' must be an object or a list, not {fields.kind(given.value)}."
        self._tell(given.path, "invalid_type", message)
        return []

    def _take(self, port: Port, entry: Entry) -> None:
        if port.name in self._written:
            self._tell(entry.path, "duplicate_port", f"'{port.name}' is given twice.")
            return
        if entry.value is None:
            return
        self._written[port.name] = entry
        template = self._compiled(port, entry)
        if template is not None:
            self.templates[port.name] = template

    def _compiled(self, port: Port, entry: Entry) -> Template | None:
        compiled = compile_value(entry.value, entry.path, self._scope, self._site)
        if compiled is None:
            return None
        if port.literal_only and compiled.kind != "literal":
            message = (
                f"'{port.name}' of {self._spec.type} takes no references; pass values by 'env' or 'stdin'."
            )
            self._tell(entry.path, "invalid_template", message)
            return None
        wanted = (port.type, *port.extra_types)
        template = types_of.fitted(compiled, wanted)
        if template is None or (port.wants_names and compiled.type == "list"):
            self._mismatch(port, compiled, entry)
            return None
        if port.extra_types and compiled.type not in (*wanted, "any", "list"):
            template = types_of.as_text(template)
        self._check(port, template, compiled, entry)
        return (
            with_kept_file(template, entry.path, self._scope, self._site) if port.type == "file" else template
        )

    def _mismatch(self, port: Port, compiled: Compiled, entry: Entry) -> None:
        wanted = " or ".join(named(each) for each in (port.type, *port.extra_types))
        if port.wants_names and compiled.type == "list":
            wanted += " with names"
        shown = compiled.reference.written if compiled.reference else "the given value"
        found = "text" if compiled.kind == "composed" and compiled.type == "text" else compiled.type
        message = f"{self._spec.type} needs {wanted} for '{port.name}'; {shown} is {found}."
        suggestion = None
        if port.type == "file" and compiled.reference and compiled.reference.root == "inputs":
            message += " Declare the input as file."
            suggestion = "file"
        self._tell(entry.path, "type_mismatch", message, suggestion)

    def _check(self, port: Port, template: Template, compiled: Compiled, entry: Entry) -> None:
        if compiled.reference and compiled.reference.is_optional and port.required:
            message = (
                f"{compiled.reference.written} may be absent, and {self._spec.type} needs '{port.name}'."
            )
            self._scope.findings.warn(entry.path, "may_be_missing", message, task=self._site.task)
        if port.form == "headers" and (wrong := request_headers.why_unusable(_known_members(template))):
            self._tell(entry.path, "invalid_value", wrong)
        if self._spec.runtime == "command" and port.name == "env":
            for each in variables.wrong_in(compiled, entry.path):
                self._tell(*each)
        if not isinstance(template, Literal):
            return
        if wanted := types_of.outside(port, template.value):
            shown = types_of.text_of(template.value)[:60]
            if isinstance(template.value, str):
                shown = f"'{shown}'"
            message = f"{self._spec.type} needs {wanted} for '{port.name}'; it is {shown}."
            self._tell(entry.path, "invalid_value", message)
        elif port.form == "url" and isinstance(template.value, str):
            self._check_url(port, template.value, entry.path)
        if self._spec.type == "openai.audio.text_to_speech" and port.name == "voice":
            self._check_voice(template.value, entry.path)

    def _check_url(self, port: Port, url: str, path: str) -> None:
        if wrong := urls.why_unusable(url):
            self._tell(path, "invalid_url", wrong)
        elif port.hosts and not urls.is_of(port.hosts, url):
            listed = ", ".join(port.hosts)
            message = f"{self._spec.type} takes https links of {listed}; '{port.name}' is none."
            self._tell(path, "unsupported_url", message)

    def _check_voice(self, voice: Any, path: str) -> None:
        if voice not in VOICES:
            near = self._scope.findings.nearest(voice, VOICES)
            message = f"'{voice}' is none of the documented voices {', '.join(VOICES)}; it is passed on."
            self._scope.findings.warn(path, "unknown_voice", message, suggestion=near, task=self._site.task)

    def _check_parameters(self, entry: Entry) -> None:
        """Check what stands in `parameters` against the ports of a completion, whose parameters they are."""
        known = self._catalog.parameters()
        if not isinstance(entry.value, dict):
            return
        for key, value in entry.value.items():
            path, port = member(entry.path, key), known.get(key)
            if port is None:
                near = self._scope.findings.nearest(key, known)
                self._tell(path, "unknown_port", f"'parameters' has no '{key}'.", near)
            elif key in self._written:
                self._tell(path, "duplicate_port", f"'{key}' is given in 'parameters' and beside it.")
            elif value is not None and not (isinstance(value, str) and "{{" in value):
                literal = Compiled(Literal(value), type_of(value), "literal")
                if types_of.fitted(literal, (port.type,)) is not literal.template:
                    self._mismatch(port, literal, Entry(key, value, path))
                else:
                    self._check(port, Literal(value), literal, Entry(key, value, path))

    def _tell(self, path: str, code: str, message: str, suggestion: str | None = None) -> None:
        self._scope.findings.problem(path, code, message, suggestion=suggestion, task=self._site.task)


def _known_members(template: Template) -> dict[str, Any]:
    """Return the members of an object that is written out, null for values that are not known yet."""
    match template:
        case Literal(dict() as members):
            return members
        case ObjectOf(entries):
            return {name: each.value if isinstance(each, Literal) else None for name, each in entries.items()}
        case _:
            return {}


def with_kept_file(template: Template, path: str, scope: Scope, site: Site) -> Template:
    """Return a file that is written out, by its id or as its content, as an input of the execution.

    The start looks up the one and keeps the other, so that both are files wherever they are shown.
    """
    if not isinstance(template, Literal):
        return template
    types_of.warn_of_unread(template.value, path, scope.findings, task=site.task)
    if file_id := types_of.file_id_of(template.value):
        scope.files.setdefault(file_id, site.task)
        return Expr(f"inputs['{hidden_input(file_id)}']")
    if (url := types_of.url_of(template.value)) and (wrong := urls.why_unusable(url)):
        scope.findings.problem(path, "invalid_url", wrong, task=site.task)
    elif wrong := types_of.why_unreadable(template.value):
        scope.findings.problem(path, "invalid_value", wrong, task=site.task)
    elif types_of.holds_content(template.value):
        digest = hashlib.sha256(types_of.text_of(template.value).encode()).hexdigest()
        scope.contents[digest] = template.value
        return Expr(f"inputs['{hidden_input(digest)}']")
    return template


def hidden_input(key: str) -> str:
    """Return the name under which a start passes a file that the definition names; no user's name is such."""
    return f"@{key}"


def named_values(given: Given, scope: Scope, site: Site) -> list[Entry]:
    """Read a list of `{name, value}`."""
    entries = []
    for index, item in enumerate(given.value):
        path = f"{given.path}/{index}"
        told = len(scope.findings.problems)
        read = fields.read_fields(item, path, NAMED_VALUE, scope.findings, task=site.task)
        name = read.get("name")
        if name is None:
            if len(scope.findings.problems) == told:
                message = "An entry needs a 'name'."
                scope.findings.problem(path, "missing_field", message, task=site.task)
            continue
        text = fields.text_of(name, scope.findings, task=site.task)
        value = read.get("value")
        if text is not None:
            entries.append(Entry(text, value and value.value, value.path if value else path))
    return entries


def named(type_name: str) -> str:
    """Return a type with its article, for sentences."""
    return f"an {type_name}" if type_name[0] in "aeiou" else f"a {type_name}"
