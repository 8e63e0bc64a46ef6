"""Descriptions of WfCommons as documents of this dialect."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml

from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.wfformat import document_of
from headrace.errors import InvalidDefinition


def task(id: str, name: str, parents: list[str], children: list[str], **more: Any) -> dict[str, Any]:
    return {"id": id, "name": name, "parents": parents, "children": children, **more}


DESCRIPTION: dict[str, Any] = {
    "name": "blast",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                task(
                    "split_1", "split", [], ["blast_1", "blast_2"], inputFiles=["in.fa"], outputFiles=["1.fa"]
                ),
                task("blast_1", "blast", ["split_1"], []),
                task("blast_2", "blast", ["split_1"], []),
            ],
            "files": [{"id": "in.fa", "sizeInBytes": 7}, {"id": "1.fa", "sizeInBytes": 7}],
        },
        "execution": {
            "tasks": [
                {
                    "id": "split_1",
                    "command": {"program": "split", "arguments": ["-n", "2", "in fa"]},
                    "coreCount": 2,
                    "memoryInBytes": 1024,
                }
            ]
        },
    },
}


def problems_of(description: Any) -> list[str]:
    with pytest.raises(InvalidDefinition) as caught:
        document_of(description)
    return [problem.code for problem in caught.value.problems]


def test_tasks_become_activities() -> None:
    imported = document_of(DESCRIPTION)
    made = yaml.safe_load(imported.document)

    assert made["name"] == "blast"
    assert made["spec"]["activities"] == [
        {
            "name": "split",
            "command": {"entrypoint": "split", "arguments": ["-n", "2", "in fa"]},
            "cpuLimit": 2,
            "memoryLimit": 1024,
            "inputs": ["in.fa"],
            "outputs": ["1.fa"],
        },
        {"name": "blast_1", "dependsOn": ["split"]},
        {"name": "blast_2", "dependsOn": ["split"]},
    ]
    assert [warning.code for warning in imported.warnings] == ["no_command", "no_command"]
    assert parse(imported.document.encode(), Surroundings()).problems == ()


def test_parents_and_children_must_agree() -> None:
    description = deepcopy(DESCRIPTION)
    description["workflow"]["specification"]["tasks"][0]["children"] = ["blast_1"]

    assert problems_of(description) == ["parents_children_disagree"]


@pytest.mark.parametrize(
    ("description", "codes"),
    [
        (None, ["wfformat_version", "wfformat_invalid"]),
        ({"schemaVersion": "1.4", "workflow": 3}, ["wfformat_version", "wfformat_invalid"]),
        (
            {"schemaVersion": "1.5", "workflow": {"specification": {"tasks": [3, {"id": 1}]}}},
            ["wfformat_invalid", "wfformat_invalid"],
        ),
        (
            {"schemaVersion": "1.6", "workflow": {"specification": {"tasks": [{"id": "a"}, {"id": "a"}]}}},
            ["duplicate_activity"],
        ),
    ],
)
def test_what_is_no_description(description: Any, codes: list[str]) -> None:
    assert problems_of(description) == codes
