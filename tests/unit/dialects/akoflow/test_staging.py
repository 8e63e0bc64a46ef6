"""Directories of standalone activities, and the tasks around activities."""

from __future__ import annotations

from pathlib import Path

import msgspec

from headrace.definition.model import TaskDefinition
from headrace.dialects.akoflow.compiling import Ground, compile_workflow
from headrace.dialects.akoflow.directories import Place, inputs_of, own_names
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.places import mapped
from headrace.dialects.akoflow.staging import STAGING
from headrace.dialects.akoflow.surroundings import Surroundings

TEXT = """
name: w
spec:
  runtime: local
  storagePolicy: {type: POLICY}
  mountPath: /m
  volumes: [VOLUMES]
  activities:
    - {name: a, run: x}
    - {name: a b, run: x, dependsOn: a}
    - {name: a-b, run: x, dependsOn: [a b, a]}
    - {name: .., run: x}
"""


def tasks(policy: str = "default", volumes: str = "") -> tuple[list[TaskDefinition], TaskDefinition | None]:
    parsed = parse(TEXT.replace("POLICY", policy).replace("VOLUMES", volumes).encode(), Surroundings())
    assert parsed.draft is not None, parsed.problems
    definition = compile_workflow(parsed.draft, Ground())
    return list(definition.tasks), definition.closing


def targets(task: TaskDefinition) -> tuple[str, ...]:
    return tuple(name for transition in task.next for name in transition.to)


def test_directories_are_safe_and_unique() -> None:
    parsed = parse(TEXT.replace("POLICY", "default").replace("VOLUMES", "").encode(), Surroundings())
    assert parsed.draft is not None

    assert own_names(parsed.draft.activities) == [("a", False), ("a-b", True), ("a-b", True), ("..", True)]


def test_a_name_that_looks_like_one_with_an_id_gets_an_id_too() -> None:
    text = "name: w\nspec: {activities: [{name: a b}, {name: a-b-1003}, {name: c-1003}]}"
    parsed = parse(text.encode(), Surroundings())
    assert parsed.draft is not None

    assert own_names(parsed.draft.activities) == [("a-b", True), ("a-b-1003", True), ("c-1003", False)]


def test_shared_policies_need_no_tasks_of_their_own() -> None:
    found, closing = tasks()

    assert [task.name for task in found] == ["a", "a b", "a-b", ".."]
    assert closing is None


def test_standalone_brings_files_between_an_activity_and_its_dependencies() -> None:
    found, _ = tasks("standalone")
    by_name = {task.name: task for task in found}

    assert [task.name for task in found] == ["a", "a b", "a-b", "..", "files for a b", "files for a-b"]
    assert targets(by_name["a"]) == ("files for a b", "files for a-b")
    assert targets(by_name["files for a-b"]) == ("a-b",)
    assert by_name["files for a-b"].join == "all"
    assert by_name["files for a-b"].annotations == {STAGING: "bring"}
    place = msgspec.convert(by_name["a b"].annotations["directory"], Place)
    assert place.text(inputs_of(100, Path("/data"))) == "/m/a-b-102"


def test_volumes_come_before_the_first_activities_and_go_back_after_the_last() -> None:
    found, closing = tasks(volumes="'/l:/r', '/same:/same/', '/o:/p:out', '/i:/j:ro'")

    assert targets(found[-1]) == ("a", "..")
    assert found[-1].annotations == {STAGING: "in"}
    assert closing is not None
    assert closing.annotations == {STAGING: "out"}


def test_the_same_directory_on_both_sides_is_nothing_to_bring() -> None:
    found, closing = tasks(volumes="'/same:/same'")

    assert len(found) == 4
    assert closing is None


def test_paths_are_mapped_by_their_longest_beginning() -> None:
    table = {"/scratch": "/tmp/s", "/scratch/a/": "/tmp/a/"}

    assert mapped("/scratch/x", table) == "/tmp/s/x"
    assert mapped("/scratch/a/x", table) == "/tmp/a/x"
    assert mapped("/scratch/a", table) == "/tmp/a"
    assert mapped("/scratches/x", table) == "/scratches/x"
