"""A broken part gives one problem, and nothing is told of what merely refers to it (section 2)."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse


def echo(text: str = "x", name: str = "e") -> dict[str, Any]:
    return {"name": name, "type": "echo", "inputs": {"text": text}}


def page(*outputs: Any, **more: Any) -> dict[str, Any]:
    inputs = {"url": "https://example.com"}
    return {"name": "a", "type": "web.download", "inputs": inputs, "outputs": list(outputs), **more}


READERS = [echo("{{inputs.x}}", "e"), echo("{{inputs.x}} {{inputs.x}}", "f")]
SIZE = {"name": "b", "type": "text.size"}


@pytest.mark.parametrize(
    ("tasks", "top", "problem"),
    [
        (READERS, {"inputs": {"x": "text"}}, ("/inputs", "invalid_type")),
        (READERS, {"inputs": [{"type": "text"}]}, ("/inputs/0", "missing_field")),
        (READERS, {"inputs": ["x"]}, ("/inputs/0", "invalid_type")),
        (
            [*READERS, echo("{{ inputs.x y }}", "g"), echo("{{inputs.x_y}}", "h")],
            {"inputs": [{"name": "x y", "type": "text"}]},
            ("/inputs/0/name", "invalid_name"),
        ),
        (
            [{"name": "t", "type": "text.truncate", "inputs": {"text": "x", "length": "{{inputs.x}}"}}],
            {"inputs": [{"name": "x", "type": "text"}, {"name": "x", "type": "number"}]},
            ("/inputs/1/name", "duplicate_name"),
        ),
        (
            [page({"name": "a b", "value": "{{outputs.html}}"}), SIZE, echo("{{tasks.a.outputs.a b}}")],
            {},
            ("/tasks/0/outputs/0/name", "invalid_name"),
        ),
        (
            [page({"name": "a b", "value": "{{outputs.html}}"}), echo("{{tasks.a.outputs.htm}}")],
            {},
            ("/tasks/0/outputs/0/name", "invalid_name"),
        ),
        (
            [page({"name": "status", "value": "{{outputs.html}}"}), SIZE, echo("{{tasks.a.outputs.status}}")],
            {},
            ("/tasks/0/outputs/0/name", "duplicate_name"),
        ),
        (
            [page({"name": "new", "value": "{{outputs.nope}}"}), echo("{{tasks.a.outputs.new}}")],
            {},
            ("/tasks/0/outputs/0/value", "unknown_reference"),
        ),
        ([echo(), {**SIZE, "inputs": ["x"]}], {}, ("/tasks/1/inputs/0", "invalid_type")),
        ([{**SIZE, "inputs": [{"value": "x"}]}], {}, ("/tasks/0/inputs/0", "missing_field")),
        ([page(name="a b", depends_on=[]), SIZE], {}, ("/tasks/0/name", "invalid_name")),
        ([page(name=5), SIZE], {}, ("/tasks/0/name", "invalid_type")),
        (
            [page(), echo(name="a"), echo("{{tasks.a.outputs.text}}", "b")],
            {},
            ("/tasks/1/name", "duplicate_name"),
        ),
    ],
)
def test_a_broken_part_gives_one_problem(
    library: TaskTypes, tasks: list[Any], top: dict[str, Any], problem: tuple[str, str]
) -> None:
    told = parse({"title": "w", "tasks": tasks, **top}, library).problems

    assert [(each.path, each.code) for each in told] == [problem]


def test_sentences_speak_of_the_part_that_is_wrong(library: TaskTypes) -> None:
    tasks = [
        {**echo(), "depends_on": [5]},
        {**echo(name="f"), "condition": '{{inputs.x}} == {"a": 1, "a": 2}'},
    ]
    inputs = [{"name": "x", "type": "object"}]
    [entry, condition] = parse({"title": "w", "tasks": tasks, "inputs": inputs}, library).problems

    assert entry.path == "/tasks/0/depends_on/0"
    assert entry.message == "'depends_on' lists names of tasks; a number is none."
    assert (condition.path, condition.code) == ("/tasks/1/condition", "invalid_condition")
    assert "'a'" in condition.message


def test_what_is_wrong_beside_a_broken_part_is_told_too(library: TaskTypes) -> None:
    tasks = [
        page({"name": "a b", "value": "{{outputs.html}}"}),
        echo("{{tasks.nobody.outputs.x}}"),
        echo("{{inputs.x | upper}}", "f"),
    ]
    told = parse({"title": "w", "tasks": tasks, "inputs": [{"type": "text"}]}, library).problems

    assert [(each.path, each.code) for each in told] == [
        ("/tasks/0/outputs/0/name", "invalid_name"),
        ("/tasks/1/inputs/text", "unknown_reference"),
        ("/tasks/2/inputs/text", "invalid_template"),
        ("/inputs/0", "missing_field"),
    ]
