"""Reads a document of this dialect into the model, with everything that is wrong with it at once.

One pass over the heads of the tasks (names, types, outputs), one over the values, one over the order; each is
linear in the document.
Knows the task library and the model; never the engine, the store or the web.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headrace.definition.model import TaskDefinition, WorkflowDefinition
from headrace.dialects.dataflow import fields, order
from headrace.dialects.dataflow.catalog import Catalog, TaskTypes
from headrace.dialects.dataflow.compiling import CompiledTask, compile_task
from headrace.dialects.dataflow.drafts import Site, TaskDraft
from headrace.dialects.dataflow.fallbacks import renames_with
from headrace.dialects.dataflow.fields import Fields
from headrace.dialects.dataflow.findings import Findings
from headrace.dialects.dataflow.inputs import read_inputs
from headrace.dialects.dataflow.names import fold
from headrace.dialects.dataflow.order import PlanStep
from headrace.dialects.dataflow.outputs import read_outputs
from headrace.dialects.dataflow.scope import Scope
from headrace.dialects.dataflow.tasks import read_tasks
from headrace.dialects.dataflow.wire import LARGEST_TITLE, MOST_TASKS, WORKFLOW, Style
from headrace.errors import Problem

DIALECT = "dataflow"


class Parsed(Struct, frozen=True):
    """What became of a document."""

    definition: WorkflowDefinition | None
    """None when there are problems."""
    problems: tuple[Problem, ...]
    """In document order, at most 100 and `more_problems`; warnings likewise."""
    warnings: tuple[Problem, ...]
    plan: tuple[PlanStep, ...]
    """Empty when there are problems."""
    style: Style
    """How answers about the document are spelled."""


def parse(document: Any, library: TaskTypes, *, max_tasks: int = MOST_TASKS) -> Parsed:
    """Read a decoded JSON body; whatever it is, the answer is a value and never an exception."""
    findings = Findings()
    reading = _Reading(document, library, findings, max_tasks)
    made = reading.definition()
    problems, warnings = findings.told(document)
    if problems or made is None:
        return Parsed(None, problems, warnings, (), reading.style)
    return Parsed(made, (), warnings, tuple(reading.plan), reading.style)


class _Reading:
    """One document on its way into the model."""

    def __init__(self, document: Any, library: TaskTypes, findings: Findings, max_tasks: int) -> None:
        self._document = document
        self._catalog = Catalog(library)
        self._findings = findings
        self._max_tasks = max_tasks
        self.plan: list[PlanStep] = []
        self.style = Style()

    def definition(self) -> WorkflowDefinition | None:
        """Return the definition; None, or anything at all, when problems were told."""
        top = fields.read_fields(self._document, "", WORKFLOW, self._findings)
        if not isinstance(self._document, dict):
            return None
        title = self._title(top)
        description = fields.text_of(top["description"], self._findings) if "description" in top else ""
        sequential = fields.flag_of(top["sequential"], self._findings) if "sequential" in top else False
        inputs = read_inputs(top.get("inputs"), self._findings)
        read = self._drafts(top)
        scope = Scope(inputs, read, self._findings)
        drafts = read or []
        compiled = [
            compile_task(draft, drafts[draft.index - 1] if draft.index else None, self._catalog, scope)
            for draft in drafts
        ]
        site = Site(len(drafts), "", place="outputs")
        outputs = read_outputs(top.get("outputs"), scope, site)
        self.style = _style(top, drafts, scope)
        order.tell_late([task.wish for task in compiled], [draft.name for draft in drafts], self._findings)
        renames = self._renames(compiled, site)
        if self._findings.problems:
            return None
        tasks = self._tasks(compiled, renames, sequential=bool(sequential))
        return WorkflowDefinition(
            name=title,
            dialect=DIALECT,
            tasks=tasks,
            description=description or "",
            inputs=tuple(inputs.ports.values()),
            outputs=outputs,
            unhandled="every_failure",
            annotations=_annotations(self.style, scope),
        )

    def _title(self, top: Fields) -> str:
        given = top.get("title")
        if given is None:
            self._findings.problem("", "missing_field", "A workflow needs a 'title'.")
            return ""
        title = fields.text_of(given, self._findings)
        if title == "":
            self._findings.problem(given.path, "empty", f"'{given.key}' must not be empty.")
        elif title and len(title) > LARGEST_TITLE:
            message = f"'{given.key}' has {len(title)} characters; {LARGEST_TITLE} are allowed."
            self._findings.problem(given.path, "invalid_value", message)
        return title or ""

    def _drafts(self, top: Fields) -> list[TaskDraft] | None:
        """Return the heads of the tasks; None when a problem with the list as a whole was told."""
        given = top.get("tasks")
        if given is None:
            self._findings.problem("", "missing_field", "A workflow needs 'tasks'.")
            return None
        items = fields.list_of(given, self._findings)
        if given.value == []:
            self._findings.problem(given.path, "empty", "A workflow needs at least one task.")
        if not items:
            return None
        if len(items) > self._max_tasks:
            message = f"The workflow has {len(items)} tasks; {self._max_tasks} are allowed."
            self._findings.problem(given.path, "invalid_value", message)
            return None
        return read_tasks(items, given.path, self._catalog, self._findings)

    def _renames(self, compiled: list[CompiledTask], outputs: Site) -> list[dict[str, str]]:
        """Return the renames of each task, with what its fallback needs; tell what fallbacks lack."""
        with_fallback: dict[int, dict[str, str]] = {
            task.draft.index: {} for task in compiled if task.fallback
        }
        if with_fallback:
            for site in (*(task.wish.site for task in compiled), outputs):
                for index, output in site.used:
                    if index in with_fallback:
                        reader = f"task '{site.task}'" if site.task else "an output"
                        with_fallback[index].setdefault(output, reader)
        return [
            renames_with(task.fallback, task.draft, with_fallback[task.draft.index], self._findings)
            if task.fallback and task.draft.outputs is not None
            else task.draft.renames
            for task in compiled
        ]

    def _tasks(
        self, compiled: list[CompiledTask], renames: list[dict[str, str]], *, sequential: bool
    ) -> tuple[TaskDefinition, ...]:
        names = [task.draft.name for task in compiled]
        waits = [order.sources_of(task.wish, sequential=sequential) for task in compiled]
        edges = order.edges([sources for sources, _ in waits], names)
        tasks = []
        for task, (sources, because), onward, renamed in zip(compiled, waits, edges, renames, strict=True):
            draft = task.draft
            waited_for = tuple(names[index] for index in sources)
            self.plan.append(PlanStep(draft.name, draft.type, waited_for, because))
            checks = order.checks_of(task.wish, sources, names)
            if task.condition:
                checks.append(task.condition)
            assert task.action is not None
            tasks.append(
                TaskDefinition(
                    name=draft.name,
                    action=task.action,
                    next=onward,
                    join="all",
                    checks=tuple(checks),
                    retry=task.retry,
                    fallback=task.fallback.action if task.fallback else None,
                    timeout=task.timeout,
                    renames=renamed,
                    annotations={"type": draft.type},
                )
            )
        return tuple(tasks)


def _style(top: Fields, drafts: list[TaskDraft], scope: Scope) -> Style:
    title = top.get("title")
    name = drafts[0].fields.get("name") if drafts else None
    says_name = title is not None and fold(title.key) == "name"
    return Style(
        family="B" if says_name or scope.is_capitalised else "A",
        label="ref" if name is not None and fold(name.key) == "ref" else "name",
        camel_case=scope.is_capitalised,
    )


def _annotations(style: Style, scope: Scope) -> dict[str, Any]:
    """Return what answers and starts need to know: the style, and which secrets and files are written out."""
    return {
        "family": style.family,
        "label": style.label,
        "camel_case": style.camel_case,
        "secrets": scope.secrets,
        "files": scope.files,
        "contents": scope.contents,
    }


def style_of(definition: WorkflowDefinition) -> Style:
    """Return how answers about a workflow are spelled; one of another dialect is answered as family A."""
    told = definition.annotations if definition.dialect == DIALECT else {}
    return Style(
        family=told.get("family", "A"),
        label=told.get("label", "name"),
        camel_case=told.get("camel_case", False),
    )
