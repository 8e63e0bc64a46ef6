"""What dialects make of documents is what the engine relies on; a server does not ask for that each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.cli.documents import dialects
from headrace.definition.model import WorkflowDefinition
from headrace.definition.validation import validate
from headrace.dialects.akoflow.parse import parse as parse_akoflow
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.engine.checking import check_expressions
from headrace.tasks.library import Library

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
ANYWHERE = Surroundings(unknown_runtime="local")

_CASES = json.loads((CORPUS / "dataflow" / "definitions.json").read_text(encoding="utf-8"))
_EXAMPLES = json.loads((CORPUS / "dataflow" / "examples.json").read_text(encoding="utf-8"))
DATAFLOW = {
    **{case["name"]: case["document"] for case in _CASES if not case["problems"] and "document" in case},
    **_EXAMPLES,
    **{path.name: json.loads(path.read_text()) for path in sorted((ROOT / "examples").glob("*.json"))},
}
AKOFLOW = {
    "golden": (CORPUS / "akoflow" / "golden.yaml").read_bytes(),
    "montage": (ROOT / "examples" / "montage" / "montage.yaml").read_bytes(),
    "everything": b"""
name: w
spec:
  runtime: local
  storagePolicy: {type: standalone}
  mountPath: /m
  volumes: ["/in:/m/in:ro", "/out:/m/out:out"]
  activities:
    - {name: a, run: make x, policy: {maxAttempts: 3, timeout: 5m}, outputs: [x]}
    - {name: b, command: {entrypoint: [change, x], environment: {A: "1"}}, dependsOn: [a]}
    - {name: c, dependsOn: [a, b]}
""",
}


def problems(definition: WorkflowDefinition | None) -> list[object]:
    assert definition is not None
    return [*validate(definition), *check_expressions(definition)]


@pytest.mark.parametrize("name", DATAFLOW)
def test_data_flow_documents_become_valid_definitions(name: str) -> None:
    source = json.dumps(DATAFLOW[name]).encode()
    parsed = dialects()["dataflow"].parse(source, Library.installed(), max_tasks=10_000)

    assert problems(parsed.definition) == []


@pytest.mark.parametrize("name", AKOFLOW)
def test_akoflow_documents_become_valid_definitions(name: str) -> None:
    parsed = parse_akoflow(AKOFLOW[name], ANYWHERE)

    assert parsed.problems in ([], ())
    assert problems(parsed.definition) == []
