"""What is wrong with the expressions of a definition, as far as it shows before anything runs; all at once.

Each must be readable, call context functions only where there is such a context, and name what exists.
What only the values of a run can tell (types, missing fields) is left to the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headrace.definition.model import RunGroup, TaskDefinition, WorkflowDefinition
from headrace.definition.places import Kind, Place, places
from headrace.definition.validation import nearest
from headrace.errors import Problem
from headrace.expressions import Expression, ExpressionSyntaxError, Reference, parse

_OUTCOMES: Final = frozenset({"result", "succeeded", "failed", "timed_out"})
_SOURCES: Final = frozenset({"failed_sources", "skipped_sources"})
ALLOWED: Final[dict[str, frozenset[Kind]]] = {
    **dict.fromkeys(_OUTCOMES, frozenset({"transition", "retry"})),
    **dict.fromkeys(_SOURCES, frozenset({"check"})),
}
"""Context functions that only some kinds of places have an answer to."""

_WHERE: Final[dict[frozenset[str], str]] = {
    _OUTCOMES: "transitions and retry conditions",
    _SOURCES: "checks",
}


def check_expressions(definition: WorkflowDefinition) -> list[Problem]:
    """Return all problems of the definition's expressions, in the order of the definition.

    The structure must be valid already (`headrace.definition.validation`).
    """
    inputs = frozenset(port.name for port in definition.inputs)
    known = _variables(definition)
    problems: list[Problem] = []
    for place in places(definition):
        try:
            expression = parse(place.source)
        except ExpressionSyntaxError as error:
            column = None if error.position is None else error.position + 1
            problems.append(
                Problem(
                    path=place.path, code=error.code, message=error.message, column=column, task=place.task
                )
            )
            continue
        problems.extend(_functions(expression, place))
        for reference in expression.references:
            problems.extend(_reference(reference, expression, place, inputs, known))
    return problems


def _variables(definition: WorkflowDefinition) -> frozenset[str]:
    """Return all names that the definition ever gives to a variable."""
    found = {name for name, _ in definition.variables}
    left: list[TaskDefinition] = [*definition.tasks]
    while left:
        task = left.pop()
        found.update(name for edge in task.next for name, _ in edge.publish)
        for action in (task.action, task.fallback):
            if isinstance(action, RunGroup):
                left.extend(action.tasks)
    return frozenset(found)


def _functions(expression: Expression, place: Place) -> Iterator[Problem]:
    for name in sorted(expression.functions):
        if name in ALLOWED and place.kind not in ALLOWED[name]:
            where = next(words for names, words in _WHERE.items() if name in names)
            message = f"'{name}()' is only available in {where}."
            yield Problem(path=place.path, code="function_not_allowed", message=message, task=place.task)


def _reference(
    reference: Reference,
    expression: Expression,
    place: Place,
    inputs: frozenset[str],
    variables: frozenset[str],
) -> Iterator[Problem]:
    first = str(reference.path[0]) if reference.path else None
    match reference.root:
        case "inputs":
            if inputs and first is not None and first not in inputs:
                yield _unknown("input", first, inputs, place)
        case "tasks":
            if first is not None and first not in place.tasks:
                yield _unknown("task", first, place.tasks, place)
        case "secrets":
            if place.kind != "input":
                message = "A secret may only stand in the inputs of a task."
                yield Problem(path=place.path, code="secret_not_allowed", message=message, task=place.task)
        case "item" | "index" if not place.has_item and reference.root not in variables:
            message = f"'{reference.root}' is only available for the elements of a foreach."
            yield Problem(path=place.path, code="item_not_available", message=message, task=place.task)
        case "item" | "index" | "vars" | "execution":
            return
        case root:
            # What `default` may catch is allowed to be missing.
            if root not in variables and "default" not in expression.functions:
                yield _unknown("variable", root, variables, place)


def _unknown(what: str, name: str, known: frozenset[str], place: Place) -> Problem:
    return Problem(
        path=place.path,
        code=f"unknown_{what}",
        message=f"There is no {what} '{name}'.",
        suggestion=nearest(name, known),
        task=place.task,
    )
