"""The environment of a script: what is refused where it is written, and what a run is given."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import ended

from headrace.definition.model import RunCommand
from headrace.definition.templates import Literal
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import Parsed, parse

INPUTS = [
    {"name": "f", "type": "file"},
    {"name": "e", "type": "object"},
    {"name": "t", "type": "text"},
]


def parsed(library: TaskTypes, env: Any) -> Parsed:
    call = {"name": "s", "type": "core.shell", "inputs": {"script": "true", "env": env}}
    return parse({"title": "w", "inputs": INPUTS, "tasks": [call]}, library)


@pytest.mark.parametrize("name", ["a-b", "x.y", "1x", "A B", "ü", "IFS"])
@pytest.mark.parametrize("value", ["1", "{{inputs.t}}"])
def test_a_variable_has_any_name_that_a_process_can_hold(library: TaskTypes, name: str, value: str) -> None:
    found = parsed(library, {name: value})

    assert found.problems == ()
    assert found.definition is not None
    action = found.definition.tasks[0].action
    assert isinstance(action, RunCommand)
    assert list(action.environment) == [name]


@pytest.mark.parametrize(
    ("env", "path", "code", "message"),
    [
        ({"": "1"}, "/", "invalid_name", "is not empty, and has no '='"),
        ({"a=b": "1"}, "/a=b", "invalid_name", "is not empty, and has no '='"),
        ({"a\0": "{{inputs.t}}"}, "/a\0", "invalid_name", "no NUL character"),
        ({"a": "x\0"}, "/a", "invalid_value", "The value of a variable has no NUL character"),
        ({"a": "x\0{{inputs.t}}"}, "/a", "invalid_value", "The value of a variable has no NUL character"),
        ({"a": "{{inputs.f}}"}, "/a", "type_mismatch", "text for the variable 'a'; {{inputs.f}} is file."),
        ({"a": {"b": ["{{inputs.f}}"]}}, "/a", "type_mismatch", "{{inputs.f}} is file."),
        ("{{inputs.e}}", "", "type_mismatch", "'env' must be written out as an object"),
    ],
)
def test_what_no_process_can_be_given_is_told_at_its_place(
    library: TaskTypes, env: Any, path: str, code: str, message: str
) -> None:
    (problem,) = parsed(library, env).problems

    assert (problem.path, problem.code) == (f"/tasks/0/inputs/env{path}", code)
    assert message in problem.message


def test_the_place_is_right_where_inputs_are_a_list_or_a_fallback_s(library: TaskTypes) -> None:
    listed = [{"name": "script", "value": "true"}, {"name": "env", "value": {"=": "1"}}]
    call = {
        "name": "s",
        "type": "core.shell",
        "inputs": listed,
        "fallback": {"task": "core.shell", "inputs": {"script": "true", "env": {"=": "1"}}},
    }
    problems = parse({"title": "w", "tasks": [call]}, library).problems

    assert [each.path for each in problems] == [
        "/tasks/0/inputs/1/value/=",
        "/tasks/0/fallback/inputs/env/=",
    ]


def test_null_is_no_variable_and_escaped_characters_are_text(library: TaskTypes) -> None:
    found = parsed(library, {"none": None, "json": {"a": "\0"}})

    assert found.definition is not None
    action = found.definition.tasks[0].action
    assert isinstance(action, RunCommand)
    assert action.environment == {"json": Literal({"a": "\0"})}


async def test_a_script_runs_with_variables_that_its_shell_cannot_name(client: httpx2.AsyncClient) -> None:
    inputs = {"script": 'printf %s "$PLAIN"', "env": {"a-b": "1", "x.y": "2", "1x": "3", "PLAIN": "seen"}}
    task = {"name": "s", "type": "core.shell", "inputs": inputs}
    path = await ended(client, {"title": "w", "tasks": [task]}, {})
    details = (await client.get(path)).json()

    assert details["status"] == "COMPLETED"
    assert details["tasks"][0]["outputs"]["stdout"] == "seen"
