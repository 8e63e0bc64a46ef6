"""Reads a document of this dialect, with everything that is wrong with it at once.

One pass over the root, one over the activities, one over the edges; each is linear in the document.
Knows neither the engine, nor the store, nor the web; what the server is like stands in `Surroundings`.
"""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.akoflow.compiling import Ground, compile_workflow
from headrace.dialects.akoflow.drafts import WorkflowDraft
from headrace.dialects.akoflow.findings import Findings, told
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.workflow import Reading
from headrace.errors import InvalidDefinition, Problem
from headrace.security.documents import read_yaml_texts

_LOST = "The indentation seems to be lost."
_HINT = "Write what belongs to 'spec:' two spaces further in."


class Parsed(Struct, frozen=True, dict=True):
    """What became of a document."""

    draft: WorkflowDraft | None
    """None when there are problems."""
    problems: tuple[Problem, ...]
    """In document order, at most 100."""
    warnings: tuple[Problem, ...]
    problem_count: int = 0
    """How many problems there are altogether."""
    activities: int = 0
    edges: int = 0
    depth: int = 0
    ground: Ground = Ground()
    """Where its runs will stand."""

    @cached_property
    def definition(self) -> WorkflowDefinition | None:
        """The model, the same for all runs."""
        return None if self.draft is None else compile_workflow(self.draft, self.ground)


def parse(source: bytes, around: Surroundings) -> Parsed:
    """Read a document; whatever the bytes are, the answer is a value and never an exception."""
    try:
        document = read_yaml_texts(source)
    except InvalidDefinition as error:
        unreadable = tuple(_hinted(problem, source) for problem in error.problems)
        return Parsed(None, unreadable, (), error.total)
    findings = Findings()
    reading = Reading(document, around, findings)
    draft = reading.draft()
    problems, warnings = told(findings.problems, document), told(findings.warnings, document)
    return Parsed(
        None if problems.total else draft,
        problems.shown,
        warnings.shown,
        problems.total,
        len(draft.activities) if draft else 0,
        reading.shape.edges,
        reading.shape.depth,
        Ground(source=source),
    )


def _hinted(problem: Problem, source: bytes) -> Problem:
    """Return a syntax error with a hint where a line is just `spec:` and no line of the text is indented."""
    lines = source.splitlines()
    if problem.code != "yaml_syntax" or not any(line.rstrip() == b"spec:" for line in lines):
        return problem
    if any(line[:1] in (b" ", b"\t") and line.strip() for line in lines):
        return problem
    return replace(problem, message=f"{problem.message} {_LOST}", suggestion=_HINT)
