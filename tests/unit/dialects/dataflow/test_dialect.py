"""The dialect as the server knows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.dialects.dataflow import dialect
from headrace.settings import Settings
from headrace.tasks.library import Library


@pytest.fixture(scope="module")
def installed() -> Library:
    return Library.installed()


def test_every_problem_has_its_line_and_column(installed: Library) -> None:
    lines = (
        '{"title": "w",',
        ' "inputs": [{"name": "a"}],',
        ' "tasks": [{"type": "echo",',
        '   "input": "{{inputs.b}}"}]}',
    )
    source = "\n".join(lines).encode()
    parsed = dialect.parse(source, installed, max_tasks=10)

    assert [(problem.code, problem.line, problem.column) for problem in parsed.problems] == [
        ("missing_field", 2, 13),
        ("unknown_reference", 4, 4),
    ]
    assert [(warning.code, warning.line) for warning in parsed.warnings] == [("name_generated", 3)]


def test_bytes_that_are_no_json_are_a_problem_and_no_exception(installed: Library) -> None:
    parsed = dialect.parse(b"{", installed, max_tasks=10)

    assert parsed.definition is None
    assert [problem.code for problem in parsed.problems] == ["invalid_json"]


def test_the_operator_s_limit_of_tasks_counts(installed: Library) -> None:
    outputs = [{"name": "o", "value": "{{tasks.a.outputs.text}}"}]
    document = {"title": "w", "tasks": [{"name": "a", "type": "echo", "input": "x"}] * 3, "outputs": outputs}
    parsed = dialect.parse(json.dumps(document).encode(), installed, max_tasks=2)

    assert [problem.message for problem in parsed.problems] == ["The workflow has 3 tasks; 2 are allowed."]


@pytest.mark.parametrize("tasks", [None, {}, [], "x"])
def test_nothing_is_told_of_the_names_in_a_list_of_tasks_that_is_wrong(
    installed: Library, tasks: object
) -> None:
    outputs = [{"name": "o", "value": "{{tasks.a.outputs.text}}"}]
    document = {"title": "w", "tasks": tasks, "outputs": outputs}
    parsed = dialect.parse(json.dumps(document).encode(), installed, max_tasks=2)

    assert len(parsed.problems) == 1
    assert "task 'a'" not in parsed.problems[0].message


@pytest.mark.parametrize(
    ("document", "is_ours"),
    [
        ({"title": "w", "tasks": []}, True),
        ({"Name": "w", "Steps": []}, True),
        ({"name": "w", "tasks": {}}, False),
        ({"tasks": []}, False),
        ({"version": "1.0", "spec": {}}, False),
        ([], False),
        (None, False),
    ],
)
def test_documents_are_recognised_by_title_and_tasks(document: object, is_ours: bool) -> None:
    assert dialect.recognises(document) is is_ours


def test_the_limit_of_bodies_is_a_setting(tmp_path: Path) -> None:
    assert dialect.max_body(Settings(data_dir=tmp_path)) == 16 * 1024 * 1024
