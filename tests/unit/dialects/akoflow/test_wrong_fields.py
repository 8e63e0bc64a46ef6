"""One field that is wrong: what is said, once, where, and with what would be right."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from headrace.dialects.akoflow.drafts import Command
from headrace.dialects.akoflow.parse import Parsed, parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.wire import ACTIVITY_KEYS, COMMAND_KEYS, POLICY_KEYS, SPEC_KEYS
from headrace.errors import Problem

LONGEST = 131_071
"""Bytes of a word: Linux takes 131,072 with its last NUL."""


def read(spec: dict[str, Any] | None = None, activity: dict[str, Any] | None = None) -> Parsed:
    activities = [{"name": "a", "run": "x"} | (activity or {})]
    document = {"name": "w", "spec": {"runtime": "local", "activities": activities} | (spec or {})}
    return parse(json.dumps(document).encode(), Surroundings())


def read_command(command: dict[str, Any]) -> list[Problem]:
    return list(read(activity={"run": "", "command": command}).problems)


def read_many(activities: list[dict[str, Any]]) -> Parsed:
    document = {"name": "w", "spec": {"runtime": "local", "activities": activities}}
    return parse(json.dumps(document).encode(), Surroundings())


def test_an_unknown_dependency_of_three_letters_is_told_the_nearest_name() -> None:
    found = read_many([{"name": "abc", "run": "x"}, {"name": "b", "run": "x", "dependsOn": ["abd"]}])

    assert [each.suggestion for each in found.problems] == ["abc"]


def test_hundreds_of_unknown_dependencies_with_long_names_are_told_at_once() -> None:
    long = "segmentation-of-tiles-" * 10
    began = time.process_time()
    found = read_many([{"name": f"{long}{n}", "run": "x", "dependsOn": [f"{long}{n}zz"]} for n in range(500)])

    assert time.process_time() - began < 1, "seconds; it takes 0.1 on a quiet machine"
    assert found.problem_count == 500
    assert found.problems[0].suggestion is not None


FIELDS = [
    *(pytest.param(("spec", key), id=f"spec {key}") for key in SPEC_KEYS),
    *(pytest.param(("policy", key), id=f"storagePolicy {key}") for key in POLICY_KEYS),
    *(pytest.param(("activity", key), id=f"activity {key}") for key in ACTIVITY_KEYS),
    *(pytest.param(("command", key), id=f"command {key}") for key in COMMAND_KEYS),
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["\u0007", {"a": {"b": "c"}}, ["x", ["y"]], [], 17])
def test_a_wrong_value_is_told_once(field: tuple[str, str], value: Any) -> None:
    place, key = field
    match place:
        case "spec":
            parsed = read({key: value})
        case "policy":
            parsed = read({"storagePolicy": {key: value}})
        case "activity":
            parsed = read(activity={key: value})
        case _:
            parsed = read(activity={"run": "", "command": {key: value}})

    found = [(each.path, each.code) for each in (*parsed.problems, *parsed.warnings)]
    assert len(found) == len(set(found))


def test_a_runtime_that_is_no_text_is_not_also_taken_for_absent() -> None:
    parsed = read({"runtime": {"a": "b"}})

    assert [each.code for each in parsed.problems] == ["wrong_type"]
    assert parsed.warnings == ()
    assert [each.code for each in read({"runtime": ""}).warnings] == ["runtime_defaulted"]


def test_a_command_without_a_program_is_told_at_the_command() -> None:
    text = (
        "name: w\nspec:\n  runtime: local\n  activities:\n"
        "    - name: a\n      command:\n        arguments: [x]\n"
    )
    [problem] = parse(text.encode(), Surroundings()).problems

    assert problem.path == "/spec/activities/0/command/entrypoint"
    assert (problem.line, problem.column) == (6, 7)
    assert "'entrypoint'" in problem.message


@pytest.mark.parametrize("empty", ["", None, []])
@pytest.mark.parametrize("key", ["entrypoint", "executable"])
def test_an_empty_program_is_told_once(key: str, empty: object) -> None:
    [problem] = read_command({key: empty})

    assert problem.code == "wrong_type"
    assert "needs an 'entrypoint'" in problem.message


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ({"entrypoint": "?"}, "entrypoint"),
        ({"executable": "?"}, "executable"),
        ({"entrypoint": ["p", "?"]}, "entrypoint/1"),
        ({"entrypoint": "p", "arguments": ["?"]}, "arguments/0"),
        ({"entrypoint": "p", "environment": {"AB": "?"}}, "environment/AB"),
    ],
)
def test_no_word_is_longer_than_linux_takes(command: dict[str, Any], path: str) -> None:
    room = LONGEST - 3 if "environment" in command else LONGEST
    wide = "é" + "x" * (room - 2)

    def filled(word: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(json.dumps(command).replace("?", word))
        return loaded

    assert read_command(filled(wide)) == []
    [problem] = read_command(filled(wide + "y"))
    assert (problem.path, problem.code) == (f"/spec/activities/0/command/{path}", "run_too_large")
    assert "at most 131,071 bytes; this one has 131,072" in problem.message


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("A=B", "x", "invalid_name"),
        ("", "x", "invalid_name"),
        ("A\0", "x", "invalid_name"),
        ("A", "x\0y", "control_character"),
    ],
)
def test_a_variable_that_cannot_be_is_called_what_it_is(name: str, value: str, code: str) -> None:
    [problem] = read_command({"entrypoint": "env", "environment": {name: value}})

    assert problem.code == code


def test_both_spellings_of_a_program_are_a_warning() -> None:
    found = read(activity={"run": "", "command": {"executable": "false", "entrypoint": "true"}})

    assert [(each.code, each.path) for each in found.warnings] == [
        ("entrypoint_given_twice", "/spec/activities/0/command/executable")
    ]
    assert found.draft is not None
    assert found.draft.activities[0].command == Command(("true",))
    assert read(activity={"run": "", "command": {"executable": "true"}}).warnings == ()


@pytest.mark.parametrize(
    ("runtimes", "codes"),
    [
        (["local", "LOCAL"], []),
        (["local", None], ["runtime_defaulted"]),
        ([None], ["runtime_defaulted"]),
        (["", "local"], ["runtime_defaulted"]),
    ],
)
def test_a_default_runtime_is_told_where_it_is_taken(runtimes: list[str | None], codes: list[str]) -> None:
    activities = [
        {"name": str(place), "run": "x", "runtime": runtime} for place, runtime in enumerate(runtimes)
    ]
    document = {"name": "w", "spec": {"activities": activities}}

    assert [each.code for each in parse(json.dumps(document).encode(), Surroundings()).warnings] == codes
